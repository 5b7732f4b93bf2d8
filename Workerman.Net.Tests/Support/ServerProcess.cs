using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Workerman.Tests.Support;

/// <summary>A server in a process of its own, for what only a process has: signals, an exit code, limits.</summary>
internal sealed partial class ServerProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServerProcess(string file, IEnumerable<string> arguments, bool reads = true)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, e) => Note(e.Data);
        _process.ErrorDataReceived += (_, e) => Note(e.Data);
        _process.Start();
        if (!reads) return;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Everything that it printed so far.</summary>
    public string Output
    {
        get
        {
            lock (_output) return _output.ToString();
        }
    }

    public int Id => _process.Id;

    /// <summary>Where the banner says that it listens.</summary>
    public IPEndPoint EndPoint => IPEndPoint.Parse(ListenPattern().Match(Output).Groups[1].Value);

    /// <summary>The load tools' server; <paramref name="wrapper"/> is a command line to run it under.</summary>
    public static ServerProcess Serve(string[] options, params string[] wrapper) =>
        Run([.. wrapper, "dotnet", Repository.ProgramOf("Workerman.Net.Benchmarks", "Workerman.Net.Benchmarks"), "serve",
            .. options]);

    /// <summary>
    /// The same with both outputs pipes that nobody reads, so that they fill up, unless the wrapper sends them elsewhere.
    /// </summary>
    public static ServerProcess ServeUnread(string[] options, params string[] wrapper)
    {
        string[] command = [.. wrapper, "dotnet", Repository.ProgramOf("Workerman.Net.Benchmarks", "Workerman.Net.Benchmarks"),
            "serve", .. options];
        return new ServerProcess(command[0], command[1..], reads: false);
    }

    /// <summary>Reads what has been left unread so far, and all that follows.</summary>
    public void BeginReading()
    {
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public static ServerProcess Run(params string[] command) => new(command[0], command[1..]);

    public ServerProcess WaitForStart()
    {
        Wait.For(Task.WhenAny(_started.Task, _process.WaitForExitAsync()));
        Assert.That(_process.HasExited, Is.False, Output);
        return this;
    }

    /// <summary>Waits until it has started, or has exited.</summary>
    public async Task<bool> HasStarted()
    {
        await Task.WhenAny(_started.Task, _process.WaitForExitAsync()).WaitAsync(Wait.Limit);
        return !_process.HasExited;
    }

    public int WaitForExit() => WaitForExit(Wait.Limit);

    public int WaitForExit(TimeSpan limit)
    {
        Assert.That(_process.WaitForExit(limit), $"it does not exit; it printed: {Output}");
        // Without a limit: waits for the end of the output too.
        _process.WaitForExit();
        return _process.ExitCode;
    }

    /// <summary>Sends it a line on its standard input.</summary>
    public void Say(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
    }

    public void Signal(int signal) => Assert.That(kill(_process.Id, signal), Is.Zero);

    public void Dispose()
    {
        string state = _process.HasExited ? $"exited with {_process.ExitCode}" : "running";
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.Dispose();
        // Shown where the test fails.
        TestContext.Out.WriteLine($"the server, {state}, printed:\n{Output}");
    }

    private void Note(string? line)
    {
        if (line is null) return;
        lock (_output) _output.AppendLine(line);
        if (line.Contains("Start success", StringComparison.Ordinal)) _started.TrySetResult();
    }

    [GeneratedRegex(@"\w+://(\S+:\d+)\s")]
    private static partial Regex ListenPattern();

    [LibraryImport("libc")]
    private static partial int kill(int pid, int sig);
}
