using System.Net;
using Workerman.Protocols;
using Workerman.Protocols.Proxies;

namespace Workerman.Connection;

/// <summary>
/// The header of the PROXY protocol that a connection begins with: the bytes of it that have come, and once it is whole what it
/// says. Owned by its connection, on the loop's thread; a connection that does not come from such a proxy has none.
/// </summary>
internal sealed class ProxiedPeer(ProxyProtocolOptions options)
{
    private byte[]? _begun;

    /// <summary>Whether any of it has come.</summary>
    public bool HasBegun => _begun is not null;

    /// <summary>How long it may take.</summary>
    public TimeSpan Timeout => options.HandshakeTimeout;

    /// <summary>The address that the client connected to, if the header says so.</summary>
    public IPEndPoint? LocalAddress { get; private set; }

    /// <summary>Reads on.</summary>
    /// <param name="received">What has come since the last time.</param>
    /// <param name="remote">The client's address, if the header says so.</param>
    /// <param name="used">How many of the received bytes are the header's, once it is whole.</param>
    public Verdict Read(ReadOnlySpan<byte> received, out IPEndPoint? remote, out int used)
    {
        int before = _begun?.Length ?? 0;
        // No more is looked at than a header may have, so what is kept is bounded too.
        ReadOnlySpan<byte> fitting = received[..Math.Min(received.Length, options.MaxHeaderSize - before)];
        byte[]? joined = _begun is null ? null : [.. _begun, .. fitting];
        Verdict verdict = ProxyHeader.TryRead(joined ?? fitting, options.MaxHeaderSize, out ProxyHeader header, out int length);
        if (verdict.Kind == VerdictKind.NeedMore) _begun = joined ?? fitting.ToArray();
        else _begun = null;
        (remote, LocalAddress) = (header.Source, header.Destination);
        used = length - before;
        return verdict;
    }
}
