using System.Buffers;
using System.Globalization;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// Which other origins may read the answers: the header fields of the Fetch standard's "CORS protocol", and which origins a
/// request that changes something is trusted from. It adds nothing by itself: the application puts
/// <see cref="HeadersFor"/> on its answers, and answers what <see cref="IsPreflight"/>. Only browsers heed it. Immutable; any
/// thread.
/// </summary>
public sealed class Cors
{
    /// <summary>What ends an authority, or is none of a host and a port.</summary>
    private static readonly SearchValues<char> NoAuthority = SearchValues.Create("/?#@\\ ");

    private readonly HashSet<string> _named = new(StringComparer.Ordinal);
    private readonly bool _hasAny;

    /// <summary>Allows origins.</summary>
    /// <param name="origins">Origins as browsers send them, such as <c>https://app.example</c>; <c>*</c>: all, but without their
    /// cookies.</param>
    /// <exception cref="ArgumentException">One is neither.</exception>
    public Cors(params IReadOnlyCollection<string> origins)
    {
        ArgumentNullException.ThrowIfNull(origins);
        foreach (string origin in origins)
        {
            if (origin == "*") _hasAny = true;
            else if (IsOrigin(origin)) _named.Add(origin);
            else
                throw new ArgumentException($"'{Printable.Of(origin ?? "")}' is no origin as browsers send it. Cure: write "
                    + "scheme and host in small letters, and a port only if it is not the usual one: https://app.example.",
                    nameof(origins));
        }
    }

    /// <summary>Whether origins that are named may send cookies, and read the answers; not by default.</summary>
    public bool AllowCredentials { get; init; }

    /// <summary>
    /// The methods that they may use, in capital letters; GET, HEAD and POST, which browsers allow in any case, if nothing is
    /// set. <c>*</c> stands for all in requests without cookies only.
    /// </summary>
    /// <exception cref="ArgumentException">One is no token.</exception>
    public IReadOnlyCollection<string> AllowedMethods { get; init => field = Tokens(value); } = ["GET", "HEAD", "POST"];

    /// <summary>
    /// The header fields that scripts may set; none by default. <c>Authorization</c> and <c>Last-Event-ID</c> need it, and so
    /// does a <c>Content-Type</c> of JSON. <c>*</c> stands for all but <c>Authorization</c>, in requests without cookies only.
    /// </summary>
    /// <inheritdoc cref="AllowedMethods" path="/exception"/>
    public IReadOnlyCollection<string> AllowedHeaders { get; init => field = Tokens(value); } = [];

    /// <summary>The header fields of an answer that scripts may read besides the usual ones; none by default.</summary>
    /// <inheritdoc cref="AllowedMethods" path="/exception"/>
    public IReadOnlyCollection<string> ExposedHeaders { get; init => field = Tokens(value); } = [];

    /// <summary>
    /// How long a browser remembers the answer to a preflight; null, the default, for its own 5 seconds. Zero or more, in whole
    /// seconds; browsers have limits of their own, of 2 to 24 hours.
    /// </summary>
    public TimeSpan? MaxAge
    {
        get;
        init
        {
            if (value is { } age) ArgumentOutOfRangeException.ThrowIfLessThan(age, TimeSpan.Zero, nameof(value));
            field = value;
        }
    }

    /// <summary>
    /// The header fields of an answer to a request, the same whether it is a success or an error; they are the caller's. An event
    /// stream takes them as <c>SubscribeOptions.Headers</c>, any other answer with <see cref="Response.WithHeaders"/>.
    /// </summary>
    public ResponseHeaders HeadersFor(Request request)
    {
        bool isPreflight = IsPreflight(request);
        var headers = new ResponseHeaders();
        string? origin = request.Header("origin");
        bool isNamed = origin is not null && _named.Contains(origin);
        bool hasCookie = request.Header("cookie") is not null;
        // Fetch standard, "CORS check": with cookies, * does not count. So that a cache does not give such an answer to others,
        // it varies (RFC 9110 section 12.5.5).
        bool isAny = _hasAny && !isNamed && !hasCookie;
        if (_named.Count > 0) headers.Add("Vary", "Origin");
        if (_hasAny && hasCookie) headers.Add("Vary", "Cookie");
        if (isNamed || isAny) headers.Add("Access-Control-Allow-Origin", isNamed ? origin! : "*");
        if (isNamed && AllowCredentials) headers.Add("Access-Control-Allow-Credentials", "true");
        AddList(headers, "Access-Control-Expose-Headers", ExposedHeaders);
        if (!isPreflight) return headers;
        AddList(headers, "Access-Control-Allow-Methods", AllowedMethods);
        AddList(headers, "Access-Control-Allow-Headers", AllowedHeaders);
        if (MaxAge is { } age)
            headers.Add("Access-Control-Max-Age", ((long)age.TotalSeconds).ToString(CultureInfo.InvariantCulture));
        return headers;
    }

    /// <summary>
    /// Whether a request is a preflight, by which a browser asks whether a script may send another: <c>new Response(204)</c>
    /// with <see cref="HeadersFor"/> is the answer.
    /// </summary>
    public static bool IsPreflight(Request request)
    {
        ArgumentNullException.ThrowIfNull(request);
        // Fetch standard, "CORS-preflight request".
        return request.Method == "OPTIONS" && request.Header("access-control-request-method") is not null;
    }

    /// <summary>
    /// Whether the page that sends a request is of the origin that it asks, or of one that is named; <c>*</c> does not count. A
    /// request that changes something, and is known by its cookie alone, is to be refused otherwise, with 403 for instance: any
    /// page can have a browser send it (CSRF). It goes by <c>Sec-Fetch-Site: same-origin</c>, which no page can set, by
    /// <c>Origin</c>, and by <c>Referer</c> where that is missing; no page is known where all are. The own origin is that of
    /// <see cref="Request.ClientScheme"/> and <see cref="Request.ClientHost"/>, behind a proxy as well.
    /// </summary>
    /// <exception cref="BadRequestException">As of <see cref="Request.ClientHost"/>.</exception>
    public bool IsTrusted(Request request)
    {
        ArgumentNullException.ThrowIfNull(request);
        // Fetch Metadata Request Headers, section 2.3: a form of the own page has it also where its policy hides the origin.
        if (request.Header("sec-fetch-site") == "same-origin") return true;
        string? origin = request.Header("origin") ?? OriginOf(request.Header("referer"));
        return origin is not null
            && (_named.Contains(origin) || origin == OriginOf($"{request.ClientScheme}://{request.ClientHost}"));
    }

    /// <summary>Whether a text is an origin as the URL standard writes it, with the host in ASCII.</summary>
    private static bool IsOrigin(string? text)
    {
        if (text is null || !Ascii.IsValid(text) || !Uri.TryCreate(text, UriKind.Absolute, out Uri? url)) return false;
        string before = url.Scheme + "://";
        bool isPlain = url.Host.Length > 0 && text.StartsWith(before, StringComparison.Ordinal)
            && !text.AsSpan(before.Length).ContainsAny(NoAuthority);
        // Other schemes have no usual port, and hosts of any letters.
        if (url.Scheme is not ("http" or "https")) return isPlain;
        // An IPv4 address in IPv6 is written with a dot by System.Uri, and not by browsers.
        bool isUsual = url.HostNameType == UriHostNameType.IPv6
            ? !text.Any(char.IsAsciiLetterUpper) && (text.EndsWith(']') || !url.IsDefaultPort) : OriginOf(text) == text;
        return isPlain && isUsual;
    }

    /// <summary>The origin of a URL (RFC 6454 section 6.2); null if it has none.</summary>
    private static string? OriginOf(string? url) =>
        Uri.TryCreate(url, UriKind.Absolute, out Uri? known) && known.Host.Length > 0
            ? known.GetLeftPart(UriPartial.Scheme) + known.Authority : null;

    private static void AddList(ResponseHeaders headers, string name, IReadOnlyCollection<string> values)
    {
        if (values.Count > 0) headers.Add(name, string.Join(", ", values));
    }

    private static string[] Tokens(IReadOnlyCollection<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        foreach (string name in names)
        {
            if (!HttpChars.IsToken(name))
                throw new ArgumentException($"'{Printable.Of(name ?? "")}' is neither a method nor the name of a header field.",
                    nameof(names));
        }
        return [.. names];
    }
}
