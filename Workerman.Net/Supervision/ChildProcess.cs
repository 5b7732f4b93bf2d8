using System.Collections;
using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Workerman.Events;
using static Workerman.Supervision.ProcessCalls;

namespace Workerman.Supervision;

/// <summary>
/// A process of the same program, started with one descriptor to talk over, and how it ends. Not .NET's <c>Process</c>: that
/// hands no descriptor over, starts no session, and tells no signal by which a process has ended. Any thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class ChildProcess
{
    /// <summary>The descriptor that a child finds its end of the channel at.</summary>
    public const int ChannelDescriptor = 3;

    /// <summary>
    /// Signals that may be ignored here (by a shell that has started it behind an ampersand), and not in a child.
    /// </summary>
    private static readonly int[] Signals = [SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, 13, 17];

    private ChildProcess(int id) => Id = id;

    /// <summary>Its process id, which is nobody else's before <see cref="Wait"/> has returned.</summary>
    public int Id { get; }

    /// <summary>Starts the program once more.</summary>
    /// <param name="program">What is started.</param>
    /// <param name="channel">The child's end of a channel; the caller closes it.</param>
    /// <param name="role">What it is to be (<see cref="ProcessRole"/>).</param>
    /// <param name="output">Where its standard output and error go, for a daemon, which gets a session of its own and no
    /// standard input; -1 for where those of this process go.</param>
    /// <exception cref="Win32Exception">The system refuses: the file is gone, or no more processes are allowed.</exception>
    public static ChildProcess Start(ProgramPath program, int channel, string role, int output = -1)
    {
        // Above the number that it is given in the child: dup2 of a number onto itself would leave it close-on-exec.
        int above = Errno.Check(SystemCalls.fcntl(channel, SystemCalls.F_DUPFD_CLOEXEC, ChannelDescriptor + 1));
        byte* attributes = stackalloc byte[OpaqueSize];
        byte* actions = stackalloc byte[OpaqueSize];
        byte* signals = stackalloc byte[OpaqueSize];
        NativeMemory.Clear(signals, OpaqueSize);
        Check(posix_spawnattr_init(attributes));
        Check(posix_spawn_file_actions_init(actions));
        try
        {
            Check(posix_spawnattr_setsigmask(attributes, signals));
            foreach (int signal in Signals) signals[(signal - 1) / 8] |= (byte)(1 << ((signal - 1) % 8));
            Check(posix_spawnattr_setsigdefault(attributes, signals));
            Check(posix_spawnattr_setflags(attributes, (short)(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
                | (output >= 0 ? POSIX_SPAWN_SETSID : 0))));
            // By the path as it was written: a link to a release folder may lead elsewhere by now.
            Check(posix_spawn_file_actions_addchdir_np(actions, program.WorkingDirectory));
            Check(posix_spawn_file_actions_adddup2(actions, above, ChannelDescriptor));
            if (output >= 0)
            {
                Check(posix_spawn_file_actions_addopen(actions, 0, "/dev/null", SystemCalls.O_RDONLY, 0));
                Check(posix_spawn_file_actions_adddup2(actions, output, 1));
                Check(posix_spawn_file_actions_adddup2(actions, output, 2));
            }
            int id;
            using var arguments = new StringVector(program.CommandLine);
            using var environment = new StringVector(EnvironmentFor(role));
            Check(posix_spawn(&id, program.File, actions, attributes, arguments.Pointer, environment.Pointer));
            return new ChildProcess(id);
        }
        finally
        {
            _ = posix_spawn_file_actions_destroy(actions);
            _ = posix_spawnattr_destroy(attributes);
            _ = SystemCalls.close(above);
        }
    }

    /// <summary>Waits for its end. To be called once, on a thread that has nothing else to do.</summary>
    public ProcessEnd Wait()
    {
        int status;
        while (waitpid(Id, &status, 0) < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR) continue;
        // wait(2): WTERMSIG, WEXITSTATUS.
        return (status & 0x7F) == 0 ? new ProcessEnd((status >> 8) & 0xFF, 0) : new ProcessEnd(0, status & 0x7F);
    }

    /// <summary>Sends a signal. Only while nobody has waited for its end.</summary>
    public void Signal(int signal) => _ = kill(Id, signal);

    private static IEnumerable<string> EnvironmentFor(string role)
    {
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if ((string)variable.Key != ProcessRole.Variable) yield return $"{variable.Key}={variable.Value}";
        }
        yield return $"{ProcessRole.Variable}={role}";
    }

    /// <summary>The functions of posix_spawn return their error.</summary>
    private static void Check(int error)
    {
        if (error != 0) throw new Win32Exception(error);
    }

    /// <summary>Texts as C has them: an array of pointers that ends with none. Used by one thread.</summary>
    private sealed class StringVector : IDisposable
    {
        private readonly int _count;

        public StringVector(IEnumerable<string> texts)
        {
            string[] all = [.. texts];
            _count = all.Length;
            Pointer = (byte**)NativeMemory.AllocZeroed((nuint)(_count + 1), (nuint)sizeof(byte*));
            for (int i = 0; i < _count; i++) Pointer[i] = (byte*)Marshal.StringToCoTaskMemUTF8(all[i]);
        }

        public byte** Pointer { get; }

        public void Dispose()
        {
            for (int i = 0; i < _count; i++) Marshal.FreeCoTaskMem((nint)Pointer[i]);
            NativeMemory.Free(Pointer);
        }
    }
}

/// <summary>How a process has ended: with an exit code, or by a signal. Immutable.</summary>
/// <param name="ExitCode">Its code; 0 if a signal has ended it.</param>
/// <param name="Signal">The signal; 0 for none.</param>
internal readonly record struct ProcessEnd(int ExitCode, int Signal)
{
    /// <summary>As a shell has it: 128 and the number of the signal.</summary>
    public int Status => Signal == 0 ? ExitCode : 128 + Signal;

    public override string ToString() => Signal switch
    {
        0 => $"exit code {ExitCode}",
        6 => "signal 6 (SIGABRT)",
        9 => "signal 9 (SIGKILL)",
        11 => "signal 11 (SIGSEGV)",
        15 => "signal 15 (SIGTERM)",
        _ => $"signal {Signal}",
    };
}
