using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Workerman.Protocols.Http;

/// <summary>
/// What the application reads a <see cref="StreamedBody"/> with: a pipe's reader that tells when reading begins, for
/// <c>100 Continue</c>, and how much was read, for the totals. For one thread at a time, whichever that is.
/// </summary>
internal sealed class StreamedBodyReader(StreamedBody body, PipeReader inner) : PipeReader
{
    private ReadOnlySequence<byte> _shown;
    private bool _isShown;

    /// <summary>Of the bytes that the application keeps, those that it has looked at.</summary>
    private long _seen;

    public override bool TryRead(out ReadResult result)
    {
        body.OnRead();
        if (!inner.TryRead(out result)) return false;
        (_shown, _isShown) = (result.Buffer, true);
        return true;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        body.OnRead();
        ValueTask<ReadResult> read = inner.ReadAsync(cancellationToken);
        if (!read.IsCompletedSuccessfully) return Wait(read);
        ReadResult result = read.Result;
        (_shown, _isShown) = (result.Buffer, true);
        return new ValueTask<ReadResult>(result);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        // Without a read before it, the pipe says what is wrong.
        long count = _isShown ? _shown.Slice(0, consumed).Length : 0;
        long seen = _isShown ? Math.Max(_seen, _shown.Slice(0, examined).Length) : _seen;
        body.OnConsumed(count, seen - _seen);
        (_shown, _isShown, _seen) = (default, false, Math.Max(0, seen - count));
        inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> Wait(ValueTask<ReadResult> read)
    {
        ReadResult result = await read;
        (_shown, _isShown) = (result.Buffer, true);
        return result;
    }
}

/// <summary>
/// A <see cref="PipeReader"/> as a stream that is never waited for: what has not come yet has to be awaited, because the loop
/// that a synchronous read would hold is the one that receives it. Completes the reader when it is disposed of. For one thread at
/// a time.
/// </summary>
internal sealed class PipeReaderStream(PipeReader reader) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer) => reader.TryRead(out ReadResult result)
        ? Take(result, buffer)
        : throw new InvalidOperationException("More of the body is still to come, and a synchronous read would hold the loop "
            + "that receives it. Cure: use ReadAsync or CopyToAsync, or await request.ReadBodyAsync() before.");

    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return Read(buffer.AsSpan(offset, count));
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Take(await reader.ReadAsync(cancellationToken), buffer.Span);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken) =>
        await reader.CopyToAsync(destination, cancellationToken);

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) reader.Complete();
        base.Dispose(disposing);
    }

    private int Take(in ReadResult result, Span<byte> into)
    {
        if (result.IsCanceled)
        {
            reader.AdvanceTo(result.Buffer.Start);
            throw new OperationCanceledException("The read was canceled by CancelPendingRead.");
        }
        ReadOnlySequence<byte> taken = result.Buffer.Slice(0, Math.Min(into.Length, result.Buffer.Length));
        taken.CopyTo(into);
        int count = (int)taken.Length;
        reader.AdvanceTo(taken.End);
        return count;
    }
}

/// <summary>The peer is gone, and so is the rest of a body.</summary>
internal sealed class BodyBrokenOffException()
    : IOException("The client's connection ended before the body of its request had come whole.");
