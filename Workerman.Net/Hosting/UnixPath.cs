using System.Net.Sockets;
using System.Text;
using Workerman.Events;
using static Workerman.Events.Errno;

namespace Workerman.Hosting;

/// <summary>The path of a <c>unix://</c> address, and what the system's refusal to listen there means. Pure but for the current
/// folder.</summary>
internal static class UnixPath
{
    /// <summary>EADDRINUSE of macOS and FreeBSD; the other numbers are the same there as on Linux.</summary>
    private const int MacInUse = 48;

    /// <summary>WSAEADDRINUSE.</summary>
    private const int WindowsInUse = 10048;

    /// <summary>Bytes of <c>sun_path</c> in <c>sockaddr_un</c>, without the zero at its end.</summary>
    private static readonly int Longest = OperatingSystem.IsMacOS() || OperatingSystem.IsFreeBSD() ? 103 : 107;

    /// <exception cref="WorkerStartException">It is no path that a socket may have.</exception>
    public static UnixDomainSocketEndPoint EndPointOf(string address)
    {
        string path = address[(address.IndexOf("://", StringComparison.Ordinal) + 3)..];
        if (path.Length == 0) throw Bad(address, "it has no path", "write it as unix:///path/to.sock");
        path = Path.GetFullPath(path);
        if (Path.EndsInDirectorySeparator(path))
            throw Bad(address, "it names a folder", "write the name of the socket's file behind it");
        int length = Encoding.UTF8.GetByteCount(path);
        if (length > Longest)
            throw Bad(address, $"its path has {length} bytes, and a socket's at most {Longest}",
                "choose a shorter one, for example below /run or /tmp");
        return new UnixDomainSocketEndPoint(path);
    }

    /// <summary>Says in one line what the system's refusal means, by its error number, and what helps.</summary>
    public static WorkerStartException Refusal(string address, string path, int error, string message)
    {
        string folder = Path.GetDirectoryName(path) ?? path;
        return error switch
        {
            ENOENT => Bad(address, $"the folder {folder} does not exist", "make it, or choose another path"),
            ENOTDIR => Bad(address, $"{folder} is no folder", "choose another path"),
            EACCES or EPERM => Bad(address, $"the system does not let this user make a socket in {folder}",
                "give the user the right to write there, or choose another path"),
            EMFILE or ENFILE => Bad(address, DescriptorHeadroom.Shortage, "raise the limit of open files (ulimit -n)"),
            EROFS => Bad(address, $"{folder} is on a disk that cannot be written to", "choose another path"),
            EADDRINUSE or MacInUse or WindowsInUse =>
                Bad(address, $"{path} is there and this user cannot remove it", "remove it, or choose another path"),
            _ => Bad(address, message, "see the cause"),
        };
    }

    public static WorkerStartException Bad(string address, string cause, string cure) =>
        new($"Cannot listen on {address}: {cause}. Cure: {cure}.");
}
