using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;

namespace Workerman.Connection;

/// <summary>
/// Bytes of a connection that have to wait: a partial message, or what the socket did not take. Made when there are some
/// and dropped when they are gone, so that an idle connection has none. Belongs to the loop's thread.
/// </summary>
internal sealed class PendingBytes
{
    // No thresholds: the connection bounds what it appends, and nobody ever waits on the pipe.
    private static readonly PipeOptions Options = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline,
        pauseWriterThreshold: 0, useSynchronizationContext: false);

    private readonly Pipe _pipe = new(Options);

    public long Length { get; private set; }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        _pipe.Writer.Write(bytes);
        Flush(bytes.Length);
    }

    public void Append(in ReadOnlySequence<byte> bytes)
    {
        foreach (ReadOnlyMemory<byte> segment in bytes) _pipe.Writer.Write(segment.Span);
        Flush(bytes.Length);
    }

    /// <summary>All that waits. Followed by <see cref="Consume"/>, before anything else is called.</summary>
    public ReadOnlySequence<byte> Read()
    {
        _pipe.Reader.TryRead(out ReadResult result);
        return result.Buffer;
    }

    /// <summary>Ends a <see cref="Read"/>: <paramref name="rest"/> is what goes on waiting.</summary>
    public void Consume(in ReadOnlySequence<byte> rest)
    {
        Length = rest.Length;
        // Examined no further than consumed: the next Read shows the rest again without new bytes.
        _pipe.Reader.AdvanceTo(rest.Start);
    }

    /// <summary>The first piece of what waits. It stays valid until it is skipped.</summary>
    public ReadOnlyMemory<byte> First()
    {
        ReadOnlySequence<byte> all = Read();
        ReadOnlyMemory<byte> first = all.First;
        Consume(all);
        return first;
    }

    public void Skip(int count)
    {
        ReadOnlySequence<byte> all = Read();
        Consume(all.Slice(count));
    }

    /// <summary>Gives the memory back to its pool. The object is not used again.</summary>
    public void Discard()
    {
        _pipe.Writer.Complete();
        _pipe.Reader.Complete();
        Length = 0;
    }

    private void Flush(long count)
    {
        Length += count;
        ValueTask<FlushResult> flush = _pipe.Writer.FlushAsync();
        Debug.Assert(flush.IsCompletedSuccessfully, "without a threshold a flush ends at once");
    }
}
