using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Workerman.Events;

namespace Workerman.Hosting;

/// <summary>
/// A listening Unix socket and its file. A file that a dead server left is removed first, one that somebody listens on never; the mode is set
/// before the socket listens, so nobody gets in who must not. Disposing removes the file, if it is still this socket's, and closes the socket. Any
/// thread, one at a time.
/// </summary>
internal sealed class UnixSocketFile : IDisposable
{
    private readonly string _path;
    private readonly UnixFileIdentity? _identity;

    private UnixSocketFile(Socket socket, string path)
    {
        Socket = socket;
        _path = path;
        _identity = UnixFileIdentity.Of(path);
    }

    public Socket Socket { get; }

    /// <exception cref="WorkerStartException">The path is taken, or the system refuses; the message says why and what to do.</exception>
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
            throw UnixPath.Bad(address.Text, $"the mode of its file cannot be set: {e.Message}", "check WorkerOptions.UnixFileMode");
        }
    }

    public void Dispose()
    {
        // While the socket is open its file's number is not given to another file, so this is ours or it is not.
        if (_identity is not null && UnixFileIdentity.Of(_path) == _identity) TryDelete(_path);
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
            prepare(socket);
            var endPoint = new UnixDomainSocketEndPoint(path);
            // A socket that .NET binds deletes its path when it is closed, whoever has it then.
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

    /// <summary>Of a socket that .NET has made itself it would not believe that it is bound.</summary>
    [SupportedOSPlatform("linux")]
    private static Socket MakeOnLinux()
    {
        int descriptor = Errno.Check(SystemCalls.socket(SystemCalls.AF_UNIX, SystemCalls.SOCK_STREAM | SystemCalls.SOCK_CLOEXEC, 0));
        return new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
    }

    private static void RemoveStale(ListenAddress address, string path)
    {
        if (Directory.Exists(path)) throw UnixPath.Bad(address.Text, $"{path} is a folder", "write the name of the socket's file behind it");
        if (UnixFileIdentity.Of(path) is not { } found) return;
        if (!found.IsSocket) throw UnixPath.Bad(address.Text, $"{path} is there and is no socket", "remove it if nobody needs it, or choose another path");
        SocketError error = Knock(path);
        if (error != SocketError.ConnectionRefused)
        {
            throw error is SocketError.AccessDenied
                ? UnixPath.Bad(address.Text, $"this user may not find out whether anybody listens on {path}", "remove it, or choose another path")
                : UnixPath.Bad(address.Text, $"another program listens on {path}", "stop that program, or choose another path");
        }
        // The same file as the one that nobody listens on: not one that a server has made since.
        if (UnixFileIdentity.Of(path) == found) TryDelete(path);
    }

    /// <summary>Whether anybody listens: the error of a connect, which a dead socket refuses.</summary>
    private static SocketError Knock(string path)
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
            // It stays; who binds there next is told why it cannot.
        }
    }
}
