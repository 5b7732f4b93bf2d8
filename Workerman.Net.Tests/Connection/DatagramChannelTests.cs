using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// What UDP over the loopback never shows: a socket that takes no more. A Unix datagram socket does, when its peer has a queue of
/// datagrams that it does not receive.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class DatagramChannelTests(Type loopType)
{
    [Test]
    public void SocketThatTakesNoMoreDropsAndTells()
    {
        if (OperatingSystem.IsWindows()) Assert.Ignore("Windows has no Unix datagram sockets");
        using var folder = new TemporaryFolder();
        using var peer = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
        {
            ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds
        };
        peer.Bind(new UnixDomainSocketEndPoint(folder.PathOf("peer")));
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Connect(peer.LocalEndPoint!);
        using var loop = new LoopRunner(loopType);
        var channel = loop.Ask(() => new Channel(loop.Loop));
        loop.Do(() => channel.Open(socket));
        int sent = loop.Ask(() =>
        {
            int count = 0;
            while (channel.Send(null!, "x"u8, to: null) == SendResult.Sent) count++;
            return count;
        });
        Assert.That((sent > 0, channel.Errors.Single()), Is.EqualTo((true, "SendFail send buffer full and drop package")));
        // What was taken arrives, and then there is room again.
        for (int i = 0; i < sent; i++) peer.Receive(new byte[10]);
        Assert.That(loop.Ask(() => channel.Send(null!, "y"u8, to: null)), Is.EqualTo(SendResult.Sent));
        loop.Do(channel.Close);
        Assert.That(loop.Ask(() => channel.Send(null!, "z"u8, to: null)), Is.EqualTo(SendResult.Dropped));
    }

    private sealed class Channel(IEventLoop loop) : DatagramChannel(loop)
    {
        public List<string> Errors { get; } = [];

        protected override void OnError(UdpConnection connection, ConnectionError error, string reason) =>
            Errors.Add($"{error} {reason}");

        protected override void OnDatagram(ReadOnlySequence<byte> datagram, IPEndPoint from)
        {
        }

        protected override void OnDatagramFault(IPEndPoint from, Exception exception) => Errors.Add(exception.Message);
    }
}
