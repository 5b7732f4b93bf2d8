using Workerman.Protocols.Http.Files;

namespace Workerman.Protocols.Http;

/// <summary>A file as the body of a response. It is opened when the response is sent, and sent as the client reads.</summary>
public partial class Response
{
    /// <summary>The file that is the body, or null.</summary>
    internal FileBody? File { get; private set; }

    /// <summary>
    /// Makes a file the body (PHP: <c>withFile($file, $offset, $length)</c>). However large it is, it is never read into memory.
    /// Type, date and entity tag come from the file unless they are set; for a 200 the library answers conditional requests (304,
    /// 412) and requests for a range (206, 416) by itself. If there is no such file, the response becomes a 404. The content type
    /// of text has the charset of <see cref="HttpOptions.FileCharset"/>.
    /// </summary>
    /// <param name="path">Where the file is.</param>
    /// <param name="offset">The first byte to send, from 0. If it lies beyond the end, the answer is 416.</param>
    /// <param name="length">How many bytes to send; 0 for all to the end. A 200 with a part chosen by <paramref name="offset"/>
    /// or this becomes a 206 with its Content-Range. The client's Range is not applied to it, because the application has seen
    /// the request.</param>
    /// <param name="charset">The charset of its text, in place of <see cref="HttpOptions.FileCharset"/>; empty for none, null for
    /// that setting.</param>
    /// <exception cref="ArgumentException">The path is empty, a number is negative, or the charset is no token.</exception>
    public Response WithFile(string path, long offset = 0, long length = 0, string? charset = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (charset is not null) HttpOptions.CheckCharset(charset);
        if (!System.IO.File.Exists(path)) return WithStatus(404).WithBody(FileAnswer.NotFound);
        return WithFile(new FileBody(path, Within: null, offset, length, charset));
    }

    internal Response WithFile(FileBody file)
    {
        _body = default;
        Writer = null;
        File = file;
        return this;
    }
}

/// <summary>
/// Which file, or which part of one, a response has as its body. It may be open already: then the request that it was opened for
/// closes it with its answer, if that is another one (<see cref="Request.Keep"/>). Owned by its response; any thread.
/// </summary>
/// <param name="Path">Where it is.</param>
/// <param name="Within">A folder that it must lie in, or null.</param>
/// <param name="Offset">The first byte.</param>
/// <param name="Length">How many bytes; 0 for all to the end.</param>
/// <param name="Charset">The charset in its content type; empty for none, null for the one of the worker's options.</param>
/// <param name="Precompressed">Whether a compressed copy that is stored beside it may be sent in its place.</param>
internal sealed record FileBody(
    string Path, ServedFolder? Within = null, long Offset = 0, long Length = 0, string? Charset = null,
    bool Precompressed = false)
{
    private OpenedFile? _opened;

    public bool IsPart => Offset > 0 || Length > 0;

    /// <summary>Keeps the file open for the answer. Any thread.</summary>
    public void Keep(OpenedFile file) => Interlocked.Exchange(ref _opened, file)?.Dispose();

    /// <summary>The file that is kept open, which is the caller's from here on; null for none. Any thread.</summary>
    public OpenedFile? TakeOpened() => _opened is null ? null : Interlocked.Exchange(ref _opened, null);
}
