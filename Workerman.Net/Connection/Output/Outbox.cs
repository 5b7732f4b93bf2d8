using System.Diagnostics;
using System.Runtime.InteropServices;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// What connections have sent in this turn: answers, and what timers and other connections send them. It leaves at the end of the turn, as many sends at once as the loop
/// can make with one system call (<see cref="SendBatch"/>) and without a callback in between: a thousand timers that send an event each cost two fifths less than with a call for each send, and those a tenth less than with
/// a send in every callback (the referee's <c>sse</c>). The loop does not let it wait longer than half a millisecond once a callback has returned. One per worker and loop; belongs to the loop's thread.
/// </summary>
internal sealed class Outbox(IEventLoop loop) : IDeferredWork
{
    /// <summary>So many bytes do not wait for the end of the turn.</summary>
    private const int Limit = 64 * 1024;

    /// <summary>Nor do they wait when a callback goes on sending and the last flush is so long ago: half a millisecond.</summary>
    private static readonly long Patience = Stopwatch.Frequency / 2000;

    private readonly List<Entry> _entries = [];
    private readonly SendBatch _batch = new(loop);
    private int _next;
    private int _encoding;
    private bool _deferred;
    private long _flushedAt;

    private struct Entry(TcpConnection connection, int offset, int length)
    {
        public readonly TcpConnection Connection = connection;
        public readonly int Offset = offset;
        public int Length = length;
    }

    /// <summary>Where messages are encoded.</summary>
    public OutputBuffer Buffer { get; } = new();

    /// <summary>Whether a message is being encoded at this moment, and so the buffer has no place for another.</summary>
    public bool IsBusy => _encoding > 0;

    /// <summary>An encoder begins to write to <see cref="Buffer"/>.</summary>
    public void Begin() => _encoding++;

    /// <summary>It is done: what follows <paramref name="mark"/> is to leave for a connection.</summary>
    /// <returns>Whether there is anything.</returns>
    public bool End(TcpConnection connection, int mark)
    {
        _encoding--;
        int length = Buffer.Length - mark;
        if (length == 0) return false;
        if (!TryExtend(connection, mark, length))
        {
            _entries.Add(new Entry(connection, mark, length));
            connection.Outboxed++;
        }
        if (Buffer.Length >= Limit) Flush();
        else Defer();
        return true;
    }

    /// <summary>A callback has sent what it had to send: it leaves if the last flush is long ago.</summary>
    public void FlushIfOld()
    {
        if (_next < _entries.Count && Stopwatch.GetTimestamp() - _flushedAt > Patience) Flush();
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
            if (FlushSeveral()) continue;
            Entry entry = _entries[_next++];
            entry.Connection.Outboxed--;
            entry.Connection.SendOutboxed(Buffer.Written.Slice(entry.Offset, entry.Length));
        }
        _entries.Clear();
        _next = 0;
        _flushedAt = Stopwatch.GetTimestamp();
        if (!IsBusy) Buffer.Clear();
    }

    void IDeferredWork.RunDeferred()
    {
        _deferred = false;
        Flush();
    }

    /// <summary>Sends in one go what the next connections have there, but for one alone, and for what cannot leave as it is.</summary>
    private bool FlushSeveral()
    {
        ReadOnlySpan<Entry> entries = CollectionsMarshal.AsSpan(_entries)[_next..];
        for (int i = 0; i < Math.Min(entries.Length, SendBatch.Capacity); i++)
        {
            TcpConnection connection = entries[i].Connection;
            // Below zero: it is in the batch already, and what it has here goes on from what the socket leaves of that.
            if (connection.Outboxed < 0 || !connection.SendsAtOnce) break;
            connection.Outboxed = -connection.Outboxed;
            _batch.Add(connection, entries[i].Offset, entries[i].Length);
        }
        int count = _batch.Count;
        int sent = count > 1 ? 1 : 0;
        foreach (ref readonly Entry entry in entries[..count]) entry.Connection.Outboxed = -entry.Connection.Outboxed - sent;
        if (sent == 0)
        {
            _batch.Clear();
            return false;
        }
        _next += count;
        if (_batch.Send(Buffer.Written) is { } unsent)
        {
            foreach (SendBatch.Unsent one in unsent) one.Settle();
        }
        return true;
    }

    /// <summary>What a connection sends right behind its own last bytes leaves together with them.</summary>
    private bool TryExtend(TcpConnection connection, int mark, int length)
    {
        if (_entries.Count <= _next) return false;
        ref Entry last = ref CollectionsMarshal.AsSpan(_entries)[^1];
        if (last.Connection != connection || last.Offset + last.Length != mark) return false;
        last.Length += length;
        return true;
    }

    private void Defer()
    {
        if (_deferred) return;
        _deferred = true;
        loop.Defer(this);
    }
}
