namespace Workerman.Protocols.Http;

/// <summary>Whether a file was uploaded (PHP: <c>UPLOAD_ERR_…</c>, the same values).</summary>
public enum UploadError
{
    /// <summary>It was.</summary>
    Ok = 0,

    /// <summary>The form has a field for a file, and the user chose none.</summary>
    NoFile = 4,
}

/// <summary>
/// One file of a form (PHP: an element of <c>$request->file()</c>). Read or move it before the request is answered: it is deleted
/// with the answer, or when the client is gone. Belongs to its request, on the loop's thread.
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
    /// The last part of the name that the client sent, without folders and control characters; empty if nothing is left (PHP:
    /// <c>'name'</c>). The client chooses it: do not let it decide where the file is stored, or what is done with it.
    /// </summary>
    public string Name { get; }

    /// <summary>The whole name as the client sent it, which may be any text. For logs, never for paths.</summary>
    public string ClientName { get; }

    /// <summary>The content type that the client sent, which need not be right (PHP: <c>'type'</c>).</summary>
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

    /// <summary>Whether the content is in memory, and not written to a file yet.</summary>
    public bool IsInMemory => _content.IsInMemory;

    /// <summary>The content, from its beginning. The caller disposes of it.</summary>
    /// <exception cref="InvalidOperationException">The request has been answered and the content was in a file.</exception>
    public Stream OpenRead() => _content.OpenRead();

    /// <summary>
    /// Moves the file to a path, where it is kept (PHP: <c>rename($file['tmp_name'], $path)</c>). There it has the mode of any
    /// new file, 0666 without the umask (PHP: <c>move_uploaded_file</c>); until then its owner alone may read it.
    /// </summary>
    /// <param name="path">The path; do not build it from <see cref="Name"/> without a check.</param>
    /// <param name="overwrite">Whether an existing file is replaced; otherwise it is an <see cref="IOException"/>.</param>
    /// <exception cref="InvalidOperationException">The request has been answered.</exception>
    public void MoveTo(string path, bool overwrite = false) => _content.MoveTo(path, overwrite);

    internal void Dispose() => _content.Dispose();

    /// <summary>RFC 7578 section 4.2: directories in the name are ignored.</summary>
    internal static string SafeName(string name)
    {
        string last = name[(name.LastIndexOfAny(['/', '\\']) + 1)..];
        string clean = new([.. last.Where(c => !char.IsControl(c))]);
        return clean is "." or ".." ? "" : clean;
    }
}
