using System.Net;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// The sender of one datagram that a worker received, as what its answers go to. Lives on the loop that received it.
/// </summary>
internal sealed class UdpPeer<T>(DatagramChannel channel, ConnectionProtocol codec, IPEndPoint remote) : UdpConnection<T>
{
    public override IPEndPoint? RemoteAddress => remote;

    public override IPEndPoint? LocalAddress => channel.LocalAddress;

    internal override ConnectionProtocol Codec => codec;

    private protected override IEventLoop? Loop => channel.Loop;

    private protected override SendResult Transmit(ReadOnlySpan<byte> bytes) => channel.Send(this, bytes, remote);
}
