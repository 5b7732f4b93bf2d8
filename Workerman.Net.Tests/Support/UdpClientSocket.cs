using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Workerman.Tests.Support;

/// <summary>
/// A blocking UDP client with a connected socket: what it sends is one datagram each, and it never waits for ever.
/// </summary>
internal sealed class UdpClientSocket : IDisposable
{
    private readonly byte[] _buffer = new byte[70_000];

    public UdpClientSocket(IPEndPoint endPoint)
    {
        Socket = new Socket(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        Socket.ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds;
        Socket.Connect(endPoint);
    }

    public Socket Socket { get; }

    public IPEndPoint EndPoint => (IPEndPoint)Socket.LocalEndPoint!;

    public UdpClientSocket Send(ReadOnlySpan<byte> bytes)
    {
        Socket.Send(bytes);
        return this;
    }

    public UdpClientSocket Send(string text) => Send(Encoding.UTF8.GetBytes(text));

    /// <summary>One datagram.</summary>
    public byte[] ReceiveBytes() => _buffer[..Socket.Receive(_buffer)];

    /// <summary>One datagram of UTF-8.</summary>
    public string Receive() => Encoding.UTF8.GetString(ReceiveBytes());

    public void Dispose() => Socket.Dispose();
}
