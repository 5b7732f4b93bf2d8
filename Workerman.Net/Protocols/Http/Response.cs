using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// One HTTP response (PHP: <c>Workerman\Protocols\Http\Response</c>). The library sets length, connection and date itself: a
/// <c>Content-Length</c> or <c>Transfer-Encoding</c> of the application's is not sent, but <c>Transfer-Encoding: chunked</c>
/// begins an answer that goes on with <see cref="Chunk"/>s, and the <c>Content-Length</c> of an answer to HEAD without a body, or
/// of a 304, is the length that the body would have. A response that does not change any more may be sent many times and from
/// several loops.
/// </summary>
public partial class Response : IMessage
{
    private ReadOnlyMemory<byte> _body;

    /// <summary>Makes a response with a text body, sent as UTF-8.</summary>
    /// <param name="status">100 to 999.</param>
    /// <param name="headers">Its header fields; null for none. A <see cref="Dictionary{TKey,TValue}"/> of texts is
    /// converted.</param>
    /// <param name="body">Its body. A <c>text/event-stream</c> response is sent without it.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is no status.</exception>
    public Response(int status = 200, ResponseHeaders? headers = null, string body = "")
    {
        StatusCode = CheckStatus(status);
        Headers = headers ?? [];
        WithBody(body);
    }

    /// <summary>Makes a response with a body of bytes, which are not copied: do not change them afterwards.</summary>
    /// <inheritdoc cref="Response(int, ResponseHeaders?, string)"/>
    public Response(int status, ResponseHeaders? headers, ReadOnlyMemory<byte> body)
    {
        StatusCode = CheckStatus(status);
        Headers = headers ?? [];
        _body = body;
    }

    /// <summary>The status (PHP: <c>getStatusCode()</c>).</summary>
    public int StatusCode { get; private set; }

    /// <summary>The reason phrase that was set, or the registered one of the status (PHP: <c>getReasonPhrase()</c>).</summary>
    public string ReasonPhrase => CustomReason ?? ReasonPhrases.Of(StatusCode);

    /// <summary><c>1.0</c> or <c>1.1</c>.</summary>
    public string ProtocolVersion { get; private set; } = "1.1";

    /// <summary>The header fields (PHP: <c>getHeaders()</c>).</summary>
    public ResponseHeaders Headers { get; private set; }

    /// <summary>
    /// The body's bytes (PHP: <c>rawBody()</c>); one that is written when it is sent is written for each use of this.
    /// </summary>
    public ReadOnlyMemory<byte> RawBody => Writer?.ToArray() ?? _body;

    /// <summary>Whether the body is compressed; null: as the worker's options say.</summary>
    internal bool? Compression { get; private set; }

    private string? CustomReason { get; set; }

    /// <summary>Whether version and reason phrase are the usual ones.</summary>
    internal bool HasPlainStatusLine => CustomReason is null && ProtocolVersion == "1.1";

    /// <summary>
    /// Sets the status and, if it is not the registered one, the reason phrase (PHP: <c>withStatus($code, $reason)</c>).
    /// </summary>
    /// <exception cref="ArgumentException">The status is none, or the phrase has a control character.</exception>
    public Response WithStatus(int status, string? reasonPhrase = null)
    {
        if (reasonPhrase is not null && !HttpChars.IsFieldValue(reasonPhrase))
            throw new ArgumentException("The reason phrase has a line break or another control character; remove it.",
                nameof(reasonPhrase));
        StatusCode = CheckStatus(status);
        CustomReason = reasonPhrase;
        return this;
    }

    /// <summary>Sets a header field, in place of what the name had (PHP: <c>withHeader</c>).</summary>
    /// <exception cref="ArgumentException">The name is no token, or the value holds a line break or another control
    /// character.</exception>
    public Response WithHeader(string name, string value) => Header(name, value);

    /// <summary>Sets a header field, in place of what the name had (PHP: <c>header</c>).</summary>
    /// <inheritdoc cref="WithHeader(string, string)"/>
    public Response Header(string name, string value)
    {
        Headers[name] = value;
        return this;
    }

    /// <summary>
    /// Sets a header field with several values, each on a line of its own (PHP: <c>withHeader</c> with an array).
    /// </summary>
    /// <inheritdoc cref="WithHeader(string, string)"/>
    public Response WithHeader(string name, IEnumerable<string> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var checkedFirst = new ResponseHeaders();
        foreach (string value in values) checkedFirst.Add(name, value);
        Headers.Remove(name);
        return WithHeaders(checkedFirst);
    }

    /// <summary>Adds a value to a header field, and keeps those that it has.</summary>
    /// <inheritdoc cref="WithHeader(string, string)"/>
    public Response WithAddedHeader(string name, string value)
    {
        Headers.Add(name, value);
        return this;
    }

    /// <summary>Adds header fields, and keeps those that are there (PHP: <c>withHeaders</c>).</summary>
    /// <inheritdoc cref="WithHeader(string, string)"/>
    public Response WithHeaders(IEnumerable<KeyValuePair<string, string>> headers)
    {
        ArgumentNullException.ThrowIfNull(headers);
        foreach ((string name, string value) in headers) Headers.Add(name, value);
        return this;
    }

    /// <summary>Removes a header field (PHP: <c>withoutHeader</c>).</summary>
    public Response WithoutHeader(string name)
    {
        Headers.Remove(name);
        return this;
    }

    /// <summary>Sets a text body, sent as UTF-8 (PHP: <c>withBody</c>).</summary>
    public Response WithBody(string body)
    {
        ArgumentNullException.ThrowIfNull(body);
        return WithBody(body.Length == 0 ? default : Encoding.UTF8.GetBytes(body));
    }

    /// <summary>
    /// Sets a body of bytes, which are not copied: do not change them afterwards (PHP: <c>withBody</c>).
    /// </summary>
    public Response WithBody(ReadOnlyMemory<byte> body)
    {
        _body = body;
        Writer = null;
        File = null;
        return this;
    }

    /// <summary>
    /// Whether the body is sent as gzip or Brotli if the client accepts that, whatever the worker's
    /// <see cref="HttpOptions.Compression"/> says. Text of 1 KiB to 1 MiB in memory is compressed; files, chunks and events never
    /// are. A page that shows a secret beside text that an attacker can choose should not be compressed over TLS (BREACH).
    /// </summary>
    public Response WithCompression(bool compression = true)
    {
        Compression = compression;
        return this;
    }

    /// <summary>Sets the protocol version of the status line (PHP: <c>withProtocolVersion</c>).</summary>
    /// <param name="version"><c>1.0</c> or <c>1.1</c>.</param>
    /// <exception cref="ArgumentException">Another version.</exception>
    public Response WithProtocolVersion(string version)
    {
        if (version is not ("1.0" or "1.1"))
            throw new ArgumentException($"HTTP/{version} is not spoken here; use 1.0 or 1.1.", nameof(version));
        ProtocolVersion = version;
        return this;
    }

    /// <summary>The first value of a header field, or null (PHP: <c>getHeader</c>).</summary>
    public string? GetHeader(string name) => Headers.TryGetValue(name, out string? value) ? value : null;

    /// <summary>Sets a cookie, and keeps those that are set already (PHP: <c>cookie</c>).</summary>
    /// <param name="name">A token.</param>
    /// <param name="value">Any text; sent percent-encoded.</param>
    /// <param name="maxAge">Seconds that it lives; null for the browser's session, 0 or less to delete it.</param>
    /// <param name="path">The path below which it is sent; empty for the current path.</param>
    /// <param name="domain">The domain whose hosts it is sent to; empty for this host alone.</param>
    /// <param name="secure">Whether it is sent by HTTPS only.</param>
    /// <param name="httpOnly">Whether scripts cannot read it.</param>
    /// <param name="sameSite">Whether it is sent with requests from other sites.</param>
    /// <param name="expires">When it expires; browsers prefer <paramref name="maxAge"/>. Null to leave it out.</param>
    /// <param name="partitioned">Whether browsers keep it separately for each site that embeds this one.</param>
    /// <exception cref="ArgumentException">The name is no token, path or domain has a semicolon or a control character, or
    /// browsers would not take a cookie with these attributes together.</exception>
    public Response Cookie(
        string name, string value = "", int? maxAge = null, string path = "", string domain = "",
        bool secure = false, bool httpOnly = false, SameSite sameSite = SameSite.Unspecified, DateTimeOffset? expires = null,
        bool partitioned = false)
    {
        Headers.Add("Set-Cookie",
            SetCookie.Format(name, value, maxAge, path, domain, secure, httpOnly, sameSite, expires, partitioned));
        return this;
    }

    /// <summary>A copy of this response, of the same type, with one more header field; this one does not change.</summary>
    internal Response WithAnotherHeader(string name, string value)
    {
        var copy = (Response)MemberwiseClone();
        copy.Headers = [];
        foreach ((string key, string own) in Headers) copy.Headers.Add(key, own);
        copy.Headers.Add(name, value);
        return copy;
    }

    private static int CheckStatus(int status)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(status, 100);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(status, 999);
        return status;
    }
}
