using System.Net;
using Workerman.Protocols;
using Workerman.Tls;

namespace Workerman.Connection;

/// <summary>
/// The PROXY protocol: a connection of a proxy that is trusted begins with a header that says whose it is. Until then it is <see
/// cref="ConnectionStatus.Connecting"/>, and neither TLS nor the application knows of it.
/// </summary>
public partial class TcpConnection : IPeer
{
    private ProxiedPeer? Proxied => _callbacks?.Proxied;

    private bool AwaitsProxyHeader => Proxied is { IsAwaited: true };

    /// <summary>Has an accepted connection begin with a header, before the handshake of TLS. On the loop, before anything was
    /// received.</summary>
    internal void ExpectProxyHeader(ProxyProtocolOptions options)
    {
        Callbacks.Proxied = new ProxiedPeer(options, _tls);
        _tls = null;
        Status = ConnectionStatus.Connecting;
    }

    private void ReceiveProxyHeader(int count)
    {
        ProxiedPeer proxied = Proxied!;
        Verdict verdict = proxied.Read(Buffers.Receive.AsSpan(0, count), out IPEndPoint? remote, out int used);
        if (verdict.Kind == VerdictKind.NeedMore) return;
        if (verdict.Kind == VerdictKind.Reject)
        {
            FailProxyHeader(verdict.Reason!);
            return;
        }
        _addresses.Set(remote, proxied.LocalAddress);
        _phaseSince = Loop.Now;
        if (proxied.Tls is { } tls)
        {
            BeginTls(tls);
            if (used < count) ContinueWith(Buffers.Receive.AsMemory(used, count - used));
            return;
        }
        OnSecured();
        if (Status != ConnectionStatus.Established || used == count) return;
        Buffers.Receive.AsSpan(used, count - used).CopyTo(Buffers.Receive);
        OnReceived(Buffers.Receive, count - used);
    }

    private void FailProxyHeader(string reason)
    {
        _handler.OnProxyRefused(this, reason);
        Status = ConnectionStatus.Closing;
        Destroy();
    }

    /// <summary>A proxy that connects and says nothing looks whether anybody listens, as balancers do all the time: no line for
    /// that.</summary>
    private void ReportLostProxyHeader()
    {
        if (Proxied!.HasBegun) _handler.OnProxyRefused(this, "the connection ended within its header");
    }

    private void SweepProxyHeader(long now)
    {
        TimeSpan patience = Proxied!.Timeout;
        if (patience != Timeout.InfiniteTimeSpan && now - _phaseSince > patience.TotalMilliseconds) FailProxyHeader("its header took too long");
    }
}
