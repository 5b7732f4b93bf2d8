using System.Runtime.InteropServices;

namespace Workerman.Protocols.Http;

/// <summary>Where a header field's name and value stand in the bytes of its head.</summary>
internal readonly record struct HeaderField(int NameStart, int NameLength, int ValueStart, int ValueLength);

/// <summary>
/// The head of one request as the parser judged it: its own copy of the bytes, where things stand in them, and what they
/// mean for the framing. A value that never changes; kept by its <see cref="Request"/>. All that it owns is one array, because each request pays for it.
/// </summary>
internal readonly struct RequestHead
{
    /// <summary>The bytes, and behind them the table of the fields.</summary>
    private readonly byte[]? _buffer;
    private readonly int _length;

    /// <summary>Keeps a head.</summary>
    /// <param name="bytes">From the method to the empty line, which are copied.</param>
    /// <param name="fields">The header fields, which are copied.</param>
    public RequestHead(ReadOnlySpan<byte> bytes, ReadOnlySpan<HeaderField> fields)
    {
        ReadOnlySpan<byte> table = MemoryMarshal.AsBytes(fields);
        _length = bytes.Length;
        _buffer = GC.AllocateUninitializedArray<byte>(TableStart(_length) + table.Length);
        bytes.CopyTo(_buffer);
        table.CopyTo(_buffer.AsSpan(TableStart(_length)));
    }

    public required int MethodLength { get; init; }

    public required int TargetLength { get; init; }

    /// <summary>Bytes of the body, -1 if it is chunked.</summary>
    public required long ContentLength { get; init; }

    /// <summary>Whether it is HTTP/1.1; else it is HTTP/1.0.</summary>
    public required bool IsHttp11 { get; init; }

    /// <summary>Whether the connection may be used again (RFC 9112 section 9.3).</summary>
    public required bool KeepAlive { get; init; }

    /// <summary>Whether the client waits for 100 before it sends the body (RFC 9110 section 10.1.1).</summary>
    public required bool ExpectsContinue { get; init; }

    /// <summary>Whether there is none: what a parser that found no whole head leaves.</summary>
    public bool IsEmpty => _buffer is null;

    /// <summary>0 or 1: HTTP/1.0 or HTTP/1.1.</summary>
    public int MinorVersion => IsHttp11 ? 1 : 0;

    /// <summary>From the method to the empty line.</summary>
    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, _length);

    public ReadOnlySpan<HeaderField> Fields => _buffer is null ? default : MemoryMarshal.Cast<byte, HeaderField>(_buffer.AsSpan(TableStart(_length)));

    public bool IsChunked => ContentLength < 0;

    public bool IsHead => MethodLength == 4 && Method.SequenceEqual("HEAD"u8);

    public bool IsConnect => MethodLength == 7 && Method.SequenceEqual("CONNECT"u8);

    public ReadOnlySpan<byte> Method => _buffer.AsSpan(0, MethodLength);

    public ReadOnlySpan<byte> Target => _buffer.AsSpan(MethodLength + 1, TargetLength);

    public ReadOnlySpan<byte> Name(in HeaderField field) => _buffer.AsSpan(field.NameStart, field.NameLength);

    public ReadOnlySpan<byte> Value(in HeaderField field) => _buffer.AsSpan(field.ValueStart, field.ValueLength);

    private static int TableStart(int length) => (length + 3) & ~3;
}
