using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>The positions of a header field's name and value in the bytes of its head.</summary>
internal readonly record struct HeaderField(int NameStart, int NameLength, int ValueStart, int ValueLength);

/// <summary>
/// The head of one request as the parser read it: a copy of its bytes, the positions of its parts in them, and what they mean for
/// the framing. A value that does not change once it is made; owned by its <see cref="Request"/>. It allocates one array only,
/// because every request does.
/// </summary>
internal struct RequestHead
{
    /// <summary>The bytes, and after them the table of the fields.</summary>
    private byte[]? _buffer;
    private int _length;

    /// <summary>Keeps a head where it is needed, because a copy of it costs as much as reading a field.</summary>
    /// <param name="head">The place.</param>
    /// <param name="bytes">From the method to the empty line, which are copied.</param>
    /// <param name="fields">The header fields, which are copied.</param>
    /// <param name="line">The request line.</param>
    /// <param name="framing">What the fields mean.</param>
    public static void Keep(ref RequestHead head, ReadOnlySpan<byte> bytes, scoped ReadOnlySpan<HeaderField> fields,
        in RequestLine line, in RequestFraming framing)
    {
        head.SetBytes(bytes, fields);
        head.MethodLength = line.MethodLength;
        head.TargetLength = line.TargetLength;
        head.IsHttp11 = line.MinorVersion == 1;
        head.ContentLength = framing.ContentLength;
        head.KeepAlive = framing.KeepAlive;
        head.ExpectsContinue = framing.ExpectsContinue;
    }

    public int MethodLength { readonly get; private set; }

    public int TargetLength { readonly get; private set; }

    /// <summary>Bytes of the body, -1 if it is chunked.</summary>
    public long ContentLength { readonly get; private set; }

    /// <summary>Whether it is HTTP/1.1; else it is HTTP/1.0.</summary>
    public bool IsHttp11 { readonly get; private set; }

    /// <summary>Whether the connection may be used again (RFC 9112 section 9.3).</summary>
    public bool KeepAlive { readonly get; private set; }

    /// <summary>Whether the client waits for 100 before it sends the body (RFC 9110 section 10.1.1).</summary>
    public bool ExpectsContinue { readonly get; private set; }

    /// <summary>Whether there is no head: the value of a parser that found no complete one.</summary>
    public readonly bool IsEmpty => _buffer is null;

    /// <summary>0 or 1: HTTP/1.0 or HTTP/1.1.</summary>
    public readonly int MinorVersion => IsHttp11 ? 1 : 0;

    /// <summary>From the method to the empty line.</summary>
    public readonly ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, _length);

    public readonly ReadOnlySpan<HeaderField> Fields =>
        _buffer is null ? default : MemoryMarshal.Cast<byte, HeaderField>(_buffer.AsSpan(TableStart(_length)));

    public readonly bool IsChunked => ContentLength < 0;

    public readonly bool IsHead => MethodLength == 4 && Method.SequenceEqual("HEAD"u8);

    public readonly bool IsConnect => MethodLength == 7 && Method.SequenceEqual("CONNECT"u8);

    public readonly ReadOnlySpan<byte> Method => _buffer.AsSpan(0, MethodLength);

    public readonly ReadOnlySpan<byte> Target => _buffer.AsSpan(MethodLength + 1, TargetLength);

    public readonly ReadOnlySpan<byte> Name(in HeaderField field) => _buffer.AsSpan(field.NameStart, field.NameLength);

    public readonly ReadOnlySpan<byte> Value(in HeaderField field) => _buffer.AsSpan(field.ValueStart, field.ValueLength);

    /// <summary>
    /// The head of the request once its body has arrived (RFC 9112 section 7.1.3): with a Content-Length in place of
    /// Transfer-Encoding, and without the fields that describe how the body was sent.
    /// </summary>
    /// <param name="length">Bytes of the body.</param>
    /// <param name="decoded">Whether its content codings were decoded too.</param>
    public readonly RequestHead WithLength(long length, bool decoded)
    {
        var bytes = new ArrayBufferWriter<byte>(_length + 64);
        var fields = new List<HeaderField>(Fields.Length);
        bytes.Write(Bytes[..(Bytes.IndexOf("\r\n"u8) + 2)]);
        foreach (HeaderField field in Fields)
        {
            ReadOnlySpan<byte> name = Name(field);
            bool framing = Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8)
                || Ascii.EqualsIgnoreCase(name, "content-length"u8);
            if (IsChunked && Ascii.EqualsIgnoreCase(name, "trailer"u8)) continue;
            if (decoded && Ascii.EqualsIgnoreCase(name, "content-encoding"u8)) continue;
            if (framing) Add("Content-Length"u8, Encoding.ASCII.GetBytes(length.ToString(CultureInfo.InvariantCulture)));
            else Add(name, Value(field));
        }
        bytes.Write("\r\n"u8);
        RequestHead head = this;
        head.SetBytes(bytes.WrittenSpan, CollectionsMarshal.AsSpan(fields));
        head.ContentLength = length;
        return head;

        void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
        {
            int start = bytes.WrittenCount;
            bytes.Write(name);
            bytes.Write(": "u8);
            fields.Add(new HeaderField(start, name.Length, bytes.WrittenCount, value.Length));
            bytes.Write(value);
            bytes.Write("\r\n"u8);
        }
    }

    private void SetBytes(ReadOnlySpan<byte> bytes, scoped ReadOnlySpan<HeaderField> fields)
    {
        ReadOnlySpan<byte> table = MemoryMarshal.AsBytes(fields);
        byte[] buffer = GC.AllocateUninitializedArray<byte>(TableStart(bytes.Length) + table.Length);
        bytes.CopyTo(buffer);
        table.CopyTo(buffer.AsSpan(TableStart(bytes.Length)));
        (_buffer, _length) = (buffer, bytes.Length);
    }

    private static int TableStart(int length) => (length + 3) & ~3;
}
