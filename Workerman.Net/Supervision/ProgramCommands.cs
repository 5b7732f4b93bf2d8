using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text.Json;
using Workerman.Logging;

namespace Workerman.Supervision;

/// <summary>What a command has come to, as an exit code.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUse = 2;
    public const int NotRunning = 3;
}

/// <summary>
/// The commands that talk to a program which runs already: they ask it over its control socket, wait, and print what a person is
/// told. It starts nothing. For the main thread.
/// </summary>
/// <param name="pidFile">That of the program.</param>
/// <param name="stopTimeout">How long stopping may take if nothing is said.</param>
/// <param name="gracefulStopTimeout">The same with <c>-g</c>.</param>
[SupportedOSPlatform("linux")]
internal sealed class ProgramCommands(string pidFile, TimeSpan stopTimeout, TimeSpan gracefulStopTimeout)
{
    /// <summary>What asking and answering take beside what is asked.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(6);

    /// <summary>A program that has not said anything by then hangs.</summary>
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(5);

    /// <summary>The process that runs the program; null if none does.</summary>
    public ProcessIdentity? Running => PidFile.Read(pidFile) is { IsLocked: true, Process: { } process } ? process : null;

    public int Status(ProgramCommand command)
    {
        using var stop = new ManualResetEventSlim();
        // Ctrl+C is how it is ended: no failure.
        void End(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Set();
        }
        PosixSignal[] ends = command.IsDaemon ? [PosixSignal.SIGINT, PosixSignal.SIGTERM] : [];
        PosixSignalRegistration[] signals = Array.ConvertAll(ends, signal => PosixSignalRegistration.Create(signal, End));
        do
        {
            if (Ask(new ControlRequest { Command = "status" }, AnswerTime, out ControlReply? reply) is { } code) return code;
            string clear = command is { IsDaemon: true, IsJson: false } && !Console.IsOutputRedirected ? "\x1b[H\x1b[2J" : "";
            ConsoleLines.Tell(command.IsJson
                ? JsonSerializer.Serialize(reply!.Status!, ControlJson.Default.StatusReport)
                : clear + StatusText.Of(reply!.Status!).TrimEnd());
        }
        while (command.IsDaemon && !stop.Wait(TimeSpan.FromSeconds(1)) && IsOutputRead());
        foreach (PosixSignalRegistration signal in signals) signal.Dispose();
        return ExitCode.Done;
    }

    /// <summary>
    /// Whether somebody may read what is printed: .NET's console says nothing when the other end of a pipe has gone, and the
    /// system does (poll(2)).
    /// </summary>
    private static unsafe bool IsOutputRead()
    {
        var poll = new ProcessCalls.PollDescriptor { Descriptor = 1 };
        return ProcessCalls.poll(&poll, 1, 0) <= 0 || (poll.Happened & (ProcessCalls.POLLERR | ProcessCalls.POLLHUP)) == 0;
    }

    public int Connections(ProgramCommand command)
    {
        var request = new ControlRequest { Command = "connections", Sort = command.Sort, Limit = command.Limit };
        if (Ask(request, AnswerTime, out ControlReply? reply) is { } code) return code;
        ConsoleLines.Tell(command.IsJson
            ? JsonSerializer.Serialize(reply!.Connections!, ControlJson.Default.ConnectionReport)
            : StatusText.Of(reply!.Connections!).TrimEnd());
        return ExitCode.Done;
    }

    public int Reload(ProgramCommand command)
    {
        var request = new ControlRequest
        {
            Command = "reload",
            Graceful = command.IsGraceful,
            TimeoutSeconds = command.Timeout?.TotalSeconds,
        };
        // The new process decides how long it takes to start; the master gives it up in time.
        if (Ask(request, TimeSpan.FromMinutes(10), out ControlReply? reply) is { } code) return code;
        ConsoleLines.Tell($"Reloaded: {reply!.Message}.");
        return ExitCode.Done;
    }

    public int Stop(ProgramCommand command)
    {
        if (Running is not { } process) return NotRunning();
        TimeSpan time = command.Timeout ?? (command.IsGraceful ? gracefulStopTimeout : stopTimeout);
        var request = new ControlRequest
        {
            Command = "stop",
            Graceful = command.IsGraceful,
            TimeoutSeconds = command.Timeout?.TotalSeconds,
        };
        long began = Environment.TickCount64;
        bool answers;
        string? how = null;
        using (ControlClient? client = ControlClient.Connect(PidFile.ControlPath(pidFile)))
        {
            answers = client is not null;
            // It may end the connection with itself; a reply says that it refuses, or how it has ended.
            ControlReply? reply = client?.Ask(request, time + Slack);
            if (reply is { Ok: false })
            {
                ConsoleLines.Tell(reply.Message ?? "It refuses to stop.", isError: true);
                return ExitCode.Failed;
            }
            how = reply?.Message;
        }
        if (!answers) Signal(process, ProcessCalls.SIGTERM);
        if (!WaitForEnd(process, time + Slack))
        {
            Signal(process, ProcessCalls.SIGKILL);
            bool gone = WaitForEnd(process, Slack);
            ConsoleLines.Tell(gone
                ? $"Process {process.Id} did not end in time, and was killed."
                : $"Process {process.Id} cannot be stopped by this user.", isError: true);
            return ExitCode.Failed;
        }
        ConsoleLines.Tell(string.Create(CultureInfo.InvariantCulture,
            $"Stopped process {process.Id} within {(Environment.TickCount64 - began) / 1000.0:0.0} s"
            + $"{(how is null ? "" : $": {how}")}."));
        return ExitCode.Done;
    }

    /// <summary>
    /// Signals a process if it is the one that the pid file means: by a descriptor of the process, so that no other one can have
    /// its number between the look and the signal.
    /// </summary>
    private static void Signal(ProcessIdentity process, int signal)
    {
        int descriptor = ProcessCalls.pidfd_open(process.Id);
        if (descriptor < 0) return;
        if (ProcessIdentity.Of(process.Id) == process) _ = ProcessCalls.pidfd_send_signal(descriptor, signal);
        _ = Events.SystemCalls.close(descriptor);
    }

    private bool WaitForEnd(ProcessIdentity process, TimeSpan limit)
    {
        long end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        while (Running == process)
        {
            if (Environment.TickCount64 > end) return false;
            Thread.Sleep(20);
        }
        return true;
    }

    /// <returns>The exit code if there is no good answer; what went wrong has been printed then.</returns>
    private int? Ask(ControlRequest request, TimeSpan limit, out ControlReply? reply)
    {
        reply = null;
        using ControlClient? client = ControlClient.Connect(PidFile.ControlPath(pidFile));
        if (client is null && Running is null) return NotRunning();
        reply = client?.Ask(request, limit);
        if (reply is { Ok: true }) return null;
        ConsoleLines.Tell(reply?.Message
            ?? (Running is { } process ? $"Process {process.Id} does not answer." : "The program has ended meanwhile."),
            isError: true);
        return ExitCode.Failed;
    }

    private int NotRunning()
    {
        ConsoleLines.Tell($"Not running: nobody holds the pid file {pidFile}.", isError: true);
        return ExitCode.NotRunning;
    }
}
