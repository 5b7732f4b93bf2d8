using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static Workerman.Events.Errno;
using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>
/// Keeps the last descriptors of the process for the .NET runtime. Without any it fails for good: it cannot load an assembly that
/// it has not needed before, and does not try again when there are descriptors. So whatever of the library opens a descriptor,
/// connections, files, uploads, sessions, sockets, loops, asks here whether it may have it. Systems give out the lowest free
/// number (open(2)), so a number near the limit tells that few are left, and nothing is counted. Windows has handles instead,
/// some 16 million for each process. State of the process, like the descriptors; any thread.
/// </summary>
internal static class DescriptorHeadroom
{
    public const string Shortage = "few file descriptors are left";

    /// <summary>What the refused is told.</summary>
    public const string Refusal = Shortage + "; raise the limit of open files (ulimit -n), or find out who keeps them";

    /// <summary>
    /// How many descriptors are kept; half of those that are free when the first server starts, where that is less. An assembly
    /// takes two for as long as the process lives.
    /// </summary>
    private const int Most = 64;

    /// <summary>How many are kept before <see cref="Measure"/>: while the sockets and loops of a server are made.</summary>
    private const int Least = 8;

    private static long _limit = ReadLimit();
    private static long _kept = Least;
    private static long _refused;

    private static long Mark => _limit == long.MaxValue ? _limit : _limit - _kept;

    /// <summary>Decides how many are kept, by how many are free; called when a server has all that it starts with.</summary>
    public static void Measure() => Volatile.Write(ref _kept, Math.Min(Most, CountFree() / 2));

    /// <summary>How many descriptors are free, those that are kept included.</summary>
    public static long CountFree() =>
        _limit == long.MaxValue ? _limit : LowestFree() is >= 0 and var lowest ? Math.Max(0, _limit - lowest) : 0;

    /// <summary>Whether a descriptor that stays open for a while is one of the last: its opener closes it again.</summary>
    public static bool IsReachedBy(nint descriptor) => descriptor >= Mark;

    /// <summary>
    /// The same for a descriptor that is closed before the loop goes on. These may have a quarter of what is kept, so that
    /// sessions are read for those who are connected while others hold all that connections may have.
    /// </summary>
    public static bool IsReachedByBrief(nint descriptor) => _limit != long.MaxValue && descriptor >= Mark + _kept / 4;

    /// <summary>Whether there is room again for what stays open.</summary>
    public static bool HasRoom() => OperatingSystem.IsWindows() || LowestFree() is >= 0 and var free && !IsReachedBy((nint)free);

    /// <summary>Follows a limit that is changed while the process runs (prlimit(1)). Now and then.</summary>
    public static void FollowLimit() => Volatile.Write(ref _limit, ReadLimit());

    /// <summary>Notes that something was refused, for the log.</summary>
    public static void CountRefused() => Interlocked.Increment(ref _refused);

    /// <summary>How often something was refused since the last call.</summary>
    public static long TakeRefused() => Volatile.Read(ref _refused) == 0 ? 0 : Interlocked.Exchange(ref _refused, 0);

    /// <summary>Whether .NET has failed because no descriptor is left in the process or the system.</summary>
    public static bool IsShortage(IOException exception) =>
        exception is FewDescriptorsException || (!OperatingSystem.IsWindows() && exception.HResult is EMFILE or ENFILE);

    /// <summary>Notes a refusal and makes its exception.</summary>
    public static FewDescriptorsException Refuse(Exception? reason = null)
    {
        CountRefused();
        return new FewDescriptorsException(reason);
    }

    /// <summary>Opens a file with .NET's means, unless it would be one of the last descriptors.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="options">How it is opened.</param>
    /// <param name="brief">Whether it is closed before the loop goes on.</param>
    /// <exception cref="FewDescriptorsException">It would; nothing is left open, and no new file is left.</exception>
    public static FileStream OpenFile(string path, FileStreamOptions options, bool brief = false)
    {
        FileStream stream;
        try
        {
            stream = StandardDescriptors.Avoid(() => new FileStream(path, options), file => file.SafeFileHandle);
        }
        catch (IOException e) when (IsShortage(e))
        {
            throw Refuse(e);
        }
        nint descriptor = stream.SafeFileHandle.DangerousGetHandle();
        if (brief ? !IsReachedByBrief(descriptor) : !IsReachedBy(descriptor)) return stream;
        stream.Dispose();
        if (options.Mode == FileMode.CreateNew) File.Delete(path);
        throw Refuse();
    }

    /// <summary>Makes a socket of .NET's, unless it would be one of the last descriptors.</summary>
    /// <exception cref="SocketException">It would (<see cref="SocketError.TooManyOpenSockets"/>), or the system
    /// refuses.</exception>
    public static Socket NewSocket(AddressFamily family, SocketType type, ProtocolType protocol)
    {
        Socket socket = StandardDescriptors.Avoid(() => new Socket(family, type, protocol), made => made.SafeHandle);
        if (!IsReachedBy(socket.Handle)) return socket;
        socket.Dispose();
        CountRefused();
        throw new SocketException((int)SocketError.TooManyOpenSockets, Refusal);
    }

    /// <summary>The lowest number that is free; -1 if there is none.</summary>
    private static long LowestFree()
    {
        if (OperatingSystem.IsLinux()) return StandardDescriptors.Hold();
        if (OperatingSystem.IsWindows()) return 0;
        try
        {
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            return probe.Handle;
        }
        catch (SocketException)
        {
            return -1;
        }
    }

    private static long ReadLimit() =>
        OperatingSystem.IsWindows() || getrlimit(RLIMIT_NOFILE, out ResourceLimit limit) != 0
            ? long.MaxValue
            : (long)Math.Min(limit.Current, long.MaxValue);

    /// <summary>
    /// A file, upload or session was not opened, because few descriptors are left. The request is answered with 503. Immutable.
    /// </summary>
    public sealed class FewDescriptorsException(Exception? reason = null) : IOException(Refusal, reason);
}

/// <summary>
/// Keeps the descriptors 0 to 2 open, which are the standard input, output and error (stdin(3)), with <c>/dev/null</c> where they
/// are closed: a connection that got one of these numbers would be sent what the program prints. A process may be started without
/// them, and the runtime, or a library, may close one later. Linux; elsewhere it does nothing. No state; any thread.
/// </summary>
internal static unsafe class StandardDescriptors
{
    private const int Last = 2;

    /// <summary>The lowest number that a connection may have.</summary>
    public const int First = Last + 1;

    /// <summary>Opens those that are closed. It takes no number from anybody: the system gives out the lowest first.</summary>
    /// <returns>The lowest number that is free then; -1 if there is none.</returns>
    [SupportedOSPlatform("linux")]
    public static int Hold()
    {
        int lowest;
        do
        {
            lowest = open("/dev/null", O_RDWR);
            // Without /dev, in a container of its own making.
            if (lowest < 0 && Marshal.GetLastPInvokeError() is not (EMFILE or ENFILE)) lowest = eventfd(0, EFD_NONBLOCK);
        }
        while (lowest is >= 0 and <= Last);
        if (lowest >= 0) _ = close(lowest);
        return lowest;
    }

    /// <summary>Gives an open file another number if it has one of these, which goes to <c>/dev/null</c>.</summary>
    /// <returns>The number that it has now; -1 if there is none for it: then it is closed.</returns>
    [SupportedOSPlatform("linux")]
    public static int Lift(int descriptor)
    {
        if (descriptor is < 0 or > Last) return descriptor;
        int lifted = fcntl(descriptor, F_DUPFD_CLOEXEC, First);
        int error = Marshal.GetLastPInvokeError();
        _ = close(descriptor);
        Hold();
        Marshal.SetLastPInvokeError(error);
        return lifted;
    }

    /// <summary>The same for what .NET opens: it is opened again.</summary>
    public static T Avoid<T>(Func<T> open, Func<T, SafeHandle> handleOf)
        where T : IDisposable
    {
        T opened = open();
        while (OperatingSystem.IsLinux() && (int)handleOf(opened).DangerousGetHandle() is >= 0 and <= Last)
        {
            opened.Dispose();
            Hold();
            opened = open();
        }
        return opened;
    }
}
