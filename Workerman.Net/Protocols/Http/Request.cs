using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// One HTTP request (PHP: <c>Workerman\Protocols\Http\Request</c>). It owns its bytes and is the application's to keep: a
/// closure or a timer may read it later. Query and cookies are parsed on first use, so it is not for several threads at once.
/// </summary>
public sealed class Request
{
    private readonly RequestHead _head;
    private Dictionary<string, string>? _query;
    private Dictionary<string, string>? _cookies;
    private Dictionary<string, string>? _headers;

    internal Request(RequestHead head, ReadOnlyMemory<byte> body)
    {
        _head = head;
        RawBody = body;
    }

    /// <summary>The method as it was sent, any token (PHP: <c>method()</c>).</summary>
    public string Method => field ??= HttpMethods.NameOf(_head.Method);

    /// <summary>The request target as it was sent, with its query (PHP: <c>uri()</c>).</summary>
    public string Uri => field ??= Encoding.ASCII.GetString(_head.Target);

    /// <summary>The path as it was sent, not decoded (PHP: <c>path()</c>).</summary>
    public string Path => field ??= Encoding.ASCII.GetString(SplitTarget().Path);

    /// <summary>The query as it was sent, without its question mark; empty if there is none (PHP: <c>queryString()</c>).</summary>
    public string QueryString => field ??= Encoding.ASCII.GetString(SplitTarget().Query);

    /// <summary><c>1.0</c> or <c>1.1</c> (PHP: <c>protocolVersion()</c>).</summary>
    public string ProtocolVersion => _head.MinorVersion == 0 ? "1.0" : "1.1";

    /// <summary>
    /// The host that the request is for, with its port if it has one; empty if there is none (PHP: <c>host()</c>). It is the Host
    /// header field, unless the target is a whole URI, which has it instead (RFC 9112 section 3.2.2).
    /// </summary>
    public string Host => AbsoluteForm.Authority(_head.Target) is { IsEmpty: false } authority ? Encoding.ASCII.GetString(authority) : Header("host") ?? "";

    /// <summary>The Host header field without the port (PHP: <c>host(true)</c>).</summary>
    public string HostWithoutPort
    {
        get
        {
            string host = Host;
            int colon = host.LastIndexOf(':');
            // The colons of [::1] are not a port's.
            return colon < 0 || colon < host.LastIndexOf(']') ? host : host[..colon];
        }
    }

    /// <summary>The body's bytes, chunks already joined (PHP: <c>rawBody()</c>).</summary>
    public ReadOnlyMemory<byte> RawBody { get; }

    /// <summary>The body as text, read as UTF-8 (PHP: <c>rawBody()</c>).</summary>
    public string Body => Encoding.UTF8.GetString(RawBody.Span);

    /// <summary>A member of the query, decoded; of several with the name the last (PHP: <c>get($name, $default)</c>).</summary>
    public string? Get(string name, string? defaultValue = null) => Get().GetValueOrDefault(name, defaultValue!);

    /// <summary>All members of the query (PHP: <c>get()</c>).</summary>
    public IReadOnlyDictionary<string, string> Get() => _query ??= UrlEncoding.ParseQuery(SplitTarget().Query);

    /// <summary>
    /// A header field, whatever the case of its name; several with the name are joined by a comma, as RFC 9110 section 5.2
    /// has it (PHP: <c>header($name, $default)</c>).
    /// </summary>
    public string? Header(string name, string? defaultValue = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        string? value = null;
        foreach (HeaderField field in _head.Fields)
        {
            if (field.NameLength != name.Length || !Ascii.EqualsIgnoreCase(_head.Name(field), name)) continue;
            string next = Encoding.UTF8.GetString(_head.Value(field));
            // Cookies have a separator of their own (RFC 9113 section 8.2.3).
            string separator = name.Equals("cookie", StringComparison.OrdinalIgnoreCase) ? "; " : ", ";
            value = value is null ? next : value + separator + next;
        }
        return value ?? defaultValue;
    }

    /// <summary>All header fields, their names in lower case (PHP: <c>header()</c>).</summary>
    public IReadOnlyDictionary<string, string> Header() => _headers ??= ReadHeaders();

    /// <summary>A cookie, percent-decoded (PHP: <c>cookie($name, $default)</c>).</summary>
    public string? Cookie(string name, string? defaultValue = null) => Cookie().GetValueOrDefault(name, defaultValue!);

    /// <summary>All cookies (PHP: <c>cookie()</c>).</summary>
    public IReadOnlyDictionary<string, string> Cookie() => _cookies ??= ReadCookies();

    /// <summary>Method and target, for logs and debuggers.</summary>
    public override string ToString() => $"{Method} {Uri}";

    private TargetParts SplitTarget() => new(AbsoluteForm.PathAndQuery(_head.Target));

    private Dictionary<string, string> ReadHeaders()
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (HeaderField field in _head.Fields)
        {
            string name = Encoding.ASCII.GetString(_head.Name(field)).ToLowerInvariant();
            if (!headers.ContainsKey(name)) headers.Add(name, Header(name)!);
        }
        return headers;
    }

    private Dictionary<string, string> ReadCookies()
    {
        var cookies = new Dictionary<string, string>();
        foreach (HeaderField field in _head.Fields)
        {
            if (Ascii.EqualsIgnoreCase(_head.Name(field), "cookie"u8)) CookieHeader.Read(_head.Value(field), cookies);
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
