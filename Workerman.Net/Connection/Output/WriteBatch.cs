using System.Buffers;
using System.Runtime.InteropServices;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// What the connections of a loop have written and the sockets have not been given yet: answers, messages of timers and of other
/// connections, events. All that leaves a connection passes here, and leaves at the end of the turn, in its order, as many sends
/// at once as the loop makes with one system call and without a callback in between. It does not wait beyond the loop's
/// <see cref="FlushDeadline"/>, nor when it is large. It knows no protocol, and keeps nothing: what a socket does not take waits
/// with its connection (<see cref="SendQueue"/>). One per <see cref="ConnectionBuffers"/>; belongs to the loop's thread.
/// </summary>
internal sealed class WriteBatch(IEventLoop loop) : IDeferredWork
{
    /// <summary>How many sends are one system call at most.</summary>
    public const int MaxSends = 128;

    /// <summary>So many bytes do not wait for the end of the turn.</summary>
    private const int Limit = 64 * 1024;

    private readonly FlushDeadline _deadline = loop.FlushDeadline;
    private readonly OutputBuffer _buffer = new();
    private readonly List<Write> _writes = [];
    private readonly SocketSend[] _sends = new SocketSend[MaxSends];
    private int _next;
    private int _holds;
    private int _round;
    private bool _deferred;

    private struct Write(TcpConnection connection, int offset, int length)
    {
        public readonly TcpConnection Connection = connection;
        public readonly int Offset = offset;
        public int Length = length;
    }

    /// <summary>A message is about to be encoded. Followed by <see cref="End"/> or <see cref="Abandon"/>.</summary>
    /// <param name="mark">Where in the buffer it begins.</param>
    /// <returns>Where to encode it: a buffer of its own, if it is sent by an encoder that is at work on another
    /// message.</returns>
    public OutputBuffer Begin(out int mark)
    {
        OutputBuffer output = _holds++ == 0 ? _buffer : new OutputBuffer();
        mark = output.Length;
        return output;
    }

    /// <summary>It is encoded, and is to leave for a connection.</summary>
    /// <returns>Whether there is anything.</returns>
    public bool End(TcpConnection connection, OutputBuffer output, int mark)
    {
        _holds--;
        int length = output.Length - mark;
        if (length == 0) return false;
        if (output == _buffer)
        {
            if (!TryExtend(connection, mark, length)) Add(connection, mark, length);
            FlushOrDefer();
        }
        else
        {
            // The message around it is not finished, and this one leaves first.
            Flush();
            connection.Complete(connection.Write(output.Written));
        }
        return true;
    }

    /// <summary>It is not sent: its encoder failed, or the bytes were taken elsewhere.</summary>
    public void Abandon(OutputBuffer output, int mark)
    {
        _holds--;
        output.Truncate(mark);
    }

    /// <summary>Sends a connection bytes that are encoded already.</summary>
    public void Send(TcpConnection connection, ReadOnlySpan<byte> bytes)
    {
        OutputBuffer output = Begin(out int mark);
        output.Write(bytes);
        End(connection, output, mark);
    }

    /// <summary>
    /// Takes bytes that several connections are sent by <see cref="SendShared"/>. They are kept until <see cref="EndShared"/>.
    /// </summary>
    /// <returns>Where they are.</returns>
    public int BeginShared(ReadOnlySpan<byte> bytes)
    {
        _holds++;
        int offset = _buffer.Length;
        _buffer.Write(bytes);
        return offset;
    }

    /// <summary>Sends a connection the bytes that were taken last. That may call back for others, as any flush does.</summary>
    public void SendShared(TcpConnection connection, int offset)
    {
        Add(connection, offset, _buffer.Length - offset);
        if (_writes.Count - _next >= MaxSends) Flush();
    }

    /// <summary>Flushes what is left of them.</summary>
    public void EndShared()
    {
        _holds--;
        Flush();
    }

    /// <summary>A callback goes on sending: what waits leaves if it has waited long enough.</summary>
    public void FlushIfDue()
    {
        if (_next < _writes.Count && _deadline.HasPassed(LoopClock.Ticks)) Flush();
    }

    /// <summary>
    /// Sends all there is, in its order. What that calls back may send, and flush, in its turn: it then goes on where this one
    /// stands.
    /// </summary>
    public void Flush()
    {
        while (_next < _writes.Count)
        {
            if (TrySendSeveral()) continue;
            Write write = _writes[_next++];
            TcpConnection connection = write.Connection;
            connection.PendingWrites--;
            connection.Complete(connection.Write(_buffer.Written.Slice(write.Offset, write.Length)));
        }
        _writes.Clear();
        _next = 0;
        _deadline.Restart(LoopClock.Ticks);
        if (_holds == 0) _buffer.Clear();
    }

    void IDeferredWork.RunDeferred()
    {
        _deferred = false;
        Flush();
    }

    /// <summary>
    /// Makes one call for the next connections, but for one alone. It ends before what cannot leave as it is, and before a
    /// connection that is in it already: what it has here goes on from what the socket leaves of that.
    /// </summary>
    private bool TrySendSeveral()
    {
        ReadOnlySpan<Write> writes = CollectionsMarshal.AsSpan(_writes)[_next..];
        int round = ++_round;
        int count = 0;
        for (; count < Math.Min(writes.Length, MaxSends); count++)
        {
            TcpConnection connection = writes[count].Connection;
            if (connection.WriteRound == round || !connection.CanJoinBatch) break;
            connection.WriteRound = round;
            _sends[count] = connection.SendOf(writes[count].Offset, writes[count].Length);
        }
        if (count > 1) Send(writes[..count]);
        _sends.AsSpan(0, count).Clear();
        return count > 1;
    }

    private void Send(ReadOnlySpan<Write> writes)
    {
        ReadOnlySpan<byte> bytes = _buffer.Written;
        List<(TcpConnection Connection, WriteOutcome Outcome)>? unsent = null;
        loop.SendAll(bytes, _sends.AsSpan(0, writes.Length));
        for (int i = 0; i < writes.Length; i++)
        {
            ref readonly Write write = ref writes[i];
            write.Connection.PendingWrites--;
            WriteOutcome outcome =
                write.Connection.OnWritten(bytes.Slice(write.Offset, write.Length), _sends[i].Sent, _sends[i].Error);
            if (outcome != WriteOutcome.Sent) (unsent ??= []).Add((write.Connection, outcome));
        }
        _next += writes.Length;
        if (unsent is null) return;
        // Only now: a callback may send and flush, and these writes are over then.
        foreach ((TcpConnection connection, WriteOutcome outcome) in unsent) connection.Complete(outcome);
    }

    private void Add(TcpConnection connection, int offset, int length)
    {
        _writes.Add(new Write(connection, offset, length));
        connection.PendingWrites++;
    }

    /// <summary>What a connection sends right behind its own last bytes leaves together with them.</summary>
    private bool TryExtend(TcpConnection connection, int mark, int length)
    {
        if (_writes.Count <= _next) return false;
        ref Write last = ref CollectionsMarshal.AsSpan(_writes)[^1];
        if (last.Connection != connection || last.Offset + last.Length != mark) return false;
        last.Length += length;
        return true;
    }

    private void FlushOrDefer()
    {
        if (_buffer.Length >= Limit)
        {
            Flush();
        }
        else if (!_deferred)
        {
            _deferred = true;
            loop.Defer(this);
        }
    }
}
