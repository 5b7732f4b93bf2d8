using System.Net;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// The two addresses of a connection: small while nobody asks, and known beyond its end. Belongs to its connection; reading is for any thread.
/// </summary>
internal struct ConnectionAddresses(PeerName peer)
{
    private readonly PeerName _peer = peer;
    private Known? _known;

    /// <summary>What was asked for, or said, and is kept from then on.</summary>
    private sealed class Known
    {
        public IPEndPoint? Remote { get; set; }

        public IPEndPoint? Local { get; set; }
    }

    /// <summary>The peer's; null if it has none, as on a Unix socket.</summary>
    public IPEndPoint? Remote(ISocketWatch watch)
    {
        if (_known?.Remote is { } known) return known;
        return (_peer.ToEndPoint() ?? watch.RemoteEndPoint) is { } asked ? Keep().Remote = asked : null;
    }

    /// <summary>The one that the peer connected to; null if there is none.</summary>
    public IPEndPoint? Local(ISocketWatch watch)
    {
        if (_known?.Local is { } known) return known;
        return watch.LocalEndPoint is { } asked ? Keep().Local = asked : null;
    }

    /// <summary>Before the socket is closed: from then on the system can tell of neither.</summary>
    public void Keep(ISocketWatch watch)
    {
        Remote(watch);
        Local(watch);
    }

    private Known Keep() => _known ?? Interlocked.CompareExchange(ref _known, new Known(), null) ?? _known;
}
