using System.Net;
using System.Net.Sockets;

namespace Workerman.Tests.Support;

/// <summary>An address that answers nothing at all: on Linux a listener whose backlog is full does not even refuse.</summary>
internal sealed class BlackHole : IDisposable
{
    private readonly Peer _peer;
    private readonly List<Socket> _crowd = [];

    /// <param name="endPoint">Where; null for any port on 127.0.0.1.</param>
    public BlackHole(IPEndPoint? endPoint = null)
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("A full backlog is silent on Linux.");
        _peer = new Peer(endPoint ?? new IPEndPoint(IPAddress.Loopback, 0), backlog: 0);
        Fill();
    }

    public string Address => _peer.Address;

    public void Dispose()
    {
        _crowd.ForEach(socket => socket.Dispose());
        _peer.Dispose();
    }

    /// <summary>Connects until the listener takes no more.</summary>
    private void Fill()
    {
        while (_crowd.Count < 8)
        {
            var socket = new Socket(_peer.EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            _crowd.Add(socket);
            try
            {
                socket.Connect(_peer.EndPoint);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
            {
                if (!socket.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectWrite)) return;
            }
        }
        Assert.Fail("the backlog does not fill");
    }
}
