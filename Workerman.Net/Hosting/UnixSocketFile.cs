using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Workerman.Events;

namespace Workerman.Hosting;

/// <summary>
/// A listening Unix socket and its file. A file that a server has left which has ended is removed first, one on which a server
/// listens never. The mode is set before the socket listens, so that no connection is made before it holds. Disposing removes the
/// file, if it is still this socket's and nobody else goes on with it, and closes the socket. Any thread, one at a time.
/// </summary>
internal sealed class UnixSocketFile : IDisposable
{
    private readonly string _path;
    private readonly UnixFileIdentity? _identity;
    private volatile bool _left;

    private UnixSocketFile(Socket socket, string path)
    {
        Socket = socket;
        _path = path;
        _identity = UnixFileIdentity.Of(path);
    }

    public Socket Socket { get; }

    /// <exception cref="WorkerStartException">The path is taken, or the system refuses; the message says why and what to
    /// do.</exception>
    public static UnixSocketFile Open(ListenAddress address, string path, SocketSetup setup)
    {
        RemoveStale(address, path);
        void Prepare(Socket socket) => setup.Prepare(socket, address);
        UnixSocketFile? file = null;
        try
        {
            file = new UnixSocketFile(Bind(path, Prepare), path);
            if (setup.Mode is { } chosen && !OperatingSystem.IsWindows()) File.SetUnixFileMode(path, chosen);
            file.Socket.Listen(setup.Backlog);
            return file;
        }
        catch (Win32Exception e)
        {
            file?.Dispose();
            throw UnixPath.Refusal(address.Text, path, e.NativeErrorCode, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            file?.Dispose();
            throw UnixPath.Bad(address.Text, $"the mode of its file cannot be set: {e.Message}",
                "check WorkerOptions.UnixFileMode");
        }
    }

    /// <summary>One that another process has opened, and that this one goes on with.</summary>
    public static UnixSocketFile Adopt(Socket socket, string path) => new(socket, path);

    /// <summary>The file stays: another process listens on the same socket.</summary>
    public void Leave() => _left = true;

    public void Dispose()
    {
        // While the socket is open the system does not give its inode's number to another file, so an equal one is this socket's.
        if (!_left && _identity is not null && UnixFileIdentity.Of(_path) == _identity) TryDelete(_path);
        Socket.Dispose();
    }

    /// <summary>A socket that is bound to a path and does not listen yet.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="prepare">Sets its options, before it is bound.</param>
    /// <exception cref="Win32Exception">The system refuses.</exception>
    internal static Socket Bind(string path, Action<Socket> prepare)
    {
        Socket socket = OperatingSystem.IsLinux()
            ? MakeOnLinux()
            : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (DescriptorHeadroom.IsReachedBy(socket.Handle)) throw new Win32Exception(Errno.EMFILE);
            prepare(socket);
            var endPoint = new UnixDomainSocketEndPoint(path);
            // A socket that .NET binds deletes its path when it is closed, also where the file is another server's by then.
            if (OperatingSystem.IsLinux()) Errno.Check(SocketCalls.Bind((int)socket.Handle, endPoint.Serialize()));
            else socket.Bind(endPoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// A bare descriptor: .NET would take a socket of its own making for not bound, because its Bind was not called.
    /// </summary>
    [SupportedOSPlatform("linux")]
    private static Socket MakeOnLinux()
    {
        int descriptor =
            Errno.Check(SystemCalls.socket(SystemCalls.AF_UNIX, SystemCalls.SOCK_STREAM | SystemCalls.SOCK_CLOEXEC, 0));
        return new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
    }

    private static void RemoveStale(ListenAddress address, string path)
    {
        if (Directory.Exists(path))
            throw UnixPath.Bad(address.Text, $"{path} is a folder", "write the name of the socket's file behind it");
        if (UnixFileIdentity.Of(path) is not { } found) return;
        if (!found.IsSocket)
            throw UnixPath.Bad(address.Text, $"{path} is there and is no socket",
                "remove it if nobody needs it, or choose another path");
        SocketError error = TryConnect(path);
        if (error != SocketError.ConnectionRefused)
        {
            throw error is SocketError.AccessDenied
                ? UnixPath.Bad(address.Text, $"this user may not find out whether anybody listens on {path}",
                    "remove it, or choose another path")
                : UnixPath.Bad(address.Text, $"another program listens on {path}", "stop that program, or choose another path");
        }
        // Only if it is still the file that was asked, and not one that a server has made since.
        if (UnixFileIdentity.Of(path) == found) TryDelete(path);
    }

    /// <summary>Whether a server listens there: connecting to a socket that its server has left is refused (unix(7)).</summary>
    private static SocketError TryConnect(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It stays; a worker that listens there next is told why it cannot.
        }
    }
}
