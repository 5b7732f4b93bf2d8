using System.Net;
using System.Net.Sockets;

namespace Workerman.Tests.Support;

/// <summary>Two connected sockets on loopback, or Unix sockets. The near one does not block, as a loop wants it.</summary>
internal sealed class SocketPair : IDisposable
{
    public SocketPair()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Near = Join(listener, new IPEndPoint(IPAddress.Loopback, 0));
    }

    private SocketPair(string path)
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Far = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Near = Join(listener, new UnixDomainSocketEndPoint(path));
        File.Delete(path);
    }

    /// <summary>Once full they stay full until somebody reads: TCP finds room later, when an acknowledgement arrives.</summary>
    public static SocketPair Unix() => new(Path.Combine(Path.GetTempPath(), $"workerman-{Guid.NewGuid():N}.sock"));

    public Socket Near { get; }

    public Socket Far { get; }

    private Socket Join(Socket listener, EndPoint address)
    {
        listener.Bind(address);
        listener.Listen();
        Far.Connect(listener.LocalEndPoint!);
        Socket near = listener.Accept();
        near.Blocking = false;
        Far.ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds;
        return near;
    }

    public void Dispose()
    {
        Near.Dispose();
        Far.Dispose();
    }
}
