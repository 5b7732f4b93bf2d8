using System.Buffers;
using System.IO.Pipelines;

namespace Workerman.Protocols.Http;

/// <summary>
/// The body of one request on its way to a handler that reads it as it comes: what has come and was not read yet. Beyond
/// <see cref="MostUnread"/> bytes of that nothing more is taken from the peer; nor while all bodies together have as many bytes
/// in memory as they may, and the handler has not seen what has come of this one. It decodes and judges nothing. Filled by its
/// <see cref="RequestBody"/> on the loop's thread; read by the application, from any one thread at a time.
/// </summary>
/// <param name="options">Where what is unread is counted.</param>
internal sealed class StreamedBody(HttpOptions options)
{
    /// <summary>Bytes that may wait for the handler.</summary>
    public const int MostUnread = 256 * 1024;

    /// <summary>Bytes that are received at once at most.</summary>
    private const int Piece = 64 * 1024;

    // What follows an await goes to the loop, where the handler has been called; without a context to the thread pool, and
    // never into the midst of what fills the pipe.
    private static readonly PipeOptions Bounds = new(
        readerScheduler: PipeScheduler.ThreadPool, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: MostUnread,
        resumeWriterThreshold: MostUnread / 2, minimumSegmentSize: Piece, useSynchronizationContext: true);

    private readonly Pipe _pipe = new(Bounds);
    private readonly Lock _gate = new();

    /// <summary>Bytes that the totals have of it; none any more once it is forgotten.</summary>
    private long _counted;

    /// <summary>Those of them that the handler has not looked at.</summary>
    private long _unseen;
    private bool _isForgotten;

    /// <summary>Whether the handler has taken some of it.</summary>
    private bool _isBegun;

    /// <summary>Whether there is no room in memory for more, before the handler has seen what there is.</summary>
    private bool _waitsForHandler;
    private volatile bool _isPaused;
    private volatile bool _isWanted;
    private bool _hasEnded;

    /// <summary>Called, from any thread, when the handler begins to read, and when there is room again.</summary>
    public Action? GoOn { get; set; }

    /// <summary>What the application reads.</summary>
    public PipeReader Reader => field ??= new StreamedBodyReader(this, _pipe.Reader);

    /// <summary>Whether more is to be taken from the peer. If not, <see cref="GoOn"/> is called when it is.</summary>
    public bool TakesMore()
    {
        if (_isPaused || _hasEnded) return false;
        if (options.Bodies.Memory < options.MaxBodyMemory) return true;
        lock (_gate) return !(_waitsForHandler = _unseen > 0);
    }

    /// <summary>Whether the handler has begun to read.</summary>
    public bool IsWanted => _isWanted;

    /// <summary>Whether content codings were taken off.</summary>
    public bool IsDecoded { get; init; }

    /// <summary>Bytes that are to come, -1 if that is not known.</summary>
    public long Expected { get; init; } = -1;

    /// <summary>Takes bytes in, which the handler sees with <see cref="Flush"/>.</summary>
    /// <exception cref="BodiesFullException">All bodies together have as many bytes as they may.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_hasEnded) return;
        Count(bytes.Length);
        _pipe.Writer.Write(bytes);
    }

    /// <summary>Room for what comes next.</summary>
    public Span<byte> Room(long most)
    {
        if (!TakesMore()) return default;
        Span<byte> room = _pipe.Writer.GetSpan(Piece);
        return room.Length > most ? room[..(int)most] : room;
    }

    /// <summary>So many bytes were received into the <see cref="Room"/>.</summary>
    /// <exception cref="BodiesFullException">All bodies together have as many bytes as they may.</exception>
    public void Advance(int count)
    {
        Count(count);
        _pipe.Writer.Advance(count);
    }

    /// <summary>Shows the handler what has come.</summary>
    public void Flush()
    {
        if (_hasEnded || _isPaused) return;
        ValueTask<FlushResult> flush = _pipe.Writer.FlushAsync();
        if (flush.IsCompletedSuccessfully)
        {
            // The handler wants no more of it. What is still to come waits with the peer until the request is answered.
            _isPaused = flush.Result.IsCompleted;
            return;
        }
        _isPaused = true;
        flush.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(() => Resume(flush));
    }

    /// <summary>All of it has come.</summary>
    public void Complete() => End(null);

    /// <summary>No more comes, and what the handler reads of it fails.</summary>
    public void Fail(Exception reason) => End(reason);

    /// <summary>The handler reads.</summary>
    public void OnRead()
    {
        if (_isWanted) return;
        _isWanted = true;
        GoOn?.Invoke();
    }

    /// <exception cref="InvalidOperationException">Some of it was read already, so that what is left is not all.</exception>
    public void ThrowIfBegun()
    {
        lock (_gate)
        {
            if (_isBegun)
                throw new InvalidOperationException("Some of the body was read already, and is not there any more. "
                    + "Cure: read all of it in the same way, from its beginning.");
        }
    }

    /// <summary>The handler is done with so many bytes, and has looked at so many which it had not seen before.</summary>
    public void OnConsumed(long count, long seen)
    {
        bool goesOn;
        lock (_gate)
        {
            _isBegun |= count > 0;
            if (_isForgotten) return;
            _counted -= count;
            _unseen -= seen;
            goesOn = _waitsForHandler && _unseen == 0;
            if (goesOn) _waitsForHandler = false;
        }
        options.Bodies.AddMemory(-count);
        if (goesOn) GoOn?.Invoke();
    }

    /// <summary>The request is done: whatever the handler has not read counts no longer.</summary>
    public void Forget()
    {
        long left;
        lock (_gate)
        {
            left = _isForgotten ? 0 : _counted;
            _isForgotten = true;
        }
        options.Bodies.AddMemory(-left);
    }

    /// <summary>
    /// What was received while there was room is taken in: beyond the limit one piece, so that no body waits for another. But a
    /// handler that has seen all there is, and keeps it, gets no more.
    /// </summary>
    private void Count(int count)
    {
        lock (_gate)
        {
            options.Bodies.TakeReceived(count, keepsAll: _counted > 0 && _unseen == 0, options);
            _counted += count;
            _unseen += count;
        }
    }

    private void Resume(ValueTask<FlushResult> flush)
    {
        // A reader that was completed wants no more.
        _isPaused = flush.Result.IsCompleted;
        if (!_isPaused) GoOn?.Invoke();
    }

    private void End(Exception? reason)
    {
        if (_hasEnded) return;
        _hasEnded = true;
        GoOn = null;
        _pipe.Writer.Complete(reason);
    }
}
