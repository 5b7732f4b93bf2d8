namespace Workerman.Protocols.Http;

/// <summary>
/// Header fields in which proxies name the client whose request they pass on; see <see cref="HttpOptions.ForwardedFields"/>.
/// </summary>
[Flags]
public enum ForwardedFields
{
    /// <summary>None of them.</summary>
    None = 0,

    /// <summary><c>Forwarded</c> (RFC 7239): addresses, schemes and hosts.</summary>
    Forwarded = 1,

    /// <summary><c>X-Forwarded-For</c>: addresses.</summary>
    XForwardedFor = 2,

    /// <summary><c>X-Forwarded-Proto</c>: schemes.</summary>
    XForwardedProto = 4,

    /// <summary><c>X-Forwarded-Host</c>: hosts.</summary>
    XForwardedHost = 8,

    /// <summary>All of them.</summary>
    All = Forwarded | XForwardedFor | XForwardedProto | XForwardedHost,
}
