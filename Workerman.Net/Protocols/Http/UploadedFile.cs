namespace Workerman.Protocols.Http;

/// <summary>Whether an upload is there (PHP: <c>UPLOAD_ERR_…</c>, the same values).</summary>
public enum UploadError
{
    /// <summary>The file is there.</summary>
    Ok = 0,

    /// <summary>The form had a place for a file, and none was chosen.</summary>
    NoFile = 4,
}

/// <summary>
/// One file of a form (PHP: an element of <c>$request->file()</c>). It is read or moved before the request is answered: with
/// the answer, or when the client is gone, it vanishes. Belongs to its request, on the loop's thread.
/// </summary>
public sealed class UploadedFile
{
    private readonly SpooledBytes _content;

    internal UploadedFile(MultipartHead head, SpooledBytes content)
    {
        _content = content;
        ClientName = head.FileName!;
        Name = SafeName(head.FileName!);
        ContentType = head.ContentType ?? "application/octet-stream";
        Error = ClientName.Length == 0 && content.Length == 0 ? UploadError.NoFile : UploadError.Ok;
    }

    /// <summary>
    /// The last part of the name that the client gave, without folders and control characters; empty if nothing of it is left
    /// (PHP: <c>'name'</c>). It is still the client's: do not let it decide where the file goes, or what is done with it.
    /// </summary>
    public string Name { get; }

    /// <summary>The whole name as the client gave it: anything at all. For logs, never for paths.</summary>
    public string ClientName { get; }

    /// <summary>The content type that the client said, which need not be true (PHP: <c>'type'</c>).</summary>
    public string ContentType { get; }

    /// <summary>Bytes of the file (PHP: <c>'size'</c>).</summary>
    public long Size => _content.Length;

    /// <summary>Whether there is a file (PHP: <c>'error'</c>).</summary>
    public UploadError Error { get; }

    /// <summary>
    /// The path of a temporary file with the content (PHP: <c>'tmp_name'</c>). A file that was small enough to stay in memory is
    /// written when this is asked for.
    /// </summary>
    /// <exception cref="InvalidOperationException">The request has been answered.</exception>
    public string TmpName => _content.ToFile();

    /// <summary>Whether the content is in memory and in no file yet.</summary>
    public bool IsInMemory => _content.IsInMemory;

    /// <summary>The content, from its beginning. The caller disposes of it.</summary>
    /// <exception cref="InvalidOperationException">The request has been answered and the content was in a file.</exception>
    public Stream OpenRead() => _content.OpenRead();

    /// <summary>
    /// Moves the file to a place of the application's, where it stays (PHP: <c>rename($file['tmp_name'], $path)</c>). There it
    /// has the mode of any new file, 0666
    /// without the umask (PHP: <c>move_uploaded_file</c>); until then its owner alone may read it.
    /// </summary>
    /// <param name="path">Where to; not made of <see cref="Name"/> without a check.</param>
    /// <param name="overwrite">Whether a file that is there is replaced; otherwise that is an <see cref="IOException"/>.</param>
    /// <exception cref="InvalidOperationException">The request has been answered.</exception>
    public void MoveTo(string path, bool overwrite = false) => _content.MoveTo(path, overwrite);

    internal void Dispose() => _content.Dispose();

    /// <summary>RFC 7578 section 4.2: the name is not trusted with directories.</summary>
    private static string SafeName(string name)
    {
        string last = name[(name.LastIndexOfAny(['/', '\\']) + 1)..];
        string clean = new([.. last.Where(c => !char.IsControl(c))]);
        return clean is "." or ".." ? "" : clean;
    }
}
