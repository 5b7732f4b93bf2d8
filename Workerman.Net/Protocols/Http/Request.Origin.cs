namespace Workerman.Protocols.Http;

/// <summary>Who sent the request, if it came through proxies.</summary>
public sealed partial class Request
{
    /// <summary>
    /// The client's IP address: the peer's, or, if the peer is one of <see cref="HttpOptions.TrustedProxies"/>, the one that it
    /// names in <c>Forwarded</c> or <c>X-Forwarded-For</c>. Of several proxies each has to be trusted for the next address to
    /// count; one that does not name its client (<c>unknown</c>, or no address at all) is taken for the client itself. Empty on a
    /// Unix socket whose peer names no address.
    /// </summary>
    /// <exception cref="BadRequestException">A trusted proxy passed on both <c>Forwarded</c> and <c>X-Forwarded-…</c> with
    /// different contents, so one of them may come from the client: answered with 400. Say in
    /// <see cref="HttpOptions.ForwardedFields"/> which of them the proxy sets.</exception>
    public string ClientIp => Origin.Ip;

    /// <summary>
    /// The scheme that the client used, <c>http</c> or <c>https</c>: the connection's, or the one that a trusted proxy names in
    /// <c>Forwarded</c> or <c>X-Forwarded-Proto</c>.
    /// </summary>
    /// <inheritdoc cref="ClientIp" path="/exception"/>
    public string ClientScheme => Origin.Scheme;

    /// <summary>
    /// The host that the client asked for, with its port if it has one: <see cref="Host"/>, or the one that a trusted proxy names
    /// in <c>Forwarded</c> or <c>X-Forwarded-Host</c>. A proxy that does not set the latter passes on whatever the client sends
    /// in it; leave it out of <see cref="HttpOptions.ForwardedFields"/> then.
    /// </summary>
    /// <inheritdoc cref="ClientIp" path="/exception"/>
    public string ClientHost => Origin.Host;

    private RequestOrigin Origin => Parsed.Origin ??= FindOrigin();

    private RequestOrigin FindOrigin()
    {
        RequestOrigin peer = RequestOrigin.OfPeer(Exchange?.PeerAddress, Exchange?.IsSecure == true, Host);
        return Exchange?.HasTrustedPeer == true ? peer.Follow(this, _options) : peer;
    }
}
