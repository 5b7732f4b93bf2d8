using System.Net;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// The two addresses of a connection: small until they are asked for, and kept beyond its end. Belongs to its connection; reading
/// is for any thread.
/// </summary>
internal struct ConnectionAddresses(PeerName peer)
{
    private readonly uint _ipv4 = peer.IPv4;
    private readonly ushort _port = peer.Port;

    /// <summary>The peer's IPv6 address, or what is <see cref="Known"/>.</summary>
    private object? _known = peer.IPv6;

    /// <summary>What was asked for or set, and is kept from then on.</summary>
    private sealed class Known(IPAddress? ipv6)
    {
        public IPAddress? IPv6 { get; } = ipv6;

        public IPEndPoint? Remote { get; set; }

        public IPEndPoint? Local { get; set; }
    }

    /// <summary>The peer's; null if it has none, as on a Unix socket.</summary>
    public IPEndPoint? Remote(ILoopSocket socket)
    {
        if ((_known as Known)?.Remote is { } known) return known;
        Known? kept = _known as Known;
        var peer = new PeerName(kept is null ? _known as IPAddress : kept.IPv6, _ipv4, _port);
        IPEndPoint? remote = peer.ToEndPoint() ?? socket.RemoteEndPoint;
        return remote is null ? null : Keep().Remote = remote;
    }

    /// <summary>The one that the peer connected to; null if there is none.</summary>
    public IPEndPoint? Local(ILoopSocket socket)
    {
        if ((_known as Known)?.Local is { } known) return known;
        return socket.LocalEndPoint is { } asked ? Keep().Local = asked : null;
    }

    /// <summary>Sets what a proxy has said they are (PROXY protocol); null for what it has not said.</summary>
    public void Set(IPEndPoint? remote, IPEndPoint? local)
    {
        if (remote is not null) Keep().Remote = remote;
        if (local is not null) Keep().Local = local;
    }

    /// <summary>Asks for both before the socket is closed: afterwards the system has neither.</summary>
    public void Keep(ILoopSocket socket)
    {
        Remote(socket);
        Local(socket);
    }

    private Known Keep()
    {
        object? before = _known;
        if (before is Known known) return known;
        var made = new Known(before as IPAddress);
        return Interlocked.CompareExchange(ref _known, made, before) is Known first ? first : made;
    }
}
