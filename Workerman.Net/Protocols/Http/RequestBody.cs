namespace Workerman.Protocols.Http;

/// <summary>
/// The body of one request, as it arrives and afterwards. A large multipart form is taken apart on its way in, anything else
/// kept as it is. Belongs to the protocol until the request is answered, on the loop's thread; what lies in temporary files
/// vanishes then.
/// </summary>
internal sealed class RequestBody : IDisposable
{
    private readonly SpooledBytes? _bytes;
    private MultipartForm? _form;

    /// <param name="contentType">The Content-Type header field, or null.</param>
    /// <param name="expected">Bytes that will come, -1 if that is not known.</param>
    /// <param name="options">Thresholds and limits.</param>
    public RequestBody(string? contentType, long expected, HttpOptions options)
    {
        bool large = expected < 0 || expected > options.BodyMemoryThreshold;
        if (large && MultipartForm.IsMultipart(contentType)) _form = new MultipartForm(contentType!, options, options.FileMemoryThreshold);
        else _bytes = new SpooledBytes(options.BodyMemoryThreshold, expected, options.UploadFolder);
    }

    public long Length { get; private set; }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        Length += bytes.Length;
        if (_bytes is not null) _bytes.Append(bytes);
        else _form!.Append(bytes);
    }

    public void Complete()
    {
        if (_bytes is not null) _bytes.Complete();
        else _form!.Complete();
    }

    /// <summary>The bytes as they came.</summary>
    /// <exception cref="InvalidOperationException">They were not kept.</exception>
    public ReadOnlyMemory<byte> ToMemory() => Bytes.ToMemory();

    public Stream OpenRead() => Bytes.OpenRead();

    /// <summary>The multipart form that the body is.</summary>
    public MultipartForm ReadForm(string contentType, HttpOptions options)
    {
        if (_form is not null) return _form;
        // Small enough to be in memory whole, so its parts are too.
        _form = new MultipartForm(contentType, options, int.MaxValue);
        _form.Append(_bytes!.ToMemory().Span);
        _form.Complete();
        return _form;
    }

    public void Dispose()
    {
        _form?.Dispose();
        _bytes?.Dispose();
    }

    private SpooledBytes Bytes => _bytes ?? throw new InvalidOperationException(
        "A multipart body larger than HttpOptions.BodyMemoryThreshold is taken apart as it arrives; use Post and File, or raise the threshold.");
}
