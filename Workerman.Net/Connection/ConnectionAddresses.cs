using System.Net;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// The two addresses of a connection: small while nobody asks, and known beyond its end. Belongs to its connection; reading is
/// for any thread.
/// </summary>
internal struct ConnectionAddresses(PeerName peer)
{
    private readonly uint _ipv4 = peer.IPv4;
    private readonly ushort _port = peer.Port;

    /// <summary>The peer's IPv6 address, or what is <see cref="Known"/>.</summary>
    private object? _known = peer.IPv6;

    /// <summary>What was asked for, or said, and is kept from then on.</summary>
    private sealed class Known(IPAddress? ipv6)
    {
        public IPAddress? IPv6 { get; } = ipv6;

        public IPEndPoint? Remote { get; set; }

        public IPEndPoint? Local { get; set; }
    }

    /// <summary>The peer's; null if it has none, as on a Unix socket.</summary>
    public IPEndPoint? Remote(ILoopSocket watch)
    {
        if ((_known as Known)?.Remote is { } known) return known;
        Known? kept = _known as Known;
        IPEndPoint? remote = new PeerName(kept is null ? _known as IPAddress : kept.IPv6, _ipv4, _port).ToEndPoint() ?? watch.RemoteEndPoint;
        return remote is null ? null : Keep().Remote = remote;
    }

    /// <summary>The one that the peer connected to; null if there is none.</summary>
    public IPEndPoint? Local(ILoopSocket watch)
    {
        if ((_known as Known)?.Local is { } known) return known;
        return watch.LocalEndPoint is { } asked ? Keep().Local = asked : null;
    }

    /// <summary>Somebody who knows better has said them; null for what was not said.</summary>
    public void Set(IPEndPoint? remote, IPEndPoint? local)
    {
        if (remote is not null) Keep().Remote = remote;
        if (local is not null) Keep().Local = local;
    }

    /// <summary>Before the socket is closed: from then on the system can tell of neither.</summary>
    public void Keep(ILoopSocket watch)
    {
        Remote(watch);
        Local(watch);
    }

    private Known Keep()
    {
        object? before = _known;
        if (before is Known known) return known;
        var made = new Known(before as IPAddress);
        return Interlocked.CompareExchange(ref _known, made, before) is Known first ? first : made;
    }
}
