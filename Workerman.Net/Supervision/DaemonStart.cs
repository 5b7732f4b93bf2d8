using System.ComponentModel;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Workerman.Events;
using Workerman.Logging;

namespace Workerman.Supervision;

/// <summary>
/// Starts a daemon, for the command <c>start -d</c>: starts its master and waits until it serves, or says why it does not. What
/// master and workers print until then is printed here; afterwards they have no terminal, and nothing of theirs keeps this
/// command's output open. For the main thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class DaemonStart
{
    /// <returns>The exit code.</returns>
    public static unsafe int Run(ProgramPath program, bool isQuiet)
    {
        (int mine, int theirs) = Channel.MakePair();
        using var channel = new Channel(mine);
        int* pipe = stackalloc int[2];
        Errno.Check(ProcessCalls.pipe2(pipe, SystemCalls.O_CLOEXEC));
        using var output = new SafeFileHandle(pipe[0], ownsHandle: true);
        try
        {
            ChildProcess.Start(program, theirs, ProcessRole.Master, pipe[1]);
        }
        catch (Win32Exception e)
        {
            ConsoleLines.Tell($"{program.File} cannot be started: {e.Message}", isError: true);
            return ExitCode.Failed;
        }
        finally
        {
            _ = SystemCalls.close(theirs);
            _ = SystemCalls.close(pipe[1]);
        }
        var relay = new Thread(() => Relay(output)) { IsBackground = true, Name = "workerman start" };
        relay.Start();
        int code = WaitUntilItServes(channel, isQuiet, relay);
        return code;
    }

    private static int WaitUntilItServes(Channel channel, bool isQuiet, Thread relay)
    {
        while (channel.TryReceive(out ChannelMessage message))
        {
            if (message.Kind is not (MessageKind.Ready or MessageKind.Failed)) continue;
            WorkerState state = JsonPayload.Read(message.Payload, ControlJson.Default.WorkerState);
            if (state.Failure is null)
            {
                if (!isQuiet) ConsoleLines.Tell(state.Banner);
                return ExitCode.Done;
            }
            ConsoleLines.Tell(state.Failure, isError: true);
            return ExitCode.Failed;
        }
        // What it has printed says why: all of it comes, because the pipe ends with its processes.
        relay.Join(TimeSpan.FromSeconds(2));
        ConsoleLines.Tell("The daemon has ended before it served.", isError: true);
        return ExitCode.Failed;
    }

    private static void Relay(SafeFileHandle output)
    {
        using var from = new FileStream(output, FileAccess.Read, bufferSize: 0);
        using Stream to = Console.OpenStandardError();
        try
        {
            from.CopyTo(to);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Standard error was closed when the command was started. It is read on, so that the daemon is not held up.
            from.CopyTo(Stream.Null);
        }
    }
}
