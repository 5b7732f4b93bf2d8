using System.Net;
using System.Net.Sockets;

namespace Workerman.Tests.Support;

/// <summary>Who clients connect to: a plain listening socket on 127.0.0.1, or on a path.</summary>
internal sealed class Peer : IDisposable
{
    private const int FirstPort = 10_000;
    private const int PortCount = 20_000;

    /// <summary>Where each process begins, so that two of them do not want the same at a time.</summary>
    private static int _ports = Environment.ProcessId * 97;

    private readonly Socket _listener;
    private readonly string? _path;

    public Peer(int backlog = 128)
        : this(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp),
            new IPEndPoint(IPAddress.Loopback, 0), backlog)
    {
    }

    public Peer(IPEndPoint endPoint, int backlog = 128)
        : this(new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp), endPoint, backlog)
    {
    }

    public Peer(string path, int backlog = 128)
        : this(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new UnixDomainSocketEndPoint(path),
            backlog) => _path = path;

    private Peer(Socket listener, EndPoint endPoint, int backlog)
    {
        _listener = listener;
        _listener.Bind(endPoint);
        _listener.Listen(backlog);
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint!;

    public int Port => EndPoint.Port;

    public string Address => _path is null ? $"tcp://{EndPoint}" : $"unix://{_path}";

    /// <summary>
    /// A port that nobody listens on, and that nobody gets who leaves the choice to the system: that gives out ports from 32768
    /// on (Linux), also for the other ends of connections. Each call has another one.
    /// </summary>
    public static int UnusedPort()
    {
        while (true)
        {
            int port = FirstPort + (int)((uint)Interlocked.Increment(ref _ports) % PortCount);
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Somebody else's.
            }
        }
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
