using System.Runtime.Versioning;
using Workerman.Hosting;
using Workerman.Logging;

namespace Workerman.Supervision;

/// <summary>
/// Where standard output and error of a daemon's process go, once it serves: until then they are those of the command that has
/// started it, so that whatever keeps it from starting is seen. One in its process; any thread, one at a time.
/// </summary>
/// <param name="files">The files of the log and of what is printed.</param>
[SupportedOSPlatform("linux")]
internal sealed class DaemonOutput(LogFileSettings files)
{
    private StandardOutput? _output;

    /// <summary>Lets go of the terminal.</summary>
    /// <exception cref="WorkerStartException">The file cannot be opened.</exception>
    public void Redirect()
    {
        try
        {
            _output = StandardOutput.Redirect(files.StdoutFile ?? "/dev/null", files.MaxSize, files.Count);
        }
        catch (IOException e)
        {
            throw new WorkerStartException($"{e.Message}. Cure: give the user of this program the right to write there, or set "
                + "Worker.StdoutFile to another path.", e);
        }
    }

    /// <summary>Has the file opened anew by the next <see cref="Tend"/>. Any thread at any time.</summary>
    public void Reopen() => _output?.Reopen();

    /// <summary>About once a second.</summary>
    /// <param name="reopens">Whether the file is to be opened anew.</param>
    public void Tend(bool reopens)
    {
        if (reopens) _output?.Reopen();
        _output?.Tick();
    }
}
