using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// Writes text and numbers into one span of a buffer writer, whose size is calculated beforehand. Made for one head, or one
/// event, on the stack of the thread that encodes it.
/// </summary>
internal ref struct HeadWriter(IBufferWriter<byte> output, int size)
{
    private readonly Span<byte> _span = output.GetSpan(size);
    private int _length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_span[_length..]);
        _length += bytes.Length;
    }

    public void Write(string text) => _length += Encoding.UTF8.GetBytes(text, _span[_length..]);

    /// <summary>
    /// Writes a number. Status codes and the lengths of short answers do not go through the formatter, which takes as long as the
    /// rest of such a head.
    /// </summary>
    public void Write(long number)
    {
        if (number is < 0 or > 999)
        {
            Format(number);
            return;
        }
        if (number >= 100) _span[_length++] = (byte)('0' + (number / 100));
        if (number >= 10) _span[_length++] = (byte)('0' + (number / 10 % 10));
        _span[_length++] = (byte)('0' + (number % 10));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Format(long number)
    {
        number.TryFormat(_span[_length..], out int written, default, CultureInfo.InvariantCulture);
        _length += written;
    }

    /// <summary>Writes text that is all ASCII.</summary>
    /// <returns>False if it is not; the writer cannot be used any more then.</returns>
    public bool TryWriteAscii(string text)
    {
        bool isAscii = Ascii.FromUtf16(text, _span[_length..], out int written) == OperationStatus.Done;
        _length += written;
        return isAscii;
    }

    public readonly void Commit() => output.Advance(_length);
}

/// <summary>
/// The Date header field (RFC 9110 section 6.6.1) and the usual heads with it, made once a second for the whole process. Any
/// thread: an instance never changes, a new one replaces it.
/// </summary>
internal sealed class CachedHeads
{
    private static CachedHeads _current = new();

    /// <summary>Kinds of heads that are kept; an application that has more makes the others each time.</summary>
    private const int MaxKinds = 32;

    private readonly long _validUntil;
    private readonly string _date;

    /// <summary>Those that were asked for within this second. Replaced when it changes.</summary>
    private PlainHead[] _plain = [];

    private CachedHeads()
    {
        DateTime now = DateTime.UtcNow;
        _validUntil = Environment.TickCount64 + 1000 - now.Millisecond;
        string date = $"Date: {now.ToString("R", CultureInfo.InvariantCulture)}\r\n";
        _date = date;
        Date = Encoding.ASCII.GetBytes(date);
        TextKeepAlive = Head(date, "keep-alive");
        TextClose = Head(date, "close");
    }

    public static CachedHeads Current
    {
        get
        {
            CachedHeads current = _current;
            return Environment.TickCount64 < current._validUntil ? current : _current = new CachedHeads();
        }
    }

    /// <summary>The header field with its line end.</summary>
    public byte[] Date { get; }

    /// <summary>The head of a text answer up to its length, on a connection that goes on.</summary>
    public byte[] TextKeepAlive { get; }

    /// <summary>The head of a text answer up to its length, on a connection that ends with it.</summary>
    public byte[] TextClose { get; }

    /// <summary>
    /// The head of an answer that has no field of the application's but its content type, up to its length.
    /// </summary>
    public byte[] Plain(int status, string contentType, bool keepAlive)
    {
        PlainHead[] known = Volatile.Read(ref _plain);
        foreach (PlainHead head in known)
        {
            if (head.Status == status && head.KeepAlive == keepAlive && head.ContentType == contentType) return head.Bytes;
        }
        string statusLine = string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} {ReasonPhrases.Of(status)}\r\n");
        string connection = keepAlive ? "keep-alive" : "close";
        byte[] bytes = Encoding.UTF8.GetBytes(
            $"{statusLine}{_date}Content-Type: {contentType}\r\nConnection: {connection}\r\nContent-Length: ");
        // Two loops may do it at the same time: then one of the two is made again.
        if (known.Length < MaxKinds) Volatile.Write(ref _plain, [.. known, new(status, contentType, keepAlive, bytes)]);
        return bytes;
    }

    /// <summary>A head, and what it consists of.</summary>
    private sealed record PlainHead(int Status, string ContentType, bool KeepAlive, byte[] Bytes);

    private static byte[] Head(string date, string connection) => Encoding.ASCII.GetBytes(
        $"HTTP/1.1 200 OK\r\n{date}Connection: {connection}\r\nContent-Type: {ResponseWriter.DefaultContentType}\r\n"
        + "Content-Length: ");
}
