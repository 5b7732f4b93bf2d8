using System.Buffers;
using System.Globalization;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// One server-sent event (PHP: <c>Workerman\Protocols\Http\ServerSentEvents</c>), after the grammar of WHATWG HTML section
/// 9.2.5. What could end a line early throws when it is set. Belongs to who made it; an event that nobody changes any more may
/// be sent many times, from any thread.
/// </summary>
public sealed class ServerSentEvents : IMessage
{
    /// <summary>Room for the names of the fields, their line ends, and a retry.</summary>
    private const int FieldsSize = 64;

    /// <summary>The event's name; null for <c>message</c> (PHP: <c>'event'</c>).</summary>
    /// <exception cref="ArgumentException">It has a line break.</exception>
    public string? Event { get; set => field = Line(value, nameof(Event)); }

    /// <summary>
    /// The data; its lines, whether ended by CRLF, LF or CR, arrive joined by LF (PHP: <c>'data'</c>). Without data no event is
    /// dispatched.
    /// </summary>
    public string? Data { get; set; }

    /// <summary>What the browser sends back as Last-Event-ID; empty to forget the last one (PHP: <c>'id'</c>).</summary>
    /// <exception cref="ArgumentException">It has a line break or a NUL.</exception>
    public string? Id
    {
        get;
        set
        {
            if (value?.Contains('\0', StringComparison.Ordinal) == true)
                throw new ArgumentException("An event's Id with a NUL is ignored by browsers; remove it.", nameof(Id));
            field = Line(value, nameof(Id));
        }
    }

    /// <summary>Milliseconds before the browser connects again; null to leave it as it is (PHP: <c>'retry'</c>).</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public int? Retry
    {
        get;
        set
        {
            if (value is { } milliseconds) ArgumentOutOfRangeException.ThrowIfNegative(milliseconds, nameof(Retry));
            field = value;
        }
    }

    /// <summary>
    /// A comment, which browsers ignore; sent to keep the connection alive (PHP: <c>''</c>). It may have several lines.
    /// </summary>
    public string? Comment { get; set; }

    /// <summary>The event as it goes over the wire.</summary>
    public override string ToString()
    {
        var output = new ArrayBufferWriter<byte>();
        WriteTo(output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>Writes the event with the empty line that ends it.</summary>
    internal void WriteTo(IBufferWriter<byte> output) => WriteTo(output, Id);

    /// <summary>Writes the event with another id.</summary>
    internal void WriteTo(IBufferWriter<byte> output, string? id)
    {
        if (Comment is not null) WriteLines(": "u8, Comment, output);
        bool oneLine = Data is not null && Data.AsSpan().IndexOfAny('\r', '\n') < 0;
        var writer = new HeadWriter(output, FieldsSize + SizeOf(Event) + SizeOf(id) + (oneLine ? SizeOf(Data) : 0));
        if (Event is not null) Field(ref writer, "event: "u8, Event);
        if (id is not null) Field(ref writer, "id: "u8, id);
        if (Retry is { } retry)
        {
            writer.Write("retry: "u8);
            writer.Write(retry);
            writer.Write("\n"u8);
        }
        if (oneLine) Field(ref writer, "data: "u8, Data!);
        if (oneLine || Data is null) writer.Write("\n"u8);
        writer.Commit();
        if (oneLine || Data is null) return;
        WriteLines("data: "u8, Data, output);
        output.Write("\n"u8);
    }

    /// <summary>How many bytes <see cref="WriteTo(IBufferWriter{byte}, string?)"/> writes.</summary>
    /// <param name="id">The id that it is written with.</param>
    /// <param name="limit">Beyond so many it is not counted on.</param>
    /// <param name="idAt">Where the bytes of the id begin.</param>
    internal long SizeWith(string id, long limit, out int idAt)
    {
        long size = LinesSize(": ".Length, Comment, limit);
        if (Event is not null) size += "event: ".Length + Encoding.UTF8.GetByteCount(Event) + 1;
        size += "id: ".Length;
        idAt = (int)Math.Min(size, int.MaxValue);
        size += Encoding.UTF8.GetByteCount(id) + 1;
        if (Retry is { } retry) size += "retry: ".Length + retry.ToString(CultureInfo.InvariantCulture).Length + 1;
        return size + LinesSize("data: ".Length, Data, limit) + 1;
    }

    /// <summary>How many bytes <see cref="WriteLines"/> writes; for null none.</summary>
    private static long LinesSize(int field, string? text, long limit)
    {
        if (text is null) return 0;
        // A line end becomes longer, so there are no fewer bytes than characters.
        if (text.Length > limit) return text.Length;
        ReadOnlySpan<char> rest = text;
        long size = field + Encoding.UTF8.GetByteCount(rest) + 1;
        for (int end; size <= limit && (end = rest.IndexOfAny('\r', '\n')) >= 0;)
        {
            int length = rest[end..].StartsWith("\r\n") ? 2 : 1;
            size += field + 1 - length;
            rest = rest[(end + length)..];
        }
        return size;
    }

    private static void Field(ref HeadWriter writer, ReadOnlySpan<byte> name, string value)
    {
        writer.Write(name);
        writer.Write(value);
        writer.Write("\n"u8);
    }

    private static int SizeOf(string? value) => value is null ? 0 : Encoding.UTF8.GetMaxByteCount(value.Length);

    /// <summary>A field for each line of the text. CRLF is one line end, not two.</summary>
    private static void WriteLines(ReadOnlySpan<byte> field, ReadOnlySpan<char> text, IBufferWriter<byte> output)
    {
        while (true)
        {
            int end = text.IndexOfAny('\r', '\n');
            WriteLine(field, end < 0 ? text : text[..end], output);
            if (end < 0) return;
            text = text[end..].StartsWith("\r\n") ? text[(end + 2)..] : text[(end + 1)..];
        }
    }

    private static void WriteLine(ReadOnlySpan<byte> field, ReadOnlySpan<char> text, IBufferWriter<byte> output)
    {
        Span<byte> span = output.GetSpan(field.Length + Encoding.UTF8.GetMaxByteCount(text.Length) + 1);
        field.CopyTo(span);
        int length = field.Length + Encoding.UTF8.GetBytes(text, span[field.Length..]);
        span[length++] = (byte)'\n';
        output.Advance(length);
    }

    private static string? Line(string? value, string property) =>
        value.AsSpan().IndexOfAny('\r', '\n') < 0
            ? value
            : throw new ArgumentException(
                $"An event's {property} has a line break, which would start a field of its own; remove it.", property);
}
