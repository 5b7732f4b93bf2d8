using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// Checks whether bytes that arrive in pieces are UTF-8; it knows at the first byte that makes them invalid (RFC 6455 section
/// 8.1). A value of the protocol; pure.
/// </summary>
internal struct Utf8Check
{
    private uint _begun;
    private int _begunLength;

    /// <summary>Whether the bytes so far end with a whole character.</summary>
    public readonly bool IsAtBoundary => _begunLength == 0;

    /// <summary>Takes the next piece.</summary>
    /// <returns>Whether all is valid so far. After a false the object cannot be used any more.</returns>
    public bool Append(ReadOnlySpan<byte> piece)
    {
        while (_begunLength > 0 && !piece.IsEmpty)
        {
            if (!AppendToBegun(piece[0])) return false;
            piece = piece[1..];
        }
        int whole = piece.Length - LengthOfTail(piece);
        if (!Utf8.IsValid(piece[..whole])) return false;
        foreach (byte next in piece[whole..])
        {
            if (!AppendToBegun(next)) return false;
        }
        return true;
    }

    /// <summary>How many bytes at the end begin a character and do not end it, provided that they are valid.</summary>
    private static int LengthOfTail(ReadOnlySpan<byte> piece)
    {
        for (int length = 1; length <= Math.Min(3, piece.Length); length++)
        {
            byte lead = piece[^length];
            // A continuation byte: the lead byte stands before it.
            if ((lead & 0xC0) == 0x80) continue;
            int size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
            return size > length ? length : 0;
        }
        return 0;
    }

    private bool AppendToBegun(byte next)
    {
        _begun |= (uint)next << (8 * _begunLength++);
        Span<byte> bytes = [(byte)_begun, (byte)(_begun >> 8), (byte)(_begun >> 16), (byte)(_begun >> 24)];
        OperationStatus status = Rune.DecodeFromUtf8(bytes[.._begunLength], out _, out _);
        if (status == OperationStatus.NeedMoreData) return true;
        _begun = 0;
        _begunLength = 0;
        return status == OperationStatus.Done;
    }
}
