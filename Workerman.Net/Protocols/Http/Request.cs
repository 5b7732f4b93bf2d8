using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Workerman.Protocols.Http.Sessions;

namespace Workerman.Protocols.Http;

/// <summary>
/// One HTTP request (PHP: <c>Workerman\Protocols\Http\Request</c>). It owns its bytes, and the application may keep it: a closure
/// or a timer may read it later, except a body of more than 1 MiB, or in temporary files, which vanishes with the answer unless
/// <see cref="RawBody"/> was asked for before. Query, cookies, form and
/// files are parsed on first use, so it is not for several threads at once.
/// </summary>
public sealed partial class Request
{
    private RequestHead _head;
    private readonly HttpOptions _options;
    private ParsedRequest? _parsed;

    internal Request(in RequestHead head, HttpOptions options)
    {
        _head = head;
        _options = options;
    }

    /// <summary>The method as it was sent, any token (PHP: <c>method()</c>).</summary>
    public string Method => field ??= HttpMethods.NameOf(_head.Method);

    /// <summary>The request target as it was sent, with its query (PHP: <c>uri()</c>).</summary>
    public string Uri => Parsed.Uri ??= Encoding.ASCII.GetString(_head.Target);

    /// <summary>The path as it was sent, not decoded (PHP: <c>path()</c>).</summary>
    public string Path => field ??= Encoding.ASCII.GetString(SplitTarget().Path);

    /// <summary>
    /// The query as it was sent, without its question mark; empty if there is none (PHP: <c>queryString()</c>).
    /// </summary>
    public string QueryString => Parsed.QueryString ??= Encoding.ASCII.GetString(SplitTarget().Query);

    /// <summary><c>1.0</c> or <c>1.1</c> (PHP: <c>protocolVersion()</c>).</summary>
    public string ProtocolVersion => _head.MinorVersion == 0 ? "1.0" : "1.1";

    /// <summary>
    /// The host that the request is for, with its port if it has one; empty if there is none (PHP: <c>host()</c>). It is the Host
    /// header field, unless the target is a whole URI, which has it instead (RFC 9112 section 3.2.2).
    /// </summary>
    public string Host => RequestTarget.Authority(_head.Target) is { IsEmpty: false } authority
        ? Encoding.ASCII.GetString(authority)
        : Header("host") ?? "";

    /// <summary>The Host header field without the port (PHP: <c>host(true)</c>).</summary>
    public string HostWithoutPort
    {
        get
        {
            string host = Host;
            int colon = host.LastIndexOf(':');
            // The colons within [::1] do not begin a port.
            return colon < 0 || colon < host.LastIndexOf(']') ? host : host[..colon];
        }
    }

    /// <summary>
    /// Request line and header fields as they were sent, without the empty line that ends them (PHP: <c>rawHead()</c>). After a
    /// chunked or decompressed body they are those that <see cref="Header()"/> returns, which fit the body as it is now.
    /// </summary>
    public string RawHead => Encoding.Latin1.GetString(_head.Bytes[..^4]);

    /// <summary>
    /// Whether it is the request of an event stream that was open when its process was replaced by this one (a reload): its
    /// connection has come along, and the client is in the middle of the answer. Subscribe it as you did the first time: the
    /// stream goes on after the last event, without a head, a gap or a duplicate. <c>OnConnect</c> was called for the connection,
    /// as for any other. What would stand in a head has no place any more: <c>SubscribeOptions.Headers</c>, a
    /// <c>Set-Cookie</c> of the session, whose changes are saved all the same. <c>Last-Event-ID</c> is what the client sent when
    /// it connected; the stream does not go by it, nor by <c>SubscribeOptions.LastEventId</c>, because it knows the place.
    /// Any other answer, or none within 10 seconds, ends the stream: nothing of it is sent, and the client connects again after a
    /// random time.
    /// </summary>
    public bool IsMoved => Exchange is { IsMoved: true };

    /// <summary>Anything that the application attaches to the request (PHP: <c>$context</c>, and dynamic properties).</summary>
    public object? Context { get; set; }

    /// <summary>
    /// The route that the application has chosen for the request, as a template with few different values, such as
    /// <c>/users/{id}</c>; null for none. It is the attribute <c>http.route</c> of the metrics and activities of requests. Set it
    /// before the answer.
    /// </summary>
    public string? Route { get => _parsed?.Route; set => Parsed.Route = value; }

    /// <summary>A member of the query, decoded; of several with the name the last (PHP: <c>get($name, $default)</c>).</summary>
    /// <exception cref="BadRequestException">The query has more than <see cref="HttpOptions.MaxQueryMembers"/>.</exception>
    [return: NotNullIfNotNull(nameof(defaultValue))]
    public string? Get(string name, string? defaultValue = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (_parsed?.Query is { } members) return members.TryGetValue(name, out string? member) ? member : defaultValue;
        return FindInQuery(name, out ReadOnlySpan<byte> value) ? UrlEncoding.Decode(value, plusIsSpace: true) : defaultValue;
    }

    /// <summary>
    /// A member of the query as a number, a <see cref="Guid"/>, a date: <c>request.Get("page", 1)</c>; of several with the name
    /// the last. It is read as text of the invariant culture.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="defaultValue">What it is if the query has no such member.</param>
    /// <exception cref="BadRequestException">It is there and is none of these (400), or the query has more members than
    /// <see cref="HttpOptions.MaxQueryMembers"/>.</exception>
    public T Get<T>(string name, T defaultValue)
        where T : struct, IUtf8SpanParsable<T>
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!FindInQuery(name, out ReadOnlySpan<byte> value)) return defaultValue;
        ReadOnlySpan<byte> text = UrlEncoding.IsPlain(value) ? value : UrlEncoding.DecodeBytes(value, plusIsSpace: true);
        return T.TryParse(text, CultureInfo.InvariantCulture, out T result)
            ? result
            : throw new BadRequestException(400, $"the query's {Printable.Of(name)} is not of type {typeof(T).Name}");
    }

    /// <summary>All members of the query (PHP: <c>get()</c>).</summary>
    /// <inheritdoc cref="Get(string, string?)" path="/exception"/>
    public FieldCollection<string> Get() =>
        Parsed.Query ??= UrlEncoding.Parse(SplitTarget().Query, _options.MaxQueryMembers, TooManyMembers);

    private bool FindInQuery(string name, out ReadOnlySpan<byte> value) =>
        UrlEncoding.TryFind(SplitTarget().Query, name, _options.MaxQueryMembers, TooManyMembers, out value);

    private static BadRequestException TooManyMembers() =>
        Refusals.TooMany("query members", nameof(HttpOptions.MaxQueryMembers), 400);

    /// <summary>All members of the query with a name, in their order. PHP has only the last, or <c>name[]</c>.</summary>
    /// <inheritdoc cref="Get(string, string?)" path="/exception"/>
    public IReadOnlyList<string> GetValues(string name) => Get().GetValues(name);

    /// <summary>
    /// A header field, whatever the case of its name; several with the name are joined by a comma, as RFC 9110 section 5.2
    /// has it (PHP: <c>header($name, $default)</c>).
    /// </summary>
    [return: NotNullIfNotNull(nameof(defaultValue))]
    public string? Header(string name, string? defaultValue = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        string? value = null;
        StringBuilder? joined = null;
        foreach (HeaderField field in _head.Fields)
        {
            if (field.NameLength != name.Length || !Ascii.EqualsIgnoreCase(_head.Name(field), name)) continue;
            string next = Encoding.UTF8.GetString(_head.Value(field));
            if (value is null) value = next;
            else (joined ??= new StringBuilder(value)).Append(SeparatorOf(name)).Append(next);
        }
        return joined?.ToString() ?? value ?? defaultValue;
    }

    /// <summary>
    /// All header fields, their names in lower case and in any case found (PHP: <c>header()</c>). Of several with a name the
    /// joined value. The body has come whole, so
    /// a chunked one has its <c>Content-Length</c> in place of <c>Transfer-Encoding</c> (RFC 9112 section 7.1.3).
    /// </summary>
    public IReadOnlyDictionary<string, string> Header() =>
        Parsed.JoinedHeaders ??= Headers.Keys.ToDictionary(
            name => name, name => string.Join(SeparatorOf(name), Headers.GetValues(name)), StringComparer.OrdinalIgnoreCase);

    /// <summary>All values of a header field, a line each, in their order.</summary>
    public IReadOnlyList<string> HeaderValues(string name) => Headers.GetValues(name);

    /// <summary>A cookie, percent-decoded (PHP: <c>cookie($name, $default)</c>).</summary>
    /// <exception cref="BadRequestException">There are more than <see cref="HttpOptions.MaxCookies"/>.</exception>
    [return: NotNullIfNotNull(nameof(defaultValue))]
    public string? Cookie(string name, string? defaultValue = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (_parsed?.Cookies is { } cookies) return cookies.TryGetValue(name, out string? known) ? known : defaultValue;
        string? value = null;
        int count = 0;
        foreach (HeaderField field in _head.Fields)
        {
            if (!IsCookieField(field)) continue;
            value = CookieHeader.Find(_head.Value(field), name, _options.MaxCookies, ref count) ?? value;
        }
        return value ?? defaultValue;
    }

    /// <summary>All cookies (PHP: <c>cookie()</c>).</summary>
    /// <inheritdoc cref="Cookie(string, string?)" path="/exception"/>
    public FieldCollection<string> Cookie() => Parsed.Cookies ??= ReadCookies();

    /// <summary>All cookies with a name, in their order.</summary>
    /// <inheritdoc cref="Cookie(string, string?)" path="/exception"/>
    public IReadOnlyList<string> CookieValues(string name) => Cookie().GetValues(name);

    /// <summary>
    /// Header fields of the answer with which the connection changes its protocol, for instance a <c>Sec-WebSocket-Protocol</c>
    /// of those that the client offers; any other answer ignores them (PHP: <c>$connection-&gt;headers</c> in
    /// <c>onWebSocketConnect</c>).
    /// </summary>
    public ResponseHeaders UpgradeHeaders => Parsed.UpgradeHeaders ??= [];

    /// <summary>Whether the request asks for an upgrade to a WebSocket.</summary>
    public bool IsWebSocketUpgrade => OptionList.Contains(Header("upgrade"), "websocket");

    /// <summary>Method and target, for logs and debuggers.</summary>
    public override string ToString() => $"{Method} {Uri}";

    /// <summary>What has been parsed so far. Many requests are answered without any of it.</summary>
    private ParsedRequest Parsed => _parsed ??= new ParsedRequest();

    private FieldCollection<string> Headers => Parsed.Headers ??= ReadHeaders();

    /// <summary>What is measured of it; null if nobody has listened when it came.</summary>
    internal RequestTelemetry? Telemetry { get; set; }

    /// <summary>The head as the parser judged it.</summary>
    internal ref readonly RequestHead Head => ref _head;

    /// <summary>The charset that files of text have by default.</summary>
    internal string FileCharset => _options.FileCharset;

    /// <summary>Cookies have a separator of their own (RFC 9113 section 8.2.3).</summary>
    private static string SeparatorOf(string name) => name.Equals("cookie", StringComparison.OrdinalIgnoreCase) ? "; " : ", ";

    private TargetParts SplitTarget() => new(RequestTarget.PathAndQuery(_head.Target));

    private FieldCollection<string> ReadHeaders()
    {
        var headers = new FieldCollection<string>(StringComparer.OrdinalIgnoreCase);
        foreach (HeaderField field in _head.Fields)
            headers.Add(AsciiCase.ToLower(Encoding.ASCII.GetString(_head.Name(field))),
                Encoding.UTF8.GetString(_head.Value(field)));
        return headers;
    }

    private bool IsCookieField(in HeaderField field) =>
        field.NameLength == 6 && Ascii.EqualsIgnoreCase(_head.Name(field), "cookie"u8);

    private FieldCollection<string> ReadCookies()
    {
        var cookies = new FieldCollection<string>();
        foreach (HeaderField field in _head.Fields)
        {
            if (IsCookieField(field))
                CookieHeader.Read(_head.Value(field), cookies, _options.MaxCookies);
        }
        return cookies;
    }

    private readonly ref struct TargetParts
    {
        public TargetParts(ReadOnlySpan<byte> target)
        {
            int mark = target.IndexOf((byte)'?');
            Path = mark < 0 ? target : target[..mark];
            Query = mark < 0 ? default : target[(mark + 1)..];
            // An absolute target may have a query and no path (RFC 9110 section 4.2.3).
            if (Path.IsEmpty) Path = "/"u8;
        }

        public ReadOnlySpan<byte> Path { get; }

        public ReadOnlySpan<byte> Query { get; }
    }
}

/// <summary>
/// What a <see cref="Request"/> has parsed on first use. An object of its own, because most requests need little of it. Owned by
/// its request.
/// </summary>
internal sealed class ParsedRequest
{
    public string? Uri { get; set; }

    public string? QueryString { get; set; }

    public string? Route { get; set; }

    public FieldCollection<string>? Query { get; set; }

    public FieldCollection<string>? Cookies { get; set; }

    public FieldCollection<string>? Headers { get; set; }

    public Dictionary<string, string>? JoinedHeaders { get; set; }

    public FieldCollection<string>? Post { get; set; }

    public FieldCollection<string>? Trailers { get; set; }

    public RequestOrigin? Origin { get; set; }

    public Session? Session { get; set; }

    /// <summary>The id that the application has chosen for the session.</summary>
    public string? OwnSessionId { get; set; }

    public ResponseHeaders? UpgradeHeaders { get; set; }

    /// <summary>The body has come: what was asked before that was asked of a request without one.</summary>
    public void ForgetBody() => (Post, Headers, JoinedHeaders) = (null, null, null);
}
