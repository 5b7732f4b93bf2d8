using System.Net;
using System.Net.Sockets;

namespace Workerman.Tests.Support;

/// <summary>Two connected sockets on loopback. The near one does not block, as a loop wants it.</summary>
internal sealed class SocketPair : IDisposable
{
    public SocketPair()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Far.Connect(listener.LocalEndpoint);
        Near = listener.AcceptSocket();
        Near.Blocking = false;
        Far.ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds;
    }

    public Socket Near { get; }

    public Socket Far { get; }

    public void Dispose()
    {
        Near.Dispose();
        Far.Dispose();
    }
}
