using System.Buffers;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>How an answer is written, which depends on the request and the connection.</summary>
/// <param name="IsHead">The request was HEAD: the answer has the same head, and no body.</param>
/// <param name="KeepAlive">The connection is kept alive after it.</param>
internal readonly record struct AnswerForm(bool IsHead, bool KeepAlive);

/// <summary>Writes responses as bytes (RFC 9112 sections 4 to 6). Pure but for the date. Any thread.</summary>
internal static class ResponseWriter
{
    public const string DefaultContentType = "text/html;charset=utf-8";

    private const int LongestNumber = 20;

    /// <summary>A 200 with a text body: the usual answer.</summary>
    public static void WriteText(string body, AnswerForm form, IBufferWriter<byte> output)
    {
        byte[] head = TextHead(form);
        if (!form.IsHead && TryWriteAscii(head, body, output)) return;
        int length = Encoding.UTF8.GetByteCount(body);
        var writer = new HeadWriter(output, head.Length + LongestNumber + 4 + length);
        writer.Write(head);
        writer.Write(length);
        writer.Write("\r\n\r\n"u8);
        if (!form.IsHead) writer.Write(body);
        writer.Commit();
    }

    /// <summary>The length of ASCII text in bytes is its number of characters, so one pass over the text is enough.</summary>
    private static bool TryWriteAscii(byte[] head, string body, IBufferWriter<byte> output)
    {
        var writer = new HeadWriter(output, head.Length + LongestNumber + 4 + body.Length);
        writer.Write(head);
        writer.Write(body.Length);
        writer.Write("\r\n\r\n"u8);
        if (!writer.TryWriteAscii(body)) return false;
        writer.Commit();
        return true;
    }

    /// <summary>A 200 with a body of bytes.</summary>
    public static void WriteBytes(ReadOnlySpan<byte> body, AnswerForm form, IBufferWriter<byte> output)
    {
        WriteBytesHead(body.Length, form, output);
        if (!form.IsHead) output.Write(body);
    }

    /// <summary>A 200 with a body of bytes that nobody changes any more.</summary>
    public static void WriteBytes(ReadOnlyMemory<byte> body, AnswerForm form, IBufferWriter<byte> output)
    {
        WriteBytesHead(body.Length, form, output);
        if (!form.IsHead) output.WriteLasting(body);
    }

    private static void WriteBytesHead(int length, AnswerForm form, IBufferWriter<byte> output) =>
        WritePlainHead(TextHead(form), length, output);

    private static void WritePlainHead(byte[] head, long length, IBufferWriter<byte> output)
    {
        var writer = new HeadWriter(output, head.Length + LongestNumber + 4);
        writer.Write(head);
        writer.Write(length);
        writer.Write("\r\n\r\n"u8);
        writer.Commit();
    }

    /// <summary>A whole response with its length.</summary>
    public static void Write(Response response, AnswerForm form, IBufferWriter<byte> output)
    {
        bool hasBody = HasBody(response.StatusCode);
        if (response.Writer is { } made && hasBody)
        {
            WriteMade(response, made, form, output);
            return;
        }
        ReadOnlyMemory<byte> body = hasBody ? response.RawBody : default;
        WriteHead(response, form, body.Length, output);
        if (!form.IsHead) output.WriteLasting(body);
    }

    /// <summary>A response whose body is written now.</summary>
    private static void WriteMade(Response response, BodyWriter body, AnswerForm form, IBufferWriter<byte> output)
    {
        // Not straight into the output: what writes it may send something itself, which goes there too.
        ArrayBufferWriter<byte> buffer = body.WriteToBuffer();
        WriteHead(response, form, buffer.WrittenCount, output);
        if (!form.IsHead) output.Write(buffer.WrittenSpan);
        BodyWriter.GiveBack(buffer);
    }

    /// <summary>The head up to the length, if all that the application has set is the status and the content type.</summary>
    private static byte[]? PlainHeadOf(Response response, AnswerForm form)
    {
        if (response.StatusCode < 200 || !HasBody(response.StatusCode) || !response.HasPlainStatusLine) return null;
        string? contentType = response.Headers.Count == 0 ? DefaultContentType : response.Headers.OnlyContentType;
        return contentType is null ? null : CachedHeads.Current.Plain(response.StatusCode, contentType, form.KeepAlive);
    }

    /// <summary>The head of a response whose body of <paramref name="bodyLength"/> bytes comes from elsewhere.</summary>
    public static void WriteHead(Response response, AnswerForm form, long bodyLength, IBufferWriter<byte> output)
    {
        if (PlainHeadOf(response, form) is { } head)
        {
            WritePlainHead(head, bodyLength, output);
            return;
        }
        bool bodiless = IsBodiless(response.StatusCode);
        HeadWriter writer = BeginHead(response, output);
        if (!bodiless && response.GetHeader("Content-Type") is null) Field(ref writer, "Content-Type", DefaultContentType);
        if (response.StatusCode >= 200) writer.Write(form.KeepAlive ? "Connection: keep-alive\r\n"u8 : "Connection: close\r\n"u8);
        if (LengthOf(response, form, bodyLength) is { } length)
        {
            writer.Write("Content-Length: "u8);
            writer.Write(length);
            writer.Write("\r\n"u8);
        }
        writer.Write("\r\n"u8);
        writer.Commit();
    }

    /// <summary>Whether an answer of this status may have a body. A 205 has one of no bytes (RFC 9110 section 15.3.6).</summary>
    public static bool HasBody(int status) => !IsBodiless(status) && status != 205;

    /// <summary>
    /// The head of an answer in pieces: chunks if the client supports them, otherwise bytes until the connection ends.
    /// </summary>
    public static void WriteChunkedHead(Response response, AnswerForm form, bool framed, IBufferWriter<byte> output)
    {
        HeadWriter writer = BeginHead(response, output);
        if (response.GetHeader("Content-Type") is null) Field(ref writer, "Content-Type", DefaultContentType);
        writer.Write(form.KeepAlive ? "Connection: keep-alive\r\n"u8 : "Connection: close\r\n"u8);
        writer.Write(framed ? "Transfer-Encoding: chunked\r\n\r\n"u8 : "\r\n"u8);
        writer.Commit();
    }

    /// <summary>The head of an answer that ends with the connection (RFC 9112 section 6.3, last case).</summary>
    public static void WriteStreamHead(Response response, IBufferWriter<byte> output)
    {
        HeadWriter writer = BeginHead(response, output);
        writer.Write("Connection: close\r\n\r\n"u8);
        writer.Commit();
    }

    /// <summary>The head of a 2xx answer to CONNECT (RFC 9110 section 9.3.6).</summary>
    public static void WriteTunnelHead(Response response, IBufferWriter<byte> output)
    {
        HeadWriter writer = BeginHead(response, output);
        writer.Write("\r\n"u8);
        writer.Commit();
    }

    /// <summary>
    /// The head of an answer after which another protocol is spoken (RFC 9110 section 7.8: Upgrade is named in Connection).
    /// </summary>
    public static void WriteUpgradeHead(Response response, IBufferWriter<byte> output)
    {
        HeadWriter writer = BeginHead(response, output);
        writer.Write("Connection: Upgrade\r\n\r\n"u8);
        writer.Commit();
    }

    /// <summary>RFC 9110 section 6.4.1: these never have a body, so they have no Content-Length (RFC 9112 section 6.2).</summary>
    private static bool IsBodiless(int status) => status is < 200 or 204 or 304;

    /// <summary>
    /// The Content-Length to write, or null for none. Only an answer that never has a body may have the application's, which is
    /// the length that the body would have for GET (RFC 9110 section 8.6); in any other a wrong number would break the framing.
    /// </summary>
    private static long? LengthOf(Response response, AnswerForm form, long bodyLength) => response.StatusCode switch
    {
        304 => response.Headers.ContentLength,
        < 200 or 204 => null,
        205 => 0,
        _ => form.IsHead && bodyLength == 0 ? response.Headers.ContentLength ?? 0 : bodyLength,
    };

    private static byte[] TextHead(AnswerForm form) =>
        form.KeepAlive ? CachedHeads.Current.TextKeepAlive : CachedHeads.Current.TextClose;

    /// <summary>Status line, date and the application's fields, in a writer with room for the rest of the head.</summary>
    private static HeadWriter BeginHead(Response response, IBufferWriter<byte> output)
    {
        byte[] date = CachedHeads.Current.Date;
        string reason = response.ReasonPhrase;
        int size = 256 + date.Length + Encoding.UTF8.GetMaxByteCount(reason.Length);
        foreach ((string name, string value) in response.Headers)
            size += name.Length + Encoding.UTF8.GetMaxByteCount(value.Length) + 4;
        var writer = new HeadWriter(output, size);
        writer.Write(response.ProtocolVersion == "1.0" ? "HTTP/1.0 "u8 : "HTTP/1.1 "u8);
        writer.Write(response.StatusCode);
        writer.Write(" "u8);
        writer.Write(reason);
        writer.Write("\r\n"u8);
        if (response.StatusCode >= 200 && response.GetHeader("Date") is null) writer.Write(date);
        foreach ((string name, string value) in response.Headers)
        {
            if (!IsLibrarys(name)) Field(ref writer, name, value);
        }
        return writer;
    }

    /// <summary>
    /// The fields that frame the message are written by the library alone, so they cannot contradict each other.
    /// </summary>
    private static bool IsLibrarys(string name) =>
        name.Equals("Connection", StringComparison.OrdinalIgnoreCase)
        || name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)
        || name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase);

    private static void Field(ref HeadWriter writer, string name, string value)
    {
        writer.Write(name);
        writer.Write(": "u8);
        writer.Write(value);
        writer.Write("\r\n"u8);
    }
}
