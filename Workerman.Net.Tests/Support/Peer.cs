using System.Net;
using System.Net.Sockets;

namespace Workerman.Tests.Support;

/// <summary>Who clients connect to: a plain listening socket on 127.0.0.1, or on a path.</summary>
internal sealed class Peer : IDisposable
{
    private readonly Socket _listener;
    private readonly string? _path;

    public Peer(int backlog = 128)
        : this(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp), new IPEndPoint(IPAddress.Loopback, 0), backlog)
    {
    }

    public Peer(IPEndPoint endPoint, int backlog = 128)
        : this(new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp), endPoint, backlog)
    {
    }

    public Peer(string path, int backlog = 128)
        : this(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new UnixDomainSocketEndPoint(path), backlog) => _path = path;

    private Peer(Socket listener, EndPoint endPoint, int backlog)
    {
        _listener = listener;
        _listener.Bind(endPoint);
        _listener.Listen(backlog);
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint!;

    public int Port => EndPoint.Port;

    public string Address => _path is null ? $"tcp://{EndPoint}" : $"unix://{_path}";

    /// <summary>A port that nobody listens on.</summary>
    public static int UnusedPort()
    {
        using var peer = new Peer();
        return peer.Port;
    }

    public RawClient Accept()
    {
        Assert.That(_listener.Poll(Wait.Limit, SelectMode.SelectRead), "nobody connects");
        return new RawClient(_listener.Accept());
    }

    /// <summary>Whether somebody waits to be accepted.</summary>
    public bool HasVisitor => _listener.Poll(0, SelectMode.SelectRead);

    public void Dispose()
    {
        _listener.Dispose();
        if (_path is not null) File.Delete(_path);
    }
}
