using System.Globalization;
using Workerman.Protocols.Http.Files;

namespace Workerman.Protocols.Http;

/// <summary>
/// What a response with a file becomes for one request: the whole file, a part of it, or an answer without it: it is unchanged
/// (304), not as expected (412), shorter than the range (416), missing (404), not readable (403), or not opened, because few
/// descriptors are left (503). It opens the file and judges; it sends nothing.
/// </summary>
/// <param name="Head">The response to write, with its own body if no file follows.</param>
/// <param name="Body">The part of the file that follows, or null. The receiver of the answer closes it.</param>
internal readonly record struct FileAnswer(Response Head, FileRange? Body)
{
    /// <summary>The body of a 404, the same as PHP's <c>withFile</c> has.</summary>
    public const string NotFound = "<h3>404 Not Found</h3>";

    /// <summary>The body of a 503. Its connection is closed, which gives a descriptor back.</summary>
    public const string Unavailable = "<h3>503 Service Unavailable</h3>";

    /// <summary>Opens the file of <paramref name="response"/>, which stays as it is.</summary>
    /// <param name="response">The application's response.</param>
    /// <param name="request">The request, or null for one without conditions.</param>
    /// <exception cref="IOException">The disk fails.</exception>
    public static FileAnswer Of(Response response, Request? request)
    {
        FileBody body = response.File!;
        OpenedFile? file = body.TakeOpened()?.AsItIsNow();
        switch (file is null ? OpenedFile.Open(body.Path, body.Within, out file) : Opening.Opened)
        {
            case Opening.Opened:
                break;
            case Opening.Forbidden:
                return new FileAnswer(Without(response, 403).WithBody("<h3>403 Forbidden</h3>"), null);
            case Opening.Refused:
                return new FileAnswer(
                    Without(response, 503).WithHeader("Connection", "close").WithBody(Unavailable), null);
            default:
                return new FileAnswer(Without(response, 404).WithBody(NotFound), null);
        }
        try
        {
            FileAnswer answer = body.IsPart
                ? OfPart(response, body, file!, request)
                : OfWhole(response, body, ref file!, request);
            if (answer.Body is null) file!.Dispose();
            return answer;
        }
        catch
        {
            file!.Dispose();
            throw;
        }
    }

    private static FileAnswer OfWhole(Response response, FileBody body, ref OpenedFile file, Request? request)
    {
        Response head = Describe(response, body, file, request);
        if (response.StatusCode != 200) return new FileAnswer(head, new FileRange(file.Handle, 0, file.Size));
        ContentCoding coding = body.Precompressed
            && request is not null ? Negotiate(head, body, ref file, request) : ContentCoding.Identity;
        Validators validators = AddValidators(head, file, coding);
        AddIfMissing(head, "Accept-Ranges", "bytes");
        if (request is null || !IsGetOrHead(request)) return new FileAnswer(head, new FileRange(file.Handle, 0, file.Size));
        Preconditions conditions = ConditionsOf(request);
        if (Refusal(head, conditions, validators) is { } refusal) return refusal;
        ByteRange range = RangeOf(request, head, conditions, validators, file.Size);
        switch (range.Kind)
        {
            case RangeKind.Unsatisfiable:
                // RFC 9110 section 15.5.17.
                return new FileAnswer(Without(head, 416).WithHeader("Content-Range", $"bytes */{file.Size}"), null);
            case RangeKind.Part:
                head.WithStatus(206).WithHeader("Content-Range", ContentRange(range.First, range.Length, file.Size));
                return new FileAnswer(head, new FileRange(file.Handle, range.First, range.Length));
            default:
                return new FileAnswer(head, new FileRange(file.Handle, 0, file.Size));
        }
    }

    /// <summary>The answer to a request whose conditions do not hold; null if they do.</summary>
    private static FileAnswer? Refusal(Response head, Preconditions conditions, in Validators validators) =>
        conditions.Judge(validators) switch
        {
            Condition.NotModified => new FileAnswer(Without(head, 304), null),
            Condition.Failed => new FileAnswer(Without(head, 412), null),
            _ => null,
        };

    /// <summary>
    /// Replaces the file by a compressed copy, if there is one that the client accepts. The content type stays that of the file.
    /// </summary>
    private static ContentCoding Negotiate(Response head, FileBody body, ref OpenedFile file, Request request)
    {
        if (head.GetHeader("Content-Encoding") is not null) return ContentCoding.Identity;
        ContentCoding coding =
            PrecompressedFile.Choose(body, AcceptEncoding.Parse(request.Header("accept-encoding")), ref file, out bool varies);
        if (varies) AcceptEncoding.AddVary(head.Headers);
        if (coding != ContentCoding.Identity) head.WithHeader("Content-Encoding", AcceptEncoding.NameOf(coding));
        return coding;
    }

    /// <summary>
    /// A part that the application chose: Range is not applied to it, because the application has seen the request. A 200 that is
    /// not the whole is a 206 (RFC 9110 section 15.3.7).
    /// </summary>
    private static FileAnswer OfPart(Response response, FileBody body, OpenedFile file, Request? request)
    {
        if (body.Offset >= file.Size && (file.Size > 0 || body.Offset > 0))
            return new FileAnswer(Without(response, 416).WithHeader("Content-Range", $"bytes */{file.Size}"), null);
        long rest = file.Size - body.Offset;
        long length = body.Length == 0 ? rest : Math.Min(body.Length, rest);
        Response head = Describe(response, body, file, request);
        AddIfMissing(head, "Accept-Ranges", "bytes");
        // An entity tag names a whole representation. A 200 is that, and a 206 is a part of it; any other answer is not (RFC 9110
        // section 8.8).
        if (response.StatusCode is 200 or 206)
        {
            // Content-Range has no form for a part of zero bytes.
            if (length == 0) head.WithStatus(200);
            else if (response.StatusCode == 200) head.WithStatus(206);
            Validators validators = AddValidators(head, file, ContentCoding.Identity);
            if (request is not null && IsGetOrHead(request) && Refusal(head, ConditionsOf(request), validators) is { } refusal)
                return refusal;
        }
        if (head.StatusCode == 206) AddIfMissing(head, "Content-Range", ContentRange(body.Offset, length, file.Size));
        return new FileAnswer(head, new FileRange(file.Handle, body.Offset, length));
    }

    /// <summary>
    /// A copy with the content type that the file's name has. A file of unknown type is to be saved, not displayed, as in PHP.
    /// </summary>
    private static Response Describe(Response response, FileBody body, OpenedFile file, Request? request)
    {
        Response head = response.CopyHead(response.StatusCode).WithoutHeader("Content-Length");
        string name = Path.GetFileName(body.Path);
        string? type = MediaTypes.Of(name);
        if (head.GetHeader("Content-Type") is null)
        {
            string charset = body.Charset ?? request?.FileCharset ?? HttpOptions.DefaultFileCharset;
            bool saysCharset = type is not null && charset.Length > 0 && CharsetParameter.IsWanted(type, charset, file.Handle);
            head.Headers.AddOwn("Content-Type", saysCharset ? $"{type};charset={charset}" : type ?? MediaTypes.Unknown);
        }
        if (type is null) AddIfMissing(head, "Content-Disposition", AttachmentName.Format(name));
        return head;
    }

    /// <summary>Adds the file's validators, unless the application has set its own.</summary>
    private static Validators AddValidators(Response head, OpenedFile file, ContentCoding coding)
    {
        bool isEncoded = coding != ContentCoding.Identity;
        // Each representation has a tag of its own (RFC 9110 section 8.8.3.3).
        Validators validators = file.ToValidators(DateTimeOffset.UtcNow, isEncoded ? $"-{AcceptEncoding.NameOf(coding)}" : "");
        if (head.GetHeader("ETag") is { } ownTag)
        {
            if (isEncoded) head.WithHeader("ETag", ownTag = AcceptEncoding.Weaken(ownTag));
            validators = validators with { Tag = EntityTag.TryParse(ownTag, out EntityTag tag) ? tag : null };
        }
        else
        {
            head.Headers.AddOwn("ETag", validators.Tag.ToString()!);
        }
        if (head.GetHeader("Last-Modified") is { } ownDate)
            validators = validators with
            {
                Modified = HttpDate.TryParse(ownDate, out DateTimeOffset date) ? date : null,
                DateIsStrong = false
            };
        else head.Headers.AddOwn("Last-Modified", HttpDate.Format(validators.Modified!.Value));
        return validators;
    }

    /// <summary>RFC 9110 section 14.2: Range has a meaning for GET alone.</summary>
    private static ByteRange RangeOf(Request request, Response head, Preconditions conditions, in Validators validators,
        long size)
    {
        if (request.Method == "HEAD" || request.Header("range") is not { } range) return default;
        if (head.GetHeader("Accept-Ranges") is "none" || !conditions.AllowsRange(validators)) return default;
        return ByteRange.Parse(range, size);
    }

    private static bool IsGetOrHead(Request request) => request.Method is "GET" or "HEAD";

    private static Preconditions ConditionsOf(Request request) => new()
    {
        IfMatch = request.Header("if-match"),
        IfUnmodifiedSince = request.Header("if-unmodified-since"),
        IfNoneMatch = request.Header("if-none-match"),
        IfModifiedSince = request.Header("if-modified-since"),
        IfRange = request.Header("if-range"),
    };

    private static string ContentRange(long first, long length, long size) =>
        string.Create(CultureInfo.InvariantCulture, $"bytes {first}-{first + length - 1}/{size}");

    /// <summary>
    /// A copy without the file and the header fields that describe it; a 304 keeps those that caches need (RFC 9110 section
    /// 15.4.5).
    /// </summary>
    private static Response Without(Response response, int status)
    {
        Response copy = response.CopyHead(status).WithoutHeader("Content-Type").WithoutHeader("Content-Disposition")
            .WithoutHeader("Content-Encoding")
            .WithoutHeader("Content-Range").WithoutHeader("Content-Length");
        return status == 304
            ? copy
            : copy.WithoutHeader("ETag").WithoutHeader("Last-Modified").WithoutHeader("Cache-Control").WithoutHeader("Expires");
    }

    private static void AddIfMissing(Response response, string name, string value)
    {
        if (response.GetHeader(name) is null) response.Headers.AddOwn(name, value);
    }
}
