namespace Workerman.Protocols.Http;

/// <summary>Where a header field's name and value stand in the bytes of its head.</summary>
internal readonly record struct HeaderField(int NameStart, int NameLength, int ValueStart, int ValueLength);

/// <summary>
/// The head of one request as the parser judged it: its own copy of the bytes, where things stand in them, and what they
/// mean for the framing. Immutable; kept by its <see cref="Request"/>.
/// </summary>
internal sealed class RequestHead
{
    /// <summary>From the method to the empty line.</summary>
    public required byte[] Bytes { get; init; }

    public required HeaderField[] Fields { get; init; }

    public required int MethodLength { get; init; }

    public required int TargetLength { get; init; }

    /// <summary>0 or 1: HTTP/1.0 or HTTP/1.1.</summary>
    public required int MinorVersion { get; init; }

    /// <summary>Bytes of the body, -1 if it is chunked.</summary>
    public required long ContentLength { get; init; }

    /// <summary>Whether the connection may be used again (RFC 9112 section 9.3).</summary>
    public required bool KeepAlive { get; init; }

    /// <summary>Whether the client waits for 100 before it sends the body (RFC 9110 section 10.1.1).</summary>
    public required bool ExpectsContinue { get; init; }

    public bool IsChunked => ContentLength < 0;

    public bool IsHead => Method.SequenceEqual("HEAD"u8);

    public bool IsConnect => Method.SequenceEqual("CONNECT"u8);

    public ReadOnlySpan<byte> Method => Bytes.AsSpan(0, MethodLength);

    public ReadOnlySpan<byte> Target => Bytes.AsSpan(MethodLength + 1, TargetLength);

    public ReadOnlySpan<byte> Name(in HeaderField field) => Bytes.AsSpan(field.NameStart, field.NameLength);

    public ReadOnlySpan<byte> Value(in HeaderField field) => Bytes.AsSpan(field.ValueStart, field.ValueLength);
}
