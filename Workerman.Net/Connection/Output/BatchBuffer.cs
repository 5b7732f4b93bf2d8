using System.Runtime.InteropServices;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// Where one piece of a message is: in the buffer that it was encoded to, or in an array that the buffer refers to. A value, for
/// as long as the buffer is not written to.
/// </summary>
/// <param name="Source">The array; null for the buffer itself. Nobody changes it.</param>
/// <param name="Offset">Where the piece begins there.</param>
/// <param name="Length">How many bytes it has, at least 1.</param>
internal readonly record struct MessagePiece(byte[]? Source, int Offset, int Length)
{
    /// <summary>The bytes, where nobody changes them any more; otherwise nothing.</summary>
    public ReadOnlyMemory<byte> Lasting => Source is null ? default : Source.AsMemory(Offset, Length);
}

/// <summary>
/// The buffer of a <see cref="WriteBatch"/>: encoders write to it, and have it refer to large arrays that nobody changes any more
/// (<see cref="IReferencingWriter"/>). The references are those of the message that is being encoded, and end with it. Belongs to
/// its batch, on the loop's thread.
/// </summary>
internal sealed class BatchBuffer : OutputBuffer, IReferencingWriter
{
    private List<(int At, ArraySegment<byte> Bytes)>? _references;

    /// <summary>Whether the message refers to arrays.</summary>
    public bool HasReferences => _references is { Count: > 0 };

    public void Reference(ArraySegment<byte> bytes)
    {
        if (bytes.Count > 0) (_references ??= []).Add((Length, bytes));
    }

    /// <summary>Gives the message, which begins at <paramref name="mark"/>, piece by piece in its order.</summary>
    public Pieces PiecesFrom(int mark) => new(this, mark);

    /// <summary>The message has been taken, or given up.</summary>
    public void DropReferences() => _references?.Clear();

    /// <summary>Bytes of a piece; valid as long as the buffer is not written to.</summary>
    public ReadOnlySpan<byte> BytesOf(in MessagePiece piece) =>
        piece.Source is null ? Written.Slice(piece.Offset, piece.Length) : piece.Source.AsSpan(piece.Offset, piece.Length);

    /// <summary>Walks over the pieces of a message.</summary>
    internal ref struct Pieces(BatchBuffer buffer, int mark)
    {
        private readonly ReadOnlySpan<(int At, ArraySegment<byte> Bytes)> _references =
            CollectionsMarshal.AsSpan(buffer._references);

        private int _at = mark;
        private int _next;

        public MessagePiece Current { get; private set; }

        public readonly Pieces GetEnumerator() => this;

        public bool MoveNext()
        {
            int end = _next < _references.Length ? _references[_next].At : buffer.Length;
            if (end > _at)
            {
                Current = new MessagePiece(null, _at, end - _at);
                _at = end;
                return true;
            }
            if (_next == _references.Length) return false;
            ArraySegment<byte> bytes = _references[_next++].Bytes;
            Current = new MessagePiece(bytes.Array, bytes.Offset, bytes.Count);
            return true;
        }
    }
}
