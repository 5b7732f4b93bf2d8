namespace Workerman.Protocols.Http;

/// <summary>
/// The body of one request, while it arrives and afterwards. Its content codings are decoded if the worker's options say so; a
/// large multipart form is split into its parts as it arrives, anything else is kept as it is. Belongs to the protocol until the
/// request is answered, on the loop's thread; temporary files are deleted then.
/// </summary>
internal sealed class RequestBody : IDisposable
{
    /// <summary>Bytes of which fewer are received with whatever follows them.</summary>
    private const int LeastRoom = 16 * 1024;

    private readonly HttpOptions _options;
    private readonly string? _contentType;
    private readonly ContentDecoder? _decoder;
    private SpooledBytes? _bytes;
    private MultipartForm? _form;
    private RequestBody? _whole;
    private LeastRate? _rate;
    private long _received;
    private bool _disposed;

    /// <param name="contentType">The Content-Type header field, or null.</param>
    /// <param name="expected">Bytes that will arrive, -1 if that is not known.</param>
    /// <param name="options">Thresholds and limits.</param>
    /// <param name="contentEncoding">The Content-Encoding header field, or null.</param>
    /// <param name="limit">Bytes that it may have after decoding.</param>
    /// <param name="streams">Whether it is not kept, but handed on as it comes (<see cref="Stream"/>).</param>
    public RequestBody(string? contentType, long expected, HttpOptions options, string? contentEncoding = null,
        long limit = long.MaxValue, bool streams = false)
    {
        _options = options;
        _contentType = contentType;
        string[] codings = ContentCodings.Read(contentEncoding);
        if (options.DecompressRequests) _decoder = ContentCodings.Decoder(codings, limit, Store);
        IsCoded = codings.Length > 0 && _decoder is null;
        if (_decoder is not null) expected = -1;
        if (streams) Stream = new StreamedBody(options) { IsDecoded = IsDecoded, Expected = expected };
        else if (expected > options.BodyMemoryThreshold && IsMultipart && !IsCoded) TakeApart();
        else _bytes = new SpooledBytes(options.BodyMemoryThreshold, expected, options, BacklogOf(expected));
    }

    /// <summary>Where it goes if it is handed on as it comes; null if it is kept.</summary>
    public StreamedBody? Stream { get; }

    /// <summary>Whether it is still in a content coding, so its bytes cannot be read as its content type says.</summary>
    public bool IsCoded { get; }

    /// <summary>Whether content codings were decoded.</summary>
    public bool IsDecoded => _decoder is not null;

    public bool IsMultipart => MultipartForm.IsMultipart(_contentType);

    public long Length { get; private set; }

    /// <summary>Whether something of it has come that is not decoded (<see cref="Decode()"/>).</summary>
    public bool HasWork => _decoder?.HasWork == true;

    /// <summary>How many bytes of a body with a Content-Length have not arrived yet.</summary>
    public long Remaining { get; set; }

    /// <summary>What reads it, of a chunked body; null of one with a Content-Length.</summary>
    public ChunkedDecoder? Chunks { get; set; }

    /// <summary>Whether the bytes are kept, and in memory.</summary>
    public bool IsInMemory => _bytes?.IsInMemory == true;

    /// <summary>What waits to be written to its files; null if it has none.</summary>
    public DiskBacklog? Backlog { get; private set; }

    /// <summary>Whether it is not wanted: what comes of it is dropped.</summary>
    public bool IsSkipped { get; private set; }

    /// <summary>Takes bytes in; those of a coded body are decoded by <see cref="Decode()"/>.</summary>
    /// <exception cref="BodiesFullException">All bodies together have as many bytes as they may.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        _received += bytes.Length;
        if (IsSkipped) return;
        if (_decoder is null) Store(bytes);
        else _decoder.Append(bytes);
    }

    /// <summary>Decodes what has come, as much of it as a turn has room for.</summary>
    /// <exception cref="BadRequestException">A coding is malformed, or decodes to too many bytes.</exception>
    /// <exception cref="BodiesFullException">All bodies together have as many bytes as they may.</exception>
    public void Decode() => Decode(TurnWork.InflatedBytes);

    /// <summary>Whether it comes more slowly than <see cref="HttpOptions.MinBodyRate"/> allows.</summary>
    public bool IsTooSlow(long now) =>
        (_rate ??= new LeastRate(countsFirst: true)).IsMissed(now, _received, _options.MinBodyRate, _options.MinBodyRateGrace);

    /// <summary>Drops what has come of it, and what is still to come.</summary>
    public void Skip()
    {
        Dispose();
        IsSkipped = true;
    }

    /// <exception cref="BadRequestException">A coding breaks off.</exception>
    public void Complete()
    {
        Decode(long.MaxValue);
        _decoder?.Complete();
        _decoder?.Dispose();
        _bytes?.Complete();
        _form?.Complete();
    }

    /// <summary>What was streamed has been gathered after all: it goes when this does.</summary>
    public void Adopt(RequestBody whole)
    {
        _whole = whole;
        if (_disposed) whole.Dispose();
    }

    /// <summary>The bytes as they were sent, or decoded.</summary>
    /// <exception cref="InvalidOperationException">They were not kept.</exception>
    public ReadOnlyMemory<byte> ToMemory() => Bytes.ToMemory();

    public Stream OpenRead() => Bytes.OpenRead();

    /// <summary>Hands on the bytes of one that <see cref="IsInMemory"/>, piece by piece.</summary>
    public void CopyTo(BodySink sink) => Bytes.CopyTo(sink);

    /// <summary>Room for what comes next of a body of known length, so that it is received in its place; or none.</summary>
    public Span<byte> Room()
    {
        // The last byte is not received so: what completes the message is decoded.
        long most = Remaining - 1;
        if (most < LeastRoom || _decoder is not null || Chunks is not null || IsSkipped) return default;
        return Stream is not null ? Stream.Room(most) : _bytes is not null ? _bytes.Room(most) : default;
    }

    /// <summary>So many bytes were received into the <see cref="Room"/>.</summary>
    /// <exception cref="BodiesFullException">All bodies together have as many bytes as they may.</exception>
    public void Advance(int count)
    {
        _received += count;
        Length += count;
        Remaining -= count;
        if (Stream is not null) Stream.Advance(count);
        else _bytes!.Advance(count);
    }

    /// <summary>The multipart form that the body is.</summary>
    /// <exception cref="BodiesFullException">All bodies together have as many bytes as they may.</exception>
    public MultipartForm ReadForm()
    {
        if (_form is not null) return _form;
        // Small enough to be in memory whole, so its parts are too.
        var form = new MultipartForm(_contentType!, _options, int.MaxValue);
        bool isRead = false;
        try
        {
            _bytes!.CopyTo(form.Append);
            form.Complete();
            isRead = true;
        }
        finally
        {
            // After the answer nobody would dispose of it later.
            if (_disposed || !isRead) form.Dispose();
        }
        return _form = form;
    }

    public void Dispose()
    {
        _disposed = true;
        _decoder?.Dispose();
        _form?.Dispose();
        _bytes?.Dispose();
        _whole?.Dispose();
        Stream?.Forget();
    }

    private SpooledBytes Bytes => _bytes ?? throw new InvalidOperationException(
        "A multipart body larger than HttpOptions.BodyMemoryThreshold is taken apart as it arrives; use Post and File, "
        + "or raise the threshold, or set HttpOptions.StreamBodies and use ReadPartsAsync.");

    /// <summary>One that stays in memory needs none.</summary>
    private DiskBacklog? BacklogOf(long expected) =>
        expected >= 0 && expected <= _options.BodyMemoryThreshold
            ? null
            : Backlog ??= new DiskBacklog(_options.RunOnDisk, _options.ReportDiskFull);

    private void Decode(long room) => _decoder?.Work(ref room);

    private void Store(ReadOnlySpan<byte> bytes)
    {
        Length += bytes.Length;
        if (Stream is not null)
        {
            Stream.Append(bytes);
            return;
        }
        if (Length > _options.BodyMemoryThreshold && _bytes is not null && IsMultipart && !IsCoded) TakeApart();
        if (_bytes is not null) _bytes.Append(bytes);
        else _form!.Append(bytes);
    }

    /// <summary>From here on the body is split into its parts, beginning with the bytes that have arrived already.</summary>
    private void TakeApart()
    {
        _form = new MultipartForm(_contentType!, _options, _options.FileMemoryThreshold, BacklogOf(long.MaxValue));
        if (_bytes is null) return;
        SpooledBytes begun = _bytes;
        _bytes = null;
        using (begun) begun.CopyTo(_form.Append);
    }
}
