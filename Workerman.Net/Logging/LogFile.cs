using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Workerman.Logging;

/// <summary>
/// The lines of a log, each written to a <see cref="RotatingFile"/> with one call. What cannot be written, because the disk is
/// full or the folder is gone, is dropped and counted; standard error is told once, and the log when it can be written again.
/// Until it was opened for the first time, lines go to the console. Any thread, but writing is done by <see cref="LogQueue"/>'s.
/// </summary>
/// <param name="file">Where they stand; owned by this.</param>
internal sealed class LogFile(RotatingFile file)
{
    private readonly Lock _gate = new();
    private long _dropped;
    private bool _opened;

    /// <summary>Whether the file ends in a part of a line.</summary>
    private bool _torn;

    public string Path => file.Path;

    /// <summary>Whether it was opened.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_gate) return _opened;
        }
    }

    /// <summary>Opens the file, unless it is open.</summary>
    /// <exception cref="IOException">It cannot be opened; the message says which file, and why.</exception>
    public void Open()
    {
        lock (_gate)
        {
            try
            {
                file.Open();
                _opened = true;
            }
            catch (IOException e)
            {
                throw new IOException($"Cannot write to the log file {Path}: {e.Message}", e);
            }
        }
    }

    /// <summary>Has the file opened anew with the next line. Any thread.</summary>
    public void Reopen() => file.Reopen();

    /// <summary>Writes a line. On the queue's thread.</summary>
    /// <param name="line">The line, without its end; it may have several, as an exception's.</param>
    /// <param name="isError">Whether the console would show it as an error.</param>
    public void Write(string line, bool isError)
    {
        lock (_gate)
        {
            if (_opened || TryOpen()) Append(line);
            else ConsoleLines.Write(line, isError);
        }
    }

    private bool TryOpen()
    {
        try
        {
            Open();
        }
        catch (IOException)
        {
            // The start of the workers says so.
        }
        return _opened;
    }

    private void Append(string line)
    {
        int written = 0;
        try
        {
            byte[] bytes = Encoding.UTF8.GetBytes(BeforeNext() + line + "\n");
            file.Renew(bytes.Length);
            AppendedFile.Write(file.Handle!, bytes, out written);
            (_torn, _dropped) = (false, 0);
        }
        catch (IOException e)
        {
            _torn |= written > 0;
            if (_dropped++ == 0) Complain(e.Message);
            return;
        }
        if (file.RotationFault is { } fault) TellOfRotation(fault);
    }

    /// <summary>What has to be said before the next line.</summary>
    private string BeforeNext()
    {
        string end = _torn ? "\n" : "";
        return _dropped == 0 ? end : end + FileLogger.LineOf(LogLevel.Warning, string.Create(CultureInfo.InvariantCulture,
            $"{_dropped} log lines were dropped: this file could not be written")) + "\n";
    }

    private void TellOfRotation(string reason)
    {
        file.RotationFault = null;
        Append(FileLogger.LineOf(LogLevel.Error, $"Cannot rotate this file, so it grows: {reason}"));
    }

    private void Complain(string reason)
    {
        try
        {
            ConsoleLines.Write(FileLogger.LineOf(LogLevel.Error, $"Cannot write to the log file {Path}: {reason}. "
                + "Lines are dropped until it can be written again."), isError: true);
        }
        catch (IOException)
        {
            // Standard error is on the same disk, perhaps.
        }
    }
}
