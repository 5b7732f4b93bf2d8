namespace Workerman.Protocols.Http;

/// <summary>Who asks, where proxies stand in between.</summary>
public sealed partial class Request
{
    /// <summary>
    /// The client's IP address: the peer's, or what the peer says if it is one of <see cref="HttpOptions.TrustedProxies"/>, in
    /// <c>Forwarded</c> or <c>X-Forwarded-For</c>. Of several proxies each has to be trusted for the next to be believed; one
    /// that does not know its client (<c>unknown</c>, or no address at all) is taken for the client itself. Empty on a Unix
    /// socket whose peer says nothing.
    /// </summary>
    /// <exception cref="BadRequestException">A trusted proxy handed on both <c>Forwarded</c> and <c>X-Forwarded-…</c> with
    /// different contents, one of which a stranger wrote: answered with 400. Say in <see cref="HttpOptions.ForwardedFields"/>
    /// which of them the proxy sets.</exception>
    public string ClientIp => Origin.Ip;

    /// <summary>How the client came, <c>http</c> or <c>https</c>: the connection's own way, or what a trusted proxy says in
    /// <c>Forwarded</c> or <c>X-Forwarded-Proto</c>.</summary>
    /// <inheritdoc cref="ClientIp" path="/exception"/>
    public string ClientScheme => Origin.Scheme;

    /// <summary>
    /// The host that the client asked for, with its port if it has one: <see cref="Host"/>, or what a trusted proxy says in
    /// <c>Forwarded</c> or <c>X-Forwarded-Host</c>. A proxy that does not set the latter hands on what a client made up; leave it
    /// out of <see cref="HttpOptions.ForwardedFields"/> then.
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
