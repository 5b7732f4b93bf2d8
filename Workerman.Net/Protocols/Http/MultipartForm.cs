using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// A multipart/form-data body (RFC 7578): its fields and files, filled as the body arrives. An error in it is kept until the form
/// is asked for, because the application may not need the form. Belongs to its <see cref="RequestBody"/>, on the loop's thread.
/// </summary>
internal sealed class MultipartForm : IMultipartSink, IDisposable
{
    private readonly HttpOptions _options;
    private readonly int _fileThreshold;
    private readonly DiskBacklog? _backlog;
    private readonly MultipartReader? _reader;
    private readonly FieldCollection<string> _fields = new();
    private readonly FieldCollection<UploadedFile> _files = new();
    private BadRequestException? _fault;
    private MultipartHead? _head;
    private SpooledBytes? _content;
    private FormLimits _limits;

    /// <summary>Bytes of fields that were read as text, which the totals count as long as the form is there.</summary>
    private long _fieldBytes;

    /// <param name="contentType">A Content-Type that <see cref="IsMultipart"/>.</param>
    /// <param name="options">The limits.</param>
    /// <param name="fileThreshold">Bytes of a file that are kept in memory.</param>
    /// <param name="backlog">What is to be written to its files; null if it has none.</param>
    public MultipartForm(string contentType, HttpOptions options, int fileThreshold, DiskBacklog? backlog = null)
    {
        _backlog = backlog;
        _options = options;
        _limits = new FormLimits(options);
        _fileThreshold = fileThreshold;
        if (Boundary(contentType) is { } boundary) _reader = new MultipartReader(boundary, this, options.MaxHeadSize);
        else _fault = NoBoundary();
    }

    /// <exception cref="BadRequestException">The body is malformed, or beyond a limit.</exception>
    public FieldCollection<string> Fields => _fault is null ? _fields : throw Fault();

    /// <exception cref="BadRequestException">The body is malformed, or beyond a limit.</exception>
    public FieldCollection<UploadedFile> Files => _fault is null ? _files : throw Fault();

    public static bool IsMultipart(string? contentType) => MediaType.Is(contentType, "multipart/form-data");

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_fault is not null) return;
        try
        {
            _reader!.Append(bytes);
        }
        catch (BadRequestException e)
        {
            _fault = e;
        }
    }

    public void Complete()
    {
        if (_fault is null && !_reader!.IsEnded) _fault = BreaksOff();
    }

    public void Dispose()
    {
        _content?.Dispose();
        foreach ((_, UploadedFile file) in _files.Fields) file.Dispose();
        _options.Bodies.AddMemory(-_fieldBytes);
        _fieldBytes = 0;
    }

    void IMultipartSink.BeginPart(ReadOnlySpan<byte> head)
    {
        _head = MultipartHead.Read(head);
        _limits.CountPart(_head);
        if (_head.FileName is null)
        {
            _content = new SpooledBytes(int.MaxValue, -1, _options);
            return;
        }
        _content = new SpooledBytes(_fileThreshold, -1, _options, _backlog);
    }

    void IMultipartSink.Append(ReadOnlySpan<byte> content)
    {
        if (_head!.FileName is null) _limits.CountBytes(content.Length);
        _content!.Append(content);
    }

    void IMultipartSink.EndPart()
    {
        SpooledBytes content = _content!;
        _content = null;
        content.Complete();
        if (_head!.FileName is not null)
        {
            _files.Add(_head.Name, new UploadedFile(_head, content));
            return;
        }
        _fields.Add(_head.Name, Charset(_head.ContentType).GetString(content.ToMemory().Span));
        content.Dispose();
        _options.Bodies.AddMemory(content.Length);
        _fieldBytes += content.Length;
    }

    /// <summary>RFC 7578 section 4.5: a text part may name its charset, otherwise it is UTF-8.</summary>
    public static Encoding Charset(string? contentType) =>
        contentType is not null && HeaderParameters.Read(contentType, out _).GetValueOrDefault("charset") is { } name
        && Charsets.Find(name) is { } charset
            ? charset
            : Encoding.UTF8;

    /// <summary>
    /// RFC 2046 section 5.1.1 allows 1 to 70 characters of a given set, and no space at the end. Programs also send others, and
    /// longer ones.
    /// </summary>
    public static string? Boundary(string contentType)
    {
        string? boundary = HeaderParameters.Read(contentType, out _).GetValueOrDefault("boundary");
        if (boundary is null || boundary.Length is 0 or > 128 || boundary[^1] == ' ') return null;
        return boundary.All(c => c is >= ' ' and <= '~' and not ('"' or '\\')) ? boundary : null;
    }

    public static BadRequestException NoBoundary() => new("malformed multipart body: no boundary, or a bad one");

    public static BadRequestException BreaksOff() => new("malformed multipart body: it breaks off");

    /// <summary>A new exception each time, because its stack trace is that of one throw.</summary>
    private BadRequestException Fault() => new(_fault!.StatusCode, _fault.Message);
}
