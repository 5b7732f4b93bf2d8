using static Workerman.Events.DescriptorHeadroom;

namespace Workerman.Protocols.Http;

/// <summary>
/// The error responses to a client that exceeds a limit. Each names the setting, so that the operator finds it; or to one that
/// comes while something is short. Pure.
/// </summary>
internal static class Refusals
{
    private const string Options = $"{nameof(HttpOptions)}.";
    private const string Package = $"{Options}{nameof(HttpOptions.MaxRequestSize)}, TcpConnection.MaxPackageSize";

    /// <summary>
    /// The reason of a 415 for a content coding: that answer has Accept-Encoding, no other 415 has (RFC 9110 section 15.5.16).
    /// </summary>
    public const string UnknownCoding =
        $"the body is in a Content-Encoding that is not read here ({Options}{nameof(HttpOptions.DecompressRequests)})";

    public static Verdict HeadTooLarge { get; } =
        Verdict.Reject(431, $"request head too large ({Options}{nameof(HttpOptions.MaxHeadSize)})");

    public static Verdict TrailersTooLarge { get; } =
        Verdict.Reject(431, $"trailer section too large ({Options}{nameof(HttpOptions.MaxHeadSize)})");

    public static Verdict TooManyHeaders { get; } =
        Verdict.Reject(431, $"too many header fields ({Options}{nameof(HttpOptions.MaxHeaderCount)})");

    public static Verdict TooManyElements { get; } =
        Verdict.Reject(431, $"too many elements in a list of the head ({Options}{nameof(HttpOptions.MaxListElements)})");

    public static Verdict TooManyTrailers { get; } =
        Verdict.Reject(431, $"too many trailer fields ({Options}{nameof(HttpOptions.MaxHeaderCount)})");

    public static Verdict RequestLineTooLong { get; } =
        Verdict.Reject(414, $"request line too long ({Options}{nameof(HttpOptions.MaxRequestLineSize)})");

    public static Verdict MethodTooLong { get; } =
        Verdict.Reject(400, $"method too long ({Options}{nameof(HttpOptions.MaxRequestLineSize)})");

    public static Verdict BodyTooLarge { get; } = Verdict.Reject(413, $"request body too large ({Package})");

    public static Verdict HeadTooSlow { get; } =
        Verdict.Reject(408, $"the request took too long ({Options}{nameof(HttpOptions.HeadTimeout)})");

    public static Verdict BodyTooSlow { get; } =
        Verdict.Reject(408, $"the request took too long ({Options}{nameof(HttpOptions.BodyTimeout)})");

    public static Verdict BodyRateTooLow { get; } =
        Verdict.Reject(408, $"the request came too slowly ({Options}{nameof(HttpOptions.MinBodyRate)})");

    public static Verdict BodyMemoryFull { get; } =
        Verdict.Reject(503, $"too many request bodies at once ({Options}{nameof(HttpOptions.MaxBodyMemory)})");

    public static Verdict BodyDiskFull { get; } =
        Verdict.Reject(503, $"too many request bodies at once ({Options}{nameof(HttpOptions.MaxBodyDisk)})");

    public static Verdict DiskFull { get; } = Verdict.Reject(503, "no space is left for request bodies");

    public static Verdict FewDescriptors { get; } = Verdict.Reject(503, Shortage);

    public static BadRequestException TooMany(string what, string setting, int status = 413) =>
        new(status, $"too many {what} ({Options}{setting})");

    public static BadRequestException TooLarge(string what, string setting) => new(413, $"{what} too large ({Options}{setting})");
}

/// <summary>
/// Checks the fields of one form against the limits of <see cref="HttpOptions"/>, the same for multipart, urlencoded and JSON
/// bodies. Belongs to the reader of the form.
/// </summary>
internal struct FormLimits(HttpOptions options)
{
    private int _fields;
    private int _files;
    private long _size;

    /// <summary>Counts one more part of a multipart form: a field, or a file.</summary>
    /// <exception cref="BadRequestException">There are too many.</exception>
    public void CountPart(MultipartHead head)
    {
        if (head.FileName is null) CountField();
        else if (++_files > options.MaxFiles) throw Refusals.TooMany("files", nameof(HttpOptions.MaxFiles));
    }

    /// <summary>Counts one more field.</summary>
    /// <exception cref="BadRequestException">There are too many.</exception>
    public void CountField()
    {
        if (++_fields > options.MaxFormFields) throw Refusals.TooMany("form fields", nameof(HttpOptions.MaxFormFields));
    }

    /// <summary>Checks the size of a field's name; of a part of a multipart form it is the size of the whole head.</summary>
    /// <exception cref="BadRequestException">It is beyond the limit.</exception>
    public static void CheckName(long size, HttpOptions options)
    {
        if (size > options.MaxHeadSize) throw NameTooLong();
    }

    public static BadRequestException NameTooLong() => Refusals.TooLarge("name of a form field", nameof(HttpOptions.MaxHeadSize));

    /// <summary>Counts more bytes of values.</summary>
    /// <exception cref="BadRequestException">It is beyond the limit.</exception>
    public void CountBytes(long count)
    {
        if ((_size += count) > options.MaxFormFieldsSize) throw TooLarge();
    }

    public static BadRequestException TooLarge() => Refusals.TooLarge("form fields", nameof(HttpOptions.MaxFormFieldsSize));
}
