using System.Text;
using Workerman.Protocols.Http.Files;

namespace Workerman.Protocols.Http;

/// <summary>
/// Answers requests with the files of one folder, and with nothing outside of it: not by <c>..</c>, not by links that lead out;
/// no dot files unless that is set, no devices or pipes. Set it up before the first request; from then on any loop may use it. It
/// lists no folders and has no routes.
/// </summary>
public sealed class StaticFiles
{
    /// <summary>Bytes that a path below the folder may have, decoded: PATH_MAX of Linux.</summary>
    private const int LongestPath = 4096;

    /// <summary>The length that a name may have: NAME_MAX of Linux, and that of the file systems of other systems.</summary>
    private const int LongestName = 255;

    /// <summary>Bytes of an escape, %XX.</summary>
    private const int Escaped = 3;

    private ServedFolder _served;

    /// <summary>Serves a folder.</summary>
    /// <param name="folder">The folder of the files; it may be a link, which is resolved again for each request.</param>
    /// <exception cref="ArgumentException">There is no such folder.</exception>
    public StaticFiles(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        Folder = Path.GetFullPath(folder);
        if (!Directory.Exists(Folder))
            throw new ArgumentException($"There is no folder {Folder}; make it, or give the right path.", nameof(folder));
        _served = new ServedFolder(Folder, DotFiles: false);
    }

    /// <summary>The folder, as a whole path.</summary>
    public string Folder { get; }

    /// <summary>The file that is sent for its folder; <c>index.html</c>, null for none.</summary>
    /// <exception cref="ArgumentException">It is no name of a file.</exception>
    public string? IndexFile
    {
        get;
        set => field = value is null
            || IsName(value) ? value : throw new ArgumentException("The index file is a name, without a path.", nameof(value));
    } = "index.html";

    /// <summary>
    /// Whether files and folders whose names begin with a dot are served; not by default, because they are rarely meant to be
    /// public.
    /// </summary>
    public bool ServeDotFiles
    {
        get => _served.DotFiles;
        set => _served = new ServedFolder(Folder, value);
    }

    /// <summary>The Cache-Control of files, for example <c>max-age=3600</c>; null for none.</summary>
    /// <exception cref="ArgumentException">It has a line break or another control character.</exception>
    public string? CacheControl
    {
        get;
        set => field = value is null || HttpChars.IsFieldValue(value)
            ? value
            : throw new ArgumentException("The value has a line break or another control character; remove it.", nameof(value));
    }

    /// <summary>
    /// The charset of its files of text, in place of <see cref="HttpOptions.FileCharset"/>; empty for none, null, the default,
    /// for that setting.
    /// </summary>
    /// <exception cref="ArgumentException">It is no token.</exception>
    public string? Charset { get; set => field = value is null ? null : HttpOptions.CheckCharset(value); }

    /// <summary>
    /// Whether a compressed copy beside a file, <c>app.js.br</c>, <c>app.js.zst</c> or <c>app.js.gz</c>, is sent in its place to
    /// clients that accept it; true. A copy that is older than its file is not sent. False saves looking for the three copies of
    /// each file.
    /// </summary>
    public bool Precompressed { get; set; } = true;

    /// <summary>
    /// The answer to a request: a file, 301 for a folder without its slash, 404 for what does not exist or is not served, 403 for
    /// what may not be read, 405 for other methods than GET and HEAD, 503, with the connection's end, while few file descriptors
    /// are left. Check its status to answer a 404 in another way; the file is kept open until the request has its answer. A path
    /// of more than 4,096 bytes, or with a name of more than 255, is a 404: no system has such files.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="prefix">The path of the folder in URLs, for instance <c>/assets</c>: <c>/assets/app.js</c> is its
    /// <c>app.js</c>, and a path that is not below <c>/assets</c> is a 404. A slash at its end makes no difference.</param>
    /// <exception cref="ArgumentException">The prefix is no path: it does not begin with a slash, or has an empty part, a dot
    /// part, or a query.</exception>
    /// <exception cref="IOException">The disk fails.</exception>
    public Response Serve(Request request, string prefix = "/")
    {
        ArgumentNullException.ThrowIfNull(request);
        if (PathPrefix.Strip(request.Path, prefix) is not { } below) return NotFound();
        if (request.Method is not ("GET" or "HEAD")) return Response.MethodNotAllowed("GET", "HEAD");
        if (!TryResolve(below, out string path, out bool wantsFolder)) return NotFound();
        if (wantsFolder && TryOpenIndex(path, out OpenedFile? file)) return File(request, IndexIn(path), file!);
        switch (OpenedFile.Open(path, _served, out file))
        {
            case Opening.Opened when wantsFolder:
                // A path with a slash at its end names a folder, not a file.
                file!.Dispose();
                return NotFound();
            case Opening.Opened:
                return File(request, path, file!);
            case Opening.Forbidden:
                return new Response(403, null, "<h3>403 Forbidden</h3>");
            case Opening.Refused:
                return new Response(503, new() { ["Connection"] = "close" }, FileAnswer.Unavailable);
            case Opening.Folder:
                if (!wantsFolder) return ToFolder(request);
                return IndexFile is not null ? TryServe(request, IndexIn(path)) ?? NotFound() : NotFound();
            default:
                return NotFound();
        }
    }

    /// <summary>
    /// Finds the file below the folder that a path names. The empty path is the folder without its slash. Each part is decoded
    /// once, by itself, so an encoded slash does not separate parts. What no system could have a file for is refused before the
    /// system is asked.
    /// </summary>
    private bool TryResolve(string requested, out string path, out bool wantsFolder)
    {
        path = Folder;
        wantsFolder = requested.EndsWith('/');
        if (requested is "" or "/") return true;
        // Decoded it has at least a third of its bytes.
        if (requested[0] != '/' || requested.Length > Escaped * LongestPath) return false;
        ReadOnlySpan<char> parts = requested.AsSpan(1, requested.Length - (wantsFolder ? 2 : 1));
        var joined = new StringBuilder(Folder, Folder.Length + requested.Length);
        int size = 0;
        foreach (Range range in parts.Split('/'))
        {
            if (!TryDecodeName(parts[range], out ReadOnlySpan<char> name)) return false;
            size += 1 + Encoding.UTF8.GetByteCount(name);
            if (size > LongestPath) return false;
            if (!Path.EndsInDirectorySeparator(Folder) || joined.Length > Folder.Length)
                joined.Append(Path.DirectorySeparatorChar);
            joined.Append(name);
        }
        path = joined.ToString();
        return true;
    }

    private bool TryDecodeName(ReadOnlySpan<char> part, out ReadOnlySpan<char> name)
    {
        name = part;
        if (part.Length > Escaped * LongestName) return false;
        if (part.Contains('%'))
        {
            Span<byte> bytes = stackalloc byte[Escaped * LongestName];
            name = UrlEncoding.Decode(bytes[..Encoding.ASCII.GetBytes(part, bytes)], plusIsSpace: false);
        }
        return IsName(name) && HasLengthOfName(name) && (name[0] != '.' || ServeDotFiles);
    }

    /// <summary>Linux counts bytes of UTF-8, other systems 16-bit units.</summary>
    private static bool HasLengthOfName(ReadOnlySpan<char> name) =>
        (OperatingSystem.IsLinux() ? Encoding.UTF8.GetByteCount(name) : name.Length) <= LongestName;

    /// <summary>Whether a text is the name of a file or folder, and not a path to another one.</summary>
    private static bool IsName(ReadOnlySpan<char> name)
    {
        // U+FFFD replaces bytes that are not UTF-8: a file whose name has U+FFFD itself is not the one that was asked for.
        if (name is "" or "." or ".." || name.ContainsAny("/\\\0\uFFFD")) return false;
        // On Windows, drives, alternate streams, device names, and endings that Windows cuts off, would name another file.
        return !OperatingSystem.IsWindows()
            || (!name.Contains(':') && name[^1] is not ('.' or ' ') && !name.ContainsAny(Path.GetInvalidFileNameChars()));
    }

    private string IndexIn(string folder) => Path.Combine(folder, IndexFile!);

    /// <summary>Opens the index file, which says that its folder is one and is served, where no link leads to it.</summary>
    private bool TryOpenIndex(string folder, out OpenedFile? file)
    {
        file = null;
        if (IndexFile is null || OpenedFile.Open(IndexIn(folder), _served, out file) != Opening.Opened) return false;
        if (file!.IsPlain) return true;
        file.Dispose();
        return false;
    }

    /// <summary>The answer with a file; null if there is none that may be read.</summary>
    private Response? TryServe(Request request, string path) => OpenedFile.Open(path, _served, out OpenedFile? file) switch
    {
        Opening.Opened => File(request, path, file!),
        // It is opened, or refused, when it is sent.
        Opening.Refused => File(request, path, null),
        _ => null,
    };

    private Response File(Request request, string path, OpenedFile? file)
    {
        var body = new FileBody(path, _served, Charset: Charset, Precompressed: Precompressed);
        if (file is not null) request.Keep(body, file);
        Response response = new Response().WithFile(body);
        return CacheControl is null ? response : response.WithHeader("Cache-Control", CacheControl);
    }

    /// <summary>The path has no empty part, so it does not begin with two slashes, which would name another host.</summary>
    private static Response ToFolder(Request request) =>
        Response.Redirect(request.QueryString.Length == 0 ? $"{request.Path}/" : $"{request.Path}/?{request.QueryString}", 301);

    private static Response NotFound() => new(404, null, FileAnswer.NotFound);
}
