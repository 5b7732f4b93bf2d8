using System.Buffers;
using System.IO.Compression;

namespace Workerman.Protocols.Http;

/// <summary>
/// Compresses a body that is in memory, if the client accepts that and the body is of a kind that becomes smaller. It takes time
/// on the loop: a few milliseconds for the largest body. Files, event streams and chunks are sent as they are. Stateless, any
/// thread.
/// </summary>
internal static class Compression
{
    /// <summary>A smaller body fits into one packet in any case.</summary>
    public const int MinSize = 1024;

    /// <summary>Compressing a larger body would delay the other clients of the loop noticeably.</summary>
    public const int MaxSize = 1024 * 1024;

    /// <summary>
    /// The response to send to this client: itself, or a copy with the header fields for caches and, if it became smaller, the
    /// compressed body.
    /// </summary>
    public static Response Apply(Response response, Request request, HttpOptions options)
    {
        if (!IsWorthIt(response)) return response;
        ContentCoding coding = AcceptEncoding.Parse(request.Header("accept-encoding")).Choose();
        byte[]? body = coding switch
        {
            ContentCoding.Brotli => Brotli(response.RawBody.Span, options.BrotliQuality),
            ContentCoding.Gzip => Gzip(response.RawBody.Span, options.GzipLevel),
            _ => null,
        };
        Response copy = response.CopyHead(response.StatusCode);
        // Also if the body is not compressed: another client's answer may be.
        AcceptEncoding.AddVary(copy.Headers);
        if (body is null || body.Length >= response.RawBody.Length) return copy.WithBody(response.RawBody);
        copy.WithHeader("Content-Encoding", AcceptEncoding.NameOf(coding));
        if (response.GetHeader("ETag") is { } tag) copy.WithHeader("ETag", AcceptEncoding.Weaken(tag));
        return copy.WithBody(body);
    }

    private static bool IsWorthIt(Response response) =>
        response.RawBody.Length is >= MinSize and <= MaxSize
        && ResponseWriter.HasBody(response.StatusCode) && response.StatusCode != 206
        && response.GetHeader("Content-Encoding") is null && response.GetHeader("Content-Range") is null
        && IsCompressible(response.GetHeader("Content-Type") ?? ResponseWriter.DefaultContentType)
        // RFC 9111 section 5.2.2.6: an answer that must not be transformed by caches is not transformed here either.
        && !OptionList.Contains(response.GetHeader("Cache-Control"), "no-transform");

    /// <summary>
    /// Whether it is a kind of text. Data that is compressed already, such as pictures, would only become larger.
    /// </summary>
    private static bool IsCompressible(string contentType)
    {
        ReadOnlySpan<char> type = MediaType.Of(contentType);
        return type.StartsWith("text/", StringComparison.OrdinalIgnoreCase) || MediaType.IsJson(contentType)
            || type.EndsWith("+xml", StringComparison.OrdinalIgnoreCase) || MediaType.Is(contentType, "application/xml")
            || MediaType.Is(contentType, "application/javascript") || MediaType.Is(contentType, "application/x-ndjson")
            || MediaType.Is(contentType, "application/yaml") || MediaType.Is(contentType, "application/wasm");
    }

    private static byte[] Gzip(ReadOnlySpan<byte> body, int level)
    {
        var output = new MemoryStream(body.Length / 2);
        var options = new ZLibCompressionOptions { CompressionLevel = level };
        using (var gzip = new GZipStream(output, options, leaveOpen: true)) gzip.Write(body);
        return output.ToArray();
    }

    private static byte[]? Brotli(ReadOnlySpan<byte> body, int quality)
    {
        const int Window = 20;
        byte[] output = ArrayPool<byte>.Shared.Rent(body.Length);
        bool smaller = BrotliEncoder.TryCompress(body, output, out int length, quality, Window);
        byte[]? compressed = smaller ? output.AsSpan(0, length).ToArray() : null;
        ArrayPool<byte>.Shared.Return(output);
        return compressed;
    }
}
