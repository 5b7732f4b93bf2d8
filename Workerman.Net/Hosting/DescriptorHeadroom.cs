using System.Net.Sockets;
using static Workerman.Events.SystemCalls;

namespace Workerman.Hosting;

/// <summary>
/// Keeps the last descriptors of the process for everything but connections. Without any the .NET runtime itself fails, and does
/// not recover: it cannot start a thread, nor load an assembly that it has not needed before. Systems give out the lowest free
/// number (open(2)), so a number near the limit tells that few are left. Any thread.
/// </summary>
internal static class DescriptorHeadroom
{
    /// <summary>How many descriptors are kept; an eighth of the limit, where that is less.</summary>
    private const int Most = 32;

    private static readonly long Mark = FindMark();

    /// <summary>Whether a connection with this descriptor is one of the last that are accepted.</summary>
    public static bool IsReachedBy(nint handle) => handle >= Mark;

    /// <summary>Whether there is room for connections again.</summary>
    public static bool HasRoom()
    {
        try
        {
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            return !IsReachedBy(probe.Handle);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static long FindMark()
    {
        // Windows has handles instead, some 16 million for each process.
        if (OperatingSystem.IsWindows() || getrlimit(RLIMIT_NOFILE, out ResourceLimit limit) != 0) return long.MaxValue;
        long descriptors = (long)Math.Min(limit.Current, long.MaxValue);
        return descriptors - Math.Min(Most, descriptors / 8);
    }
}
