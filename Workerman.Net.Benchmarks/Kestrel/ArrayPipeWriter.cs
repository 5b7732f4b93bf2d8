using System.IO.Pipelines;

namespace Workerman.Benchmarks.Kestrel;

/// <summary>
/// A pipe writer over one array, the counterpart of our output buffer: nothing is copied or sent after the writing. One thread.
/// </summary>
internal sealed class ArrayPipeWriter : PipeWriter
{
    private readonly byte[] _buffer = new byte[64 * 1024];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    public void Clear() => Length = 0;

    public override void Advance(int bytes) => Length += bytes;

    public override Memory<byte> GetMemory(int sizeHint = 0) => _buffer.AsMemory(Length);

    public override Span<byte> GetSpan(int sizeHint = 0) => _buffer.AsSpan(Length);

    public override void CancelPendingFlush() => throw new NotSupportedException();

    public override void Complete(Exception? exception = null) => throw new NotSupportedException();

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();
}
