using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// A multipart/form-data body (RFC 7578): its fields and files, filled as the body arrives. What is wrong with it is kept
/// until somebody asks for it, because the request may have other things to say. Belongs to its <see cref="RequestBody"/>, on
/// the loop's thread.
/// </summary>
internal sealed class MultipartForm : IMultipartSink, IDisposable
{
    private readonly HttpOptions _options;
    private readonly int _fileThreshold;
    private readonly MultipartReader? _reader;
    private readonly FieldCollection<string> _fields = new();
    private readonly FieldCollection<UploadedFile> _files = new();
    private BadRequestException? _fault;
    private MultipartHead? _head;
    private SpooledBytes? _content;
    private long _fieldBytes;

    /// <param name="contentType">A Content-Type that <see cref="IsMultipart"/>.</param>
    /// <param name="options">The limits.</param>
    /// <param name="fileThreshold">Bytes of a file that are kept in memory.</param>
    public MultipartForm(string contentType, HttpOptions options, int fileThreshold)
    {
        _options = options;
        _fileThreshold = fileThreshold;
        if (Boundary(contentType) is { } boundary) _reader = new MultipartReader(boundary, this);
        else _fault = new BadRequestException("malformed multipart body: no boundary, or a bad one");
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
        if (_fault is null && !_reader!.IsEnded) _fault = new BadRequestException("malformed multipart body: it breaks off");
    }

    public void Dispose()
    {
        _content?.Dispose();
        foreach ((_, UploadedFile file) in _files.Fields) file.Dispose();
    }

    void IMultipartSink.BeginPart(MultipartHead head)
    {
        _head = head;
        if (head.FileName is null)
        {
            if (_fields.Total == _options.MaxFormFields) throw new BadRequestException(413, "too many form fields");
            _content = new SpooledBytes(int.MaxValue, -1, _options.UploadFolder);
            return;
        }
        if (_files.Total == _options.MaxFiles) throw new BadRequestException(413, "too many files");
        _content = new SpooledBytes(_fileThreshold, -1, _options.UploadFolder);
    }

    void IMultipartSink.Append(ReadOnlySpan<byte> content)
    {
        if (_head!.FileName is null && (_fieldBytes += content.Length) > _options.MaxFormFieldsSize) throw new BadRequestException(413, "form fields too large");
        _content!.Append(content);
    }

    void IMultipartSink.EndPart()
    {
        SpooledBytes content = _content!;
        _content = null;
        content.Complete();
        if (_head!.FileName is null) _fields.Add(_head.Name, Encoding.UTF8.GetString(content.ToMemory().Span));
        else _files.Add(_head.Name, new UploadedFile(_head, content));
    }

    /// <summary>RFC 2046 section 5.1.1: 1 to 70 characters, no space at the end.</summary>
    private static string? Boundary(string contentType)
    {
        if (!HeaderParameters.TryRead(contentType, out _, out Dictionary<string, string> parameters)) return null;
        if (!parameters.TryGetValue("boundary", out string? boundary) || boundary.Length is 0 or > 70 || boundary[^1] == ' ') return null;
        return boundary.All(c => char.IsAsciiLetterOrDigit(c) || "'()+_,-./:=? ".Contains(c, StringComparison.Ordinal)) ? boundary : null;
    }

    /// <summary>A new one each time: a stack trace belongs to its throw.</summary>
    private BadRequestException Fault() => new(_fault!.StatusCode, _fault.Message);
}
