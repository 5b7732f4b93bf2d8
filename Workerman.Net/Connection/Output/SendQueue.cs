using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// What one connection has that its socket has not taken: bytes, the file that follows them, and messages that are held until the
/// peer can be sent any. Made when there is something and dropped when all has left, so that an idle connection has none. It
/// sends nothing: its connection does, and owns it, on the loop's thread.
/// </summary>
internal sealed class SendQueue
{
    private UnsentBytes? _bytes;
    private UnsentBytes? _held;

    /// <summary>How many bytes wait for the socket.</summary>
    public long Length => _bytes?.Length ?? 0;

    /// <summary>How many bytes are held.</summary>
    public long HeldLength => _held?.Length ?? 0;

    /// <summary>
    /// The file that follows the bytes; null for none. There is one at most: the protocol is not ready before it has left.
    /// </summary>
    public FileRange? File { get; set; }

    /// <summary>Whether the socket has been told to send a piece of the file.</summary>
    public bool FileIsOrdered { get; set; }

    /// <summary>Whether the first piece of the file has just been found in memory, for the send before it.</summary>
    public bool FileIsCached { get; set; }

    /// <summary>Whether the socket has something of its own to send before it ends (TLS: close_notify).</summary>
    public bool AwaitsSocket { get; set; }

    /// <summary>Whether the peer is told, once all has left, that no more is sent.</summary>
    public bool EndsSending { get; set; }

    /// <summary>When the peer took something last, on the loop's clock.</summary>
    public long ProgressAt { get; set; }

    /// <summary>Whether something waits for the peer to read. What is held does not.</summary>
    public bool HasUnsent => _bytes is not null || File is not null || AwaitsSocket;

    public bool IsEmpty => !HasUnsent && _held is null && !EndsSending;

    /// <summary>Adds bytes behind those that wait for the socket.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="lasting">The same, where nobody changes them any more; otherwise nothing.</param>
    public void Append(ReadOnlySpan<byte> bytes, ReadOnlyMemory<byte> lasting) =>
        (_bytes ??= new UnsentBytes()).Append(bytes, lasting);

    /// <summary>The first piece of the bytes. It stays valid until it is skipped.</summary>
    public ReadOnlyMemory<byte> First() => _bytes!.First(out _);

    /// <summary>The socket has taken bytes.</summary>
    public void Skip(int count)
    {
        _bytes!.Skip(count);
        if (_bytes.Length > 0) return;
        _bytes.Discard();
        _bytes = null;
    }

    /// <summary>Adds bytes behind those that are held.</summary>
    /// <inheritdoc cref="Append"/>
    public void Hold(ReadOnlySpan<byte> bytes, ReadOnlyMemory<byte> lasting) =>
        (_held ??= new UnsentBytes()).Append(bytes, lasting);

    /// <summary>What was held, which is the caller's from here on; null for nothing.</summary>
    public UnsentBytes? TakeHeld()
    {
        UnsentBytes? held = _held;
        _held = null;
        return held;
    }

    /// <summary>Whether there is nothing but bytes, and no more than so many.</summary>
    public bool HasOnlyBytes(int most) => Length <= most && File is null && _held is null && !AwaitsSocket && !EndsSending;

    /// <summary>Takes the bytes that wait for the socket, without the first ones.</summary>
    public byte[] TakeBytes(int from)
    {
        byte[] taken = new byte[Length];
        for (int at = 0; at < taken.Length;)
        {
            ReadOnlyMemory<byte> piece = First();
            piece.CopyTo(taken.AsMemory(at));
            at += piece.Length;
            Skip(piece.Length);
        }
        return taken[from..];
    }

    public void DropFile()
    {
        File?.Dispose();
        File = null;
        FileIsOrdered = false;
    }

    /// <summary>Gives all memory back, and closes the file.</summary>
    public void Discard()
    {
        DropFile();
        _bytes?.Discard();
        _held?.Discard();
        _bytes = _held = null;
    }
}
