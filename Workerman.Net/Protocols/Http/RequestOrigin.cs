using System.Net;

namespace Workerman.Protocols.Http;

/// <summary>
/// Where a request really comes from: what the peer is, and what it says of others if it is a proxy that is trusted. The fields
/// are read from the right, as the proxies have written them, up to the first address that is no trusted proxy: that is the
/// client, and whatever stands left of it is only the client's word. A value; pure.
/// </summary>
/// <param name="Ip">The client's address; empty if nobody knows it.</param>
/// <param name="Scheme">What the client speaks: <c>http</c> or <c>https</c>.</param>
/// <param name="Host">The host that the client asked for, with its port if it has one.</param>
internal sealed record RequestOrigin(string Ip, string Scheme, string Host)
{
    /// <summary>What is known without any field.</summary>
    public static RequestOrigin OfPeer(IPAddress? peer, bool isSecure, string host) =>
        new(peer is null ? "" : NetworkList.Unmap(peer).ToString(), isSecure ? "https" : "http", host);

    /// <summary>What a trusted proxy says.</summary>
    /// <exception cref="BadRequestException">Forwarded and X-Forwarded-… do not say the same: one of them may not be the proxy's.
    /// Nor may what only one of them says.</exception>
    public RequestOrigin Follow(Request request, HttpOptions options)
    {
        ForwardedFields fields = options.ForwardedFields;
        string? Field(ForwardedFields field, string name) => (fields & field) == 0 ? null : request.Header(name);
        RequestOrigin? standard = Field(ForwardedFields.Forwarded,
            "forwarded") is { } forwarded ? FollowForwarded(forwarded, options.TrustedProxies) : null;
        RequestOrigin? usual = FollowLists(
            Field(ForwardedFields.XForwardedFor, "x-forwarded-for"), Field(ForwardedFields.XForwardedProto, "x-forwarded-proto"),
            Field(ForwardedFields.XForwardedHost, "x-forwarded-host"), options.TrustedProxies);
        if (standard is not null && usual is not null && standard != usual)
            throw new BadRequestException(400, "Forwarded and X-Forwarded-... do not say the same of the client");
        return standard ?? usual ?? this;
    }

    private RequestOrigin FollowForwarded(string field, NetworkList proxies)
    {
        RequestOrigin origin = this;
        var elements = new ListFromRight(field);
        bool isProxy = true;
        while (isProxy && elements.TryTake(out ReadOnlySpan<char> text))
        {
            ForwardedElement element = ForwardedElement.Read(text);
            origin = new RequestOrigin(element.For?.ToString() ?? origin.Ip, element.Scheme ?? origin.Scheme,
                element.Host ?? origin.Host);
            isProxy = element.For is not null && proxies.Contains(element.For);
        }
        return origin;
    }

    /// <summary>Lists of their own for each kind: as many steps to the left in each as there are addresses on the way to the
    /// client, or as it has.</summary>
    private RequestOrigin? FollowLists(string? addresses, string? schemes, string? hosts, NetworkList proxies)
    {
        if (addresses is null && schemes is null && hosts is null) return null;
        string ip = Ip;
        int steps = 0;
        var nodes = new ListFromRight(addresses);
        bool isProxy = true;
        while (isProxy && nodes.TryTake(out ReadOnlySpan<char> node))
        {
            steps++;
            isProxy = ForwardedElement.TryReadNode(node, out IPAddress? address) && proxies.Contains(address!);
            if (address is not null) ip = address.ToString();
        }
        return new RequestOrigin(ip, ForwardedElement.SchemeOf(FromRight(schemes, steps)) ?? Scheme,
            ForwardedElement.HostOf(FromRight(hosts, steps)) ?? Host);
    }

    private static ReadOnlySpan<char> FromRight(string? list, int steps)
    {
        var elements = new ListFromRight(list);
        ReadOnlySpan<char> found = default;
        for (int i = 0; i < Math.Max(steps, 1) && elements.TryTake(out ReadOnlySpan<char> element); i++) found = element;
        return found;
    }
}
