using Workerman.Protocols.Http.Files;
using static Workerman.Events.DiskThreads;

namespace Workerman.Protocols.Http;

/// <summary>
/// Limits and timeouts of an HTTP worker. All are on by default. Set them before the worker listens; once it runs, its loops
/// share them.
/// </summary>
public sealed class HttpOptions
{
    /// <summary>Bytes that the request line and the header fields may have together; 16 KiB, 256 to 1 MiB. Beyond: 431.</summary>
    public int MaxHeadSize { get; set => field = Setting.InRange(value, 256, 1024 * 1024); } = 16 * 1024;

    /// <summary>
    /// Bytes that the request line may have; 8 KiB, 64 to 1 MiB. Beyond: 414, or 400 if the method alone is longer.
    /// </summary>
    public int MaxRequestLineSize { get; set => field = Setting.InRange(value, 64, 1024 * 1024); } = 8 * 1024;

    /// <summary>
    /// Bytes that a request may have, its body included; null, the default, for what <c>TcpConnection.MaxPackageSize</c> says
    /// (10 MiB). At least 1. Beyond: 413.
    /// </summary>
    public long? MaxRequestSize
    {
        get;
        set
        {
            if (value is { } size) ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size, nameof(value));
            field = value;
        }
    }

    /// <summary>Header fields that a request may have; 100, 1 to 10,000. Beyond: 431.</summary>
    public int MaxHeaderCount { get; set => field = Setting.InRange(value, 1, 10_000); } = 100;

    /// <summary>
    /// Elements that the lists in <c>Connection</c>, <c>Expect</c> and <c>Transfer-Encoding</c> may have together, empty ones
    /// counted; 100, 1 to 100,000. Beyond: 431.
    /// </summary>
    public int MaxListElements { get; set => field = Setting.InRange(value, 1, 100_000); } = 100;

    /// <summary>
    /// How long a head may take from its first byte (from the connection on for the first one); 30 seconds. Beyond: 408.
    /// <see cref="Timeout.InfiniteTimeSpan"/>: no limit. Checked about once a second, like the others.
    /// </summary>
    public TimeSpan HeadTimeout { get; set => field = Setting.PositiveOrInfinite(value); } = TimeSpan.FromSeconds(30);

    /// <summary>How long the client may send nothing within a body; 30 seconds. Beyond: 408.</summary>
    public TimeSpan BodyTimeout { get; set => field = Setting.PositiveOrInfinite(value); } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Bytes a second that a body has to come with on average; 240, 0 for any rate. Beyond: 408. It is looked at about once a
    /// second, and not while the application has paused reading.
    /// </summary>
    public int MinBodyRate { get; set => field = Setting.InRange(value, 0); } = 240;

    /// <summary>How long a body may be slower than <see cref="MinBodyRate"/> at its beginning; 5 seconds.</summary>
    public TimeSpan MinBodyRateGrace { get; set => field = Setting.NotNegative(value); } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a connection may be without a request; 130 seconds. Beyond: it is closed. Behind a proxy it has to be longer than
    /// the proxy keeps an idle connection for its next request (nginx and AWS's ALB 60 seconds, Traefik 90, Caddy 120), or a
    /// request may meet a connection that is being closed, which the proxy answers with 502. Google's load balancer (600 seconds)
    /// and Cloudflare (900) need more.
    /// </summary>
    public TimeSpan KeepAliveTimeout { get; set => field = Setting.PositiveOrInfinite(value); } = TimeSpan.FromSeconds(130);

    /// <summary>
    /// Members that a query may have; 1,000, 1 to 1,000,000 (PHP: <c>max_input_vars</c>). Beyond: <c>Get</c> throws, which is
    /// answered with 400.
    /// </summary>
    public int MaxQueryMembers { get; set => field = Setting.InRange(value, 1, 1_000_000); } = 1000;

    /// <summary>
    /// Cookies that a request may have; 200, 1 to 10,000. Beyond: <c>Cookie</c> throws, which is answered with 431.
    /// </summary>
    public int MaxCookies { get; set => field = Setting.InRange(value, 1, 10_000); } = 200;

    /// <summary>
    /// Fields that a form, or members that a JSON object, may have; 1,000, 1 to 1,000,000 (PHP: <c>max_input_vars</c>). Beyond:
    /// <c>Post</c> throws, which is answered with 413.
    /// </summary>
    public int MaxFormFields { get; set => field = Setting.InRange(value, 1, 1_000_000); } = 1000;

    /// <summary>
    /// Bytes that the values of a form's fields may have together, without its files: of a multipart or urlencoded form, and of
    /// the members of a JSON body that
    /// <c>Post</c> reads; 1 MiB, at least 1. Beyond: <c>Post</c> throws, which is answered with 413. The body as a whole is
    /// bounded by <c>MaxPackageSize</c>.
    /// </summary>
    public int MaxFormFieldsSize { get; set => field = Setting.InRange(value, 1); } = 1024 * 1024;

    /// <summary>
    /// Files that a form may have; 20, 0 to 100,000 (PHP: <c>max_file_uploads</c>). Beyond: <c>File</c> throws, which is answered
    /// with 413.
    /// </summary>
    public int MaxFiles { get; set => field = Setting.InRange(value, 0, 100_000); } = 20;

    /// <summary>
    /// Bytes of a body that are kept in memory; 1 MiB, at least 0. What is larger goes to a temporary file, a form's parts each
    /// by itself. More than 1 MiB in memory vanishes with the answer, as a file does, unless <see cref="Request.RawBody"/> was
    /// asked for before.
    /// </summary>
    public int BodyMemoryThreshold { get; set => field = Setting.InRange(value, 0); } = 1024 * 1024;

    /// <summary>
    /// Bytes of an uploaded file that are kept in memory when its form is larger than <see cref="BodyMemoryThreshold"/>; 64 KiB,
    /// at least 0.
    /// </summary>
    public int FileMemoryThreshold { get; set => field = Setting.InRange(value, 0); } = 64 * 1024;

    /// <summary>
    /// Bytes of memory that the bodies of all requests of the worker may have at once, from their first byte to their answer; 256
    /// MiB, at least 0. Beyond: 503; but a body that is streamed (<see cref="StreamBodies"/>) and has begun waits until its
    /// handler has read what has come of it, and goes on then.
    /// </summary>
    public long MaxBodyMemory { get; set => field = Setting.AtLeast(value, 0); } = 256L * 1024 * 1024;

    /// <summary>
    /// Bytes in temporary files that the bodies of all requests of the worker may have at once, from their first byte to their
    /// answer; 4 GiB, at least 0. Beyond, and if the disk is full: 503. A file that was moved with
    /// <see cref="UploadedFile.MoveTo"/> does not count.
    /// </summary>
    public long MaxBodyDisk { get; set => field = Setting.AtLeast(value, 0); } = 4L * 1024 * 1024 * 1024;

    /// <summary>Is told that there is no space for a body in <see cref="UploadFolder"/>; any thread.</summary>
    internal Action<Exception>? ReportDiskFull { get; set; }

    /// <summary>Is told why a body is refused because of all others; any thread.</summary>
    internal Action<string>? ReportBodiesFull { get; set; }

    /// <summary>Has temporary files written, off the loop. Tests stand in for the threads.</summary>
    internal Action<Action> RunOnDisk { get; set; } = Shared.Run;

    /// <summary>What the bodies of all requests have now.</summary>
    internal BodyTotals Bodies { get; } = new();

    /// <summary>How long the application may take to subscribe an event stream that has moved here.</summary>
    internal TimeSpan MovedTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether the application is asked about a request with a body before that is read.</summary>
    internal bool AsksBeforeBodies { get; set; }

    /// <summary>
    /// The folder of temporary files; the system's (PHP: <c>Http::uploadTmpDir()</c>). Files that a killed process has left there
    /// are removed when a worker starts.
    /// </summary>
    /// <exception cref="ArgumentException">There is no such folder.</exception>
    public string UploadFolder
    {
        get;
        set
        {
            if (!Directory.Exists(value))
                throw new ArgumentException($"There is no folder '{Printable.Of(value ?? "")}' to put uploads in; make it first.",
                    nameof(value));
            field = value;
        }
    } = Path.GetTempPath();

    /// <summary>Whether CONNECT reaches the application; false: 501.</summary>
    public bool AllowConnect { get; set; }

    /// <summary>Whether TRACE reaches the application; false: 501.</summary>
    public bool AllowTrace { get; set; }

    /// <summary>
    /// Whether bodies that come as gzip, deflate or Brotli (<c>Content-Encoding</c>) are decompressed as they arrive; not by
    /// default. The decompressed size is limited by <c>MaxPackageSize</c>: beyond, 413. The request then has no
    /// <c>Content-Encoding</c>, and its <c>Content-Length</c> is the decompressed size. A body in any other coding stays as it is
    /// and is not read as a form or JSON: <c>Post</c>, <c>File</c> and <c>Json</c> throw, which is answered with 415.
    /// </summary>
    public bool DecompressRequests { get; set; }

    /// <summary>
    /// Whether a request with a body is handed on as soon as its head has come; not by default. Its handler reads the body as it
    /// comes (<see cref="Request.BodyReader"/>, <see cref="Request.OpenBody"/>, <see cref="Request.ReadPartsAsync"/>) or waits
    /// for all of it (<see cref="Request.ReadBodyAsync"/>). Limits, rates and <see cref="DecompressRequests"/> hold as without.
    /// </summary>
    public bool StreamBodies { get; set; }

    /// <summary>
    /// The proxies in front of the worker, whose header fields about the client are trusted: see <see cref="Request.ClientIp"/>.
    /// Empty, the default: nobody's are. Name every proxy between the clients and the worker, and nobody else; <c>unix:</c>
    /// stands for all peers on the worker's Unix socket.
    /// </summary>
    public NetworkList TrustedProxies { get; set => field = value ?? throw new ArgumentNullException(nameof(value)); } = [];

    /// <summary>
    /// The header fields in which <see cref="TrustedProxies"/> name the client; all by default. A proxy that sets one of them
    /// passes on the others as the client has sent them, so name those that yours sets, or have it remove the others.
    /// </summary>
    public ForwardedFields ForwardedFields { get; set; } = ForwardedFields.All;

    /// <summary>Settings of its sessions (PHP: the statics of <c>Session</c>).</summary>
    public SessionOptions Session { get; } = new();

    /// <summary>
    /// Whether bodies of text are sent as gzip or Brotli to clients that accept it; not by default. See
    /// <see cref="Response.WithCompression"/>, which decides for one response, for what is compressed.
    /// </summary>
    public bool Compression { get; set; }

    /// <summary>
    /// How hard gzip tries when it compresses an answer, 1 to 9; 1, because the other connections of the loop wait meanwhile.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is neither.</exception>
    public int GzipLevel
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 9);
            field = value;
        }
    } = 1;

    /// <summary>
    /// How hard Brotli tries when it compresses an answer, 0 to 11; 1, which takes as long as gzip at 1 and becomes smaller. From
    /// 5 on an answer takes several times as long.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is neither.</exception>
    public int BrotliQuality
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 11);
            field = value;
        }
    } = 1;

    /// <summary>Has the temporary files of killed processes removed from <see cref="UploadFolder"/>.</summary>
    internal void SweepUploads() => AbandonedFiles.SweepOnce(UploadFolder);

    /// <summary>
    /// The charset in the content type of a text file, unless the application sets the type itself; <c>utf-8</c>, empty for none.
    /// <c>text/*</c> with JavaScript has it, and XML with SVG unless the file itself names another encoding; JSON is always UTF-8
    /// and has none.
    /// </summary>
    /// <exception cref="ArgumentException">It is no token.</exception>
    public string FileCharset { get; set => field = CheckCharset(value); } = DefaultFileCharset;

    internal const string DefaultFileCharset = "utf-8";

    /// <summary>Empty, or a token (RFC 9110 section 8.3.2).</summary>
    internal static string CheckCharset(string charset)
    {
        ArgumentNullException.ThrowIfNull(charset);
        if (charset.Length > 0 && !HttpChars.IsToken(charset))
            throw new ArgumentException($"'{Printable.Of(charset)}' is no charset; give its name, such as utf-8, "
                + "or an empty text for none.", nameof(charset));
        return charset;
    }
}
