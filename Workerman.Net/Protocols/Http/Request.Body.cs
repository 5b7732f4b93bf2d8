using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;

namespace Workerman.Protocols.Http;

/// <summary>The request's body in all the forms that it may have: bytes, text, a stream, fields, files, JSON.</summary>
public sealed partial class Request
{
    private static readonly FieldCollection<string> NoFields = new();
    private static readonly FieldCollection<UploadedFile> NoFiles = new();

    private RequestBody? _body;

    /// <summary>
    /// The body's bytes, chunks already joined (PHP: <c>rawBody()</c>). Those of a body larger than
    /// <see cref="HttpOptions.BodyMemoryThreshold"/> are read from a temporary file. Of a larger body than 1 MiB this is a copy,
    /// which stays after the answer; <see cref="OpenBody"/> needs none.
    /// </summary>
    /// <exception cref="InvalidOperationException"> They have vanished with the answer, or were split into parts as they arrived:
    /// a large multipart body is in <see cref="File()"/> and <see cref="Post()"/>. </exception>
    public ReadOnlyMemory<byte> RawBody => Whole?.ToMemory() ?? default;

    /// <summary>The body as text, read as UTF-8 (PHP: <c>rawBody()</c>).</summary>
    /// <inheritdoc cref="RawBody" path="/exception"/>
    public string Body => Encoding.UTF8.GetString(RawBody.Span);

    /// <summary>The whole request: head, empty line and body, its chunks already joined (PHP: <c>rawBuffer()</c>).</summary>
    /// <inheritdoc cref="RawBody" path="/exception"/>
    public byte[] RawBuffer() => [.. _head.Bytes, .. RawBody.Span];

    /// <summary>
    /// Bytes of the body, chunks already joined, and decompressed if <see cref="HttpOptions.DecompressRequests"/> is set.
    /// </summary>
    public long BodyLength => Whole?.Length ?? 0;

    /// <summary>
    /// The trailer fields of a chunked body (RFC 9110 section 6.5), names in any case. They are not among the header fields,
    /// because they arrive after the body.
    /// </summary>
    public FieldCollection<string> Trailers => _parsed?.Trailers ?? NoFields;

    /// <summary>
    /// The body as a stream, from its beginning. The caller disposes of it. With <see cref="HttpOptions.StreamBodies"/> it is
    /// read as it comes: by <c>ReadAsync</c>, because a synchronous read of what has not come yet throws.
    /// </summary>
    /// <inheritdoc cref="RawBody" path="/exception"/>
    public Stream OpenBody() =>
        _coming is { } coming ? new PipeReaderStream(coming.Stream!.Reader) : _body?.OpenRead() ?? Stream.Null;

    /// <summary>
    /// A field of the form, or a top-level member of a JSON body; of several with the name the last (PHP:
    /// <c>post($name, $default)</c>).
    /// </summary>
    /// <inheritdoc cref="Post()" path="/exception"/>
    [return: NotNullIfNotNull(nameof(defaultValue))]
    public string? Post(string name, string? defaultValue = null) =>
        Post().TryGetValue(name, out string? value) ? value : defaultValue;

    /// <summary>
    /// All fields of the form (PHP: <c>post()</c>): of a urlencoded or multipart body, or the top-level members of a JSON one,
    /// there text as it is and anything else as its JSON. As in PHP, a body of no known type is read as urlencoded.
    /// </summary>
    /// <exception cref="BadRequestException">The body is malformed, beyond a limit of <see cref="HttpOptions"/>, or in a
    /// <c>Content-Encoding</c> (415).</exception>
    /// <exception cref="InvalidOperationException">The request has been answered and the body was in a file.</exception>
    public FieldCollection<string> Post() => Parsed.Post ??= ReadPost();

    /// <summary>All fields of the form with a name, in their order. PHP has only the last, or <c>name[]</c>.</summary>
    /// <inheritdoc cref="Post()" path="/exception"/>
    public IReadOnlyList<string> PostValues(string name) => Post().GetValues(name);

    /// <summary>A file of the form; of several with the name the last (PHP: <c>file($name)</c>). Null if there is none.</summary>
    /// <inheritdoc cref="Post()" path="/exception"/>
    public UploadedFile? File(string name) => File().TryGetValue(name, out UploadedFile? file) ? file : null;

    /// <summary>All files of the form (PHP: <c>file()</c>).</summary>
    /// <inheritdoc cref="Post()" path="/exception"/>
    public FieldCollection<UploadedFile> File() => IsMultipart ? Plain(_body!).ReadForm().Files : NoFiles;

    /// <summary>All files of the form with a name, such as <c>files[]</c>, in their order.</summary>
    /// <inheritdoc cref="Post()" path="/exception"/>
    public IReadOnlyList<UploadedFile> FileValues(string name) => File().GetValues(name);

    /// <summary>The body as an object, by metadata of the source generator: <c>request.Json(MyJson.Default.Order)</c>.</summary>
    /// <typeparam name="T">What the JSON stands for.</typeparam>
    /// <param name="type">The metadata, from a <see cref="System.Text.Json.Serialization.JsonSerializerContext"/>.</param>
    /// <returns>The object; null if the JSON is <c>null</c>.</returns>
    /// <exception cref="BadRequestException">The body is no JSON, none of that type, or in a <c>Content-Encoding</c>
    /// (415).</exception>
    public T? Json<T>(JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return ReadJson(body => JsonSerializer.Deserialize(body.Span, type));
    }

    /// <summary>The body as an object, by reflection: not for trimmed or native programs.</summary>
    /// <inheritdoc cref="Json{T}(JsonTypeInfo{T})"/>
    /// <param name="options">How to read it; null for the defaults of the web (camel case, any case).</param>
    [RequiresUnreferencedCode("Reads the members of T by reflection; use Json(JsonTypeInfo<T>).")]
    [RequiresDynamicCode("Reads the members of T by reflection; use Json(JsonTypeInfo<T>).")]
    public T? Json<T>(JsonSerializerOptions? options = null) =>
        ReadJson(body => JsonSerializer.Deserialize<T>(body.Span, options ?? JsonSerializerOptions.Web));

    /// <summary>The whole request has arrived.</summary>
    internal void Complete(RequestBody? body, IReadOnlyList<KeyValuePair<string, string>>? trailers, bool isDecoded = false)
    {
        isDecoded |= body?.IsDecoded == true;
        (_body, _reader) = (body, null);
        _parsed?.ForgetBody();
        if (body is not null && (_head.IsChunked || isDecoded)) _head = _head.WithLength(body.Length, isDecoded);
        SetTrailers(trailers);
    }

    /// <summary>The trailer section has come.</summary>
    internal void SetTrailers(IReadOnlyList<KeyValuePair<string, string>>? trailers)
    {
        if (trailers is not { Count: > 0 }) return;
        Parsed.Trailers = new FieldCollection<string>(StringComparer.OrdinalIgnoreCase);
        foreach ((string name, string value) in trailers) Parsed.Trailers.Add(name, value);
    }

    /// <summary>JSON is read in one piece.</summary>
    private ReadOnlyMemory<byte> RawJson => Whole is null ? default : BodyLength <= Array.MaxLength
        ? Plain(_body!).ToMemory()
        : throw new BadRequestException(413, "a JSON body of more than 2 GiB");

    /// <summary>
    /// RFC 9110 section 15.5.16: a body that is still in a content coding cannot be read as its content type says.
    /// </summary>
    private static RequestBody Plain(RequestBody body) =>
        !body.IsCoded ? body : throw new BadRequestException(415, Refusals.UnknownCoding);

    private string? ContentType => Header("content-type");

    private bool IsMultipart => Whole?.IsMultipart == true;

    private FieldCollection<string> ReadPost()
    {
        if (Whole is null) return NoFields;
        if (IsMultipart) return Plain(_body!).ReadForm().Fields;
        return MediaType.IsJson(ContentType)
            ? JsonFields.Read(RawJson, _options)
            : UrlEncodedForm.Read(Plain(_body!), _options);
    }

    private T? ReadJson<T>(Func<ReadOnlyMemory<byte>, T?> read)
    {
        ReadOnlyMemory<byte> body = RawJson;
        // RFC 8259 section 8.1: JSON is UTF-8. A serializer checks only the texts that it reads.
        if (!Utf8.IsValid(body.Span)) throw new BadRequestException("malformed JSON body");
        try
        {
            return read(body);
        }
        catch (JsonException e)
        {
            throw new BadRequestException(400, "malformed JSON body", e);
        }
    }
}
