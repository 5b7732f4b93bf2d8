using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// What connections sent outside their own read batches in this turn: from timers, after an await, to each other. It leaves at the end of the turn,
/// send by send without a callback in between: a thousand timers that send an event each cost a tenth less than with a send in every callback
/// (the referee's <c>sse</c>), because neither the callbacks' code nor the system's has to be fetched anew for each. One per worker and loop; belongs to the
/// loop's thread.
/// </summary>
internal sealed class Outbox(IEventLoop loop) : IDeferredWork
{
    /// <summary>So much does not wait for the end of the turn.</summary>
    private const int Limit = 64 * 1024;

    private readonly List<Entry> _entries = [];
    private int _next;
    private int _encoding;
    private bool _deferred;

    private record struct Entry(TcpConnection Connection, int Offset, int Length);

    /// <summary>Where messages are encoded.</summary>
    public OutputBuffer Buffer { get; } = new();

    /// <summary>Whether a message is being encoded at this moment, and so the buffer has no place for another.</summary>
    public bool IsBusy => _encoding > 0;

    /// <summary>An encoder begins to write to <see cref="Buffer"/>.</summary>
    public void Begin() => _encoding++;

    /// <summary>It is done: what follows <paramref name="mark"/> is to leave for a connection.</summary>
    public void End(TcpConnection connection, int mark)
    {
        _encoding--;
        int length = Buffer.Length - mark;
        if (length == 0) return;
        if (_entries.Count > _next && _entries[^1] is var last && last.Connection == connection && last.Offset + last.Length == mark)
        {
            _entries[^1] = last with { Length = last.Length + length };
        }
        else
        {
            _entries.Add(new Entry(connection, mark, length));
            connection.Outboxed++;
        }
        if (Buffer.Length >= Limit) Flush();
        else Defer();
    }

    /// <summary>It failed: nothing of what follows <paramref name="mark"/> leaves.</summary>
    public void Abandon(int mark)
    {
        _encoding--;
        Buffer.Truncate(mark);
    }

    /// <summary>
    /// Sends all there is, in its order. What that calls back may send, and flush, in its turn: it then goes on where this one stands.
    /// </summary>
    public void Flush()
    {
        while (_next < _entries.Count)
        {
            Entry entry = _entries[_next++];
            entry.Connection.Outboxed--;
            entry.Connection.SendOutboxed(Buffer.Written.Slice(entry.Offset, entry.Length));
        }
        _entries.Clear();
        _next = 0;
        if (!IsBusy) Buffer.Clear();
    }

    void IDeferredWork.RunDeferred()
    {
        _deferred = false;
        Flush();
    }

    private void Defer()
    {
        if (_deferred) return;
        _deferred = true;
        loop.Defer(this);
    }
}
