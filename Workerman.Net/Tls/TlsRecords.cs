using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;

namespace Workerman.Tls;

/// <summary>Why a peer is refused (RFC 8446 section 6.2), where the runtime does not say it itself.</summary>
internal enum TlsAlert : byte
{
    /// <summary>Section 5: a record of no type that there is, or one that must not be empty.</summary>
    UnexpectedMessage = 10,

    /// <summary>Section 5.2: a record that is longer than any.</summary>
    RecordOverflow = 22,

    /// <summary>No agreement, for a reason that no other alert has.</summary>
    HandshakeFailure = 40,
}

/// <summary>
/// The wire as <see cref="System.Net.Security.SslStream"/> sees it: a stream in memory. What it reads are whole records (RFC 8446
/// section 5.1), one at a time, so that it never has bytes of its own when a read of its ends; a read that finds none waits
/// without a thread, and goes on within <see cref="Complete"/>. What it writes goes to <see cref="Output"/> or waits to be taken.
/// It knows no socket and no cryptography. Belongs to one <see cref="TlsFilter"/>, on the thread that made it; a read or write
/// from another thread touches nothing but what is said there.
/// </summary>
internal sealed class TlsRecords(ITlsOwner? owner) : Stream, IValueTaskSource<int>
{
    private const int HeaderSize = 5;

    /// <summary>Section 5.2 and RFC 5246 section 6.2.3: no record is longer.</summary>
    private const int MaxRecordSize = HeaderSize + 16 * 1024 + 2048;

    private readonly int _thread = Environment.CurrentManagedThreadId;
    private ManualResetValueTaskSourceCore<int> _source;
    private ReadOnlyMemory<byte> _input;
    private byte[]? _kept;
    private int _recordLeft;
    private Memory<byte> _wanted;
    private bool _reading;
    private bool _disposed;
    private ArrayBufferWriter<byte>? _own;
    private bool _wasRead;
    private bool _wasWritten;

    /// <summary>
    /// Where the bytes of a write that was asked for go. Null: what is written then waits for <see cref="TakeOutput"/>.
    /// </summary>
    public IBufferWriter<byte>? Output { get; set; }

    /// <summary>Whether a read waits for a record.</summary>
    public bool IsReading => Volatile.Read(ref _reading);

    /// <summary>Whether there is a whole record to read.</summary>
    public bool HasRecord => _recordLeft > 0 || RecordLength(_input.Span) is > 0 and var length && length <= _input.Length;

    /// <summary>
    /// Whether what comes next is no record at all, which the first byte tells: the type, 20 to 24. RFC 8446 section 5.1: but for
    /// application data, none is empty.
    /// </summary>
    public bool IsNotTls => _recordLeft == 0 && _input.Span is [< 20 or > 24, ..] or [20 or 21 or 22, _, _, 0, 0, ..];

    /// <summary>Whether what comes next says that it is longer than any record, which is not waited for.</summary>
    public bool IsTooLong => _recordLeft == 0 && RecordLength(_input.Span) > MaxRecordSize;

    /// <summary>
    /// Whether alerts are not encrypted yet: both sides have keys only when one has read the other's first record and answered
    /// it.
    /// </summary>
    public bool IsWithoutKeys => !_wasRead || !_wasWritten;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>The array that holds what was not read; null while nothing is kept.</summary>
    public byte[]? Kept => _kept;

    /// <summary>More has arrived. The memory is borrowed until <see cref="Keep"/>.</summary>
    public void Add(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        if (_input.IsEmpty)
        {
            _input = bytes;
            return;
        }
        int length = _input.Length + bytes.Length;
        if (!HasRoomFor(bytes.Length, out int offset)) offset = CopyInput(length);
        bytes.CopyTo(_kept.AsMemory(offset + _input.Length));
        _input = _kept.AsMemory(offset, length);
    }

    /// <summary>Copies what was not read, so that the borrowed memory is free again; an idle connection keeps nothing.</summary>
    public void Keep()
    {
        if (_input.IsEmpty) ReleaseKept();
        else if (!IsKept(out _)) CopyInput(_input.Length);
    }

    /// <summary>Drops what was not read.</summary>
    public void Discard()
    {
        _input = default;
        _recordLeft = 0;
        ReleaseKept();
    }

    /// <summary>Lets a read that waits go on, here and now, if there is a record for it.</summary>
    public void Complete()
    {
        if (!IsReading || !HasRecord) return;
        int count = Take(_wanted.Span);
        _wanted = default;
        _reading = false;
        _source.SetResult(count);
    }

    /// <summary>What was written of its own accord: handshake, alerts, answers to the peer's key updates.</summary>
    public ReadOnlySpan<byte> TakeOutput()
    {
        ReadOnlySpan<byte> written = _own is null ? default : _own.WrittenSpan;
        _own = null;
        return written;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        bool offThread = Environment.CurrentManagedThreadId != _thread;
        if (!offThread && HasRecord) return new ValueTask<int>(Take(buffer.Span));
        _source.Reset();
        _wanted = buffer;
        Volatile.Write(ref _reading, true);
        var read = new ValueTask<int>(this, _source.Version);
        // The input is the owner's alone: it goes on there.
        if (offThread) owner?.WakeHandshake();
        return read;
    }

    /// <summary>Tells the peer why it is refused, before there are keys (section 6: level and description).</summary>
    public void WriteAlert(TlsAlert description)
    {
        const byte Alert = 21;
        const byte Fatal = 2;
        Write([Alert, 3, 3, 0, 2, Fatal, (byte)description]);
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _wasWritten = true;
        if (Output is { } output && Environment.CurrentManagedThreadId == _thread) output.Write(buffer);
        else (_own ??= new ArrayBufferWriter<byte>()).Write(buffer);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Write(buffer.Span);
        return default;
    }

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("Reads of the wire do not block.");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    int IValueTaskSource<int>.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token,
        ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (_disposed) return;
        _disposed = true;
        Discard();
        if (!IsReading) return;
        _reading = false;
        _source.SetException(new ObjectDisposedException(nameof(TlsRecords)));
    }

    private int Take(Span<byte> buffer)
    {
        // A read of nothing asks only whether there is something.
        if (buffer.IsEmpty) return 0;
        if (_recordLeft == 0) _recordLeft = RecordLength(_input.Span);
        _wasRead = true;
        int count = Math.Min(buffer.Length, _recordLeft);
        _input.Span[..count].CopyTo(buffer);
        _input = _input[count..];
        _recordLeft -= count;
        return count;
    }

    /// <summary>How long the record at the start is, 0 where that is not known yet.</summary>
    private static int RecordLength(ReadOnlySpan<byte> input) =>
        input.Length < HeaderSize ? 0 : HeaderSize + BinaryPrimitives.ReadUInt16BigEndian(input[3..]);

    private bool IsKept(out int offset)
    {
        offset = 0;
        if (_kept is null || !MemoryMarshal.TryGetArray(_input, out ArraySegment<byte> segment) || segment.Array != _kept)
            return false;
        offset = segment.Offset;
        return true;
    }

    private bool HasRoomFor(int count, out int offset) => IsKept(out offset) && _kept!.Length - offset - _input.Length >= count;

    /// <summary>
    /// Copies the input to the start of an array that has room for <paramref name="length"/> bytes and for the record that has
    /// begun.
    /// </summary>
    private int CopyInput(int length)
    {
        byte[] kept = ArrayPool<byte>.Shared.Rent(Math.Max(length, Math.Min(RecordLength(_input.Span), MaxRecordSize)));
        _input.CopyTo(kept);
        _input = kept.AsMemory(0, _input.Length);
        ReleaseKept();
        _kept = kept;
        return 0;
    }

    private void ReleaseKept()
    {
        if (_kept is null) return;
        ArrayPool<byte>.Shared.Return(_kept);
        _kept = null;
    }
}
