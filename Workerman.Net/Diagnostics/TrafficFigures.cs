namespace Workerman.Diagnostics;

/// <summary>
/// What one worker has had to do with its peers on one loop: connections, messages, bytes, failures. It only counts; what the
/// figures mean to a user stands in <c>WorkerStatistics</c>. Written on the loop's thread alone, by plain additions without a
/// lock; read by any thread, one figure after another.
/// </summary>
/// <param name="worker">Whose they are; null for what no worker has made: client connections.</param>
/// <param name="loop">The loop; null for that of a test.</param>
internal class TrafficFigures(WorkerFigures? worker, LoopFigures? loop)
{
    private long _connections;
    private long _totalConnections;
    private long _requests;
    private long _exceptions;
    private long _sendFailures;
    private long _buffersFull;
    private long _bytesRead;
    private long _bytesWritten;

    public WorkerFigures? Worker => worker;

    public virtual LoopFigures? Loop => loop;

    /// <summary>The name of the worker; empty for client connections.</summary>
    public string WorkerName => worker?.Name ?? "";

    public long Connections => Volatile.Read(ref _connections);

    public long TotalConnections => Volatile.Read(ref _totalConnections);

    public long Requests => Volatile.Read(ref _requests);

    public long Exceptions => Volatile.Read(ref _exceptions);

    public long SendFailures => Volatile.Read(ref _sendFailures);

    public long BuffersFull => Volatile.Read(ref _buffersFull);

    public long BytesRead => Volatile.Read(ref _bytesRead);

    public long BytesWritten => Volatile.Read(ref _bytesWritten);

    /// <summary>Whether they are among what has ended. Under the registry's lock.</summary>
    public bool IsRetired { get; set; }

    public void CountOpened()
    {
        Volatile.Write(ref _connections, _connections + 1);
        Volatile.Write(ref _totalConnections, _totalConnections + 1);
    }

    public void CountClosed() => Volatile.Write(ref _connections, _connections - 1);

    public void CountRequest() => Volatile.Write(ref _requests, _requests + 1);

    /// <summary>Something that a callback has not caught; it may come after the end of the loop, from another thread.</summary>
    public void CountException()
    {
        Interlocked.Increment(ref _exceptions);
        if (IsRetired) FigureRegistry.AddLateException();
    }

    public void CountSendFailure() => Volatile.Write(ref _sendFailures, _sendFailures + 1);

    public void CountBufferFull() => Volatile.Write(ref _buffersFull, _buffersFull + 1);

    public void CountRead(int bytes) => Volatile.Write(ref _bytesRead, _bytesRead + bytes);

    public void CountWritten(int bytes) => Volatile.Write(ref _bytesWritten, _bytesWritten + bytes);
}
