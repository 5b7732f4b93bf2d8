using System.Buffers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Workerman.Events;
using Workerman.Tls;

namespace Workerman.Connection;

/// <summary>
/// What the connections of a loop have written and the sockets have not been given yet: answers, messages of timers and of other
/// connections, events. All that leaves a connection passes here, and leaves at the end of the turn, in its order, as many sends
/// at once as the loop makes with one system call and without a callback in between. It does not wait beyond the loop's
/// <see cref="FlushDeadline"/>, nor when it is large. Large arrays that nobody changes it refers to, and copies none of them. It
/// knows no protocol, and keeps nothing: what a socket does not take waits with its connection (<see cref="SendQueue"/>). One per
/// <see cref="ConnectionBuffers"/>; belongs to the loop's thread.
/// </summary>
internal sealed class WriteBatch(IEventLoop loop) : IDeferredWork
{
    /// <summary>How many sends are one system call at most.</summary>
    public const int MaxSends = 128;

    /// <summary>So many bytes do not wait for the end of the turn.</summary>
    private const int Limit = 64 * 1024;

    /// <summary>So many bytes of ciphertext end a call.</summary>
    private const int MostCiphertext = 256 * 1024;

    private readonly FlushDeadline _deadline = loop.FlushDeadline;
    private readonly BatchBuffer _buffer = new();
    private readonly List<Write> _writes = [];
    private readonly SocketSend[] _sends = new SocketSend[MaxSends];

    /// <summary>What the connections of one call send encrypted; null before the first.</summary>
    private OutputBuffer? _ciphertext;

    private int _next;
    private int _holds;
    private int _round;
    private bool _deferred;

    /// <summary>Bytes that wait in arrays that the batch refers to.</summary>
    private long _referenced;

    private struct Write(TcpConnection connection, in MessagePiece piece)
    {
        public readonly TcpConnection Connection = connection;
        public readonly byte[]? Source = piece.Source;
        public readonly int Offset = piece.Offset;
        public int Length = piece.Length;

        public readonly MessagePiece Piece => new(Source, Offset, Length);
    }

    /// <summary>A message is about to be encoded. Followed by <see cref="End"/> or <see cref="Abandon"/>.</summary>
    /// <param name="mark">Where in the buffer it begins.</param>
    /// <returns>Where to encode it: a buffer of its own, if it is sent by an encoder that is at work on another
    /// message.</returns>
    public BatchBuffer Begin(out int mark)
    {
        BatchBuffer output = _holds++ == 0 ? _buffer : new BatchBuffer();
        mark = output.Length;
        return output;
    }

    /// <summary>It is encoded, and is to leave for a connection.</summary>
    /// <returns>Whether there is anything.</returns>
    public bool End(TcpConnection connection, BatchBuffer output, int mark)
    {
        _holds--;
        int length = output.Length - mark;
        if (output != _buffer) return SendFirst(connection, output);
        if (output.HasReferences) AddPieces(connection, mark);
        else if (length == 0) return false;
        else if (!TryExtend(connection, mark, length)) Add(connection, new MessagePiece(null, mark, length));
        FlushOrDefer();
        return true;
    }

    /// <summary>It is not sent: its encoder failed, or the bytes were taken elsewhere.</summary>
    public void Abandon(BatchBuffer output, int mark)
    {
        _holds--;
        output.Truncate(mark);
        output.DropReferences();
    }

    /// <summary>Sends a connection bytes that are encoded already.</summary>
    public void Send(TcpConnection connection, ReadOnlySpan<byte> bytes)
    {
        BatchBuffer output = Begin(out int mark);
        output.Write(bytes);
        End(connection, output, mark);
    }

    /// <summary>
    /// Sends a connection bytes that others are sent too, and that nobody changes any more. They leave by the next
    /// <see cref="Flush"/>, or earlier, which may call back for others.
    /// </summary>
    public void SendShared(TcpConnection connection, ArraySegment<byte> bytes)
    {
        Add(connection, new MessagePiece(bytes.Array, bytes.Offset, bytes.Count));
        if (_writes.Count - _next >= MaxSends) Flush();
    }

    /// <summary>A callback goes on sending: what waits leaves if it has waited long enough.</summary>
    public void FlushIfDue()
    {
        if (_next < _writes.Count && _deadline.HasPassed(_deadline.Now)) Flush();
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
            connection.Complete(connection.Write(_buffer.BytesOf(write.Piece), write.Piece.Lasting));
        }
        _writes.Clear();
        _next = 0;
        _referenced = 0;
        _deadline.Restart(_deadline.Now);
        if (_holds == 0) _buffer.Clear();
    }

    void IDeferredWork.RunDeferred()
    {
        _deferred = false;
        Flush();
    }

    /// <summary>
    /// Makes one call for the next connections, but for one alone. It ends before what cannot leave as it is, before bytes that
    /// are elsewhere than the first, and before a connection that is in it already: what it has here goes on from what the socket
    /// leaves of that. Connections that encrypt are sent for in a call of their own.
    /// </summary>
    private bool TrySendSeveral()
    {
        ReadOnlySpan<Write> writes = CollectionsMarshal.AsSpan(_writes)[_next..];
        bool encrypts = writes[0].Connection.TlsSocket is not null;
        int round = ++_round;
        int count = 0;
        for (; count < Math.Min(writes.Length, MaxSends); count++)
        {
            TcpConnection connection = writes[count].Connection;
            if (connection.WriteRound == round || !connection.CanJoinBatch) break;
            ref SocketSend send = ref _sends[count];
            if (encrypts ? !TryEncrypt(writes[count], ref send) : !TryJoin(writes[count], writes[0].Source, ref send)) break;
            connection.WriteRound = round;
        }
        // What is encrypted already cannot be encrypted again.
        if (count > 1 || (encrypts && count > 0)) Send(writes[..count], encrypts);
        else count = 0;
        _sends.AsSpan(0, Math.Max(count, 1)).Clear();
        _ciphertext?.Clear();
        return count > 0;
    }

    private static bool TryJoin(in Write write, byte[]? source, ref SocketSend send)
    {
        if (write.Source != source || write.Connection.TlsSocket is not null) return false;
        send = write.Connection.SendOf(write.Offset, write.Length);
        return true;
    }

    /// <summary>Encrypts behind the others what a connection sends, if that is little.</summary>
    private bool TryEncrypt(in Write write, ref SocketSend send)
    {
        if (write.Connection.TlsSocket is not { } tls || write.Length > TlsSocket.MostInBatch) return false;
        OutputBuffer ciphertext = _ciphertext ??= new OutputBuffer();
        int start = ciphertext.Length;
        if (start >= MostCiphertext) return false;
        try
        {
            ILoopSocket socket = tls.EncryptForBatch(_buffer.BytesOf(write.Piece), ciphertext);
            send = new SocketSend(socket, start, ciphertext.Length - start);
            return true;
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // Sent by itself it fails in the same way, and its connection is told.
            ciphertext.Truncate(start);
            return false;
        }
    }

    private void Send(ReadOnlySpan<Write> writes, bool encrypts)
    {
        ReadOnlySpan<byte> bytes = encrypts ? _ciphertext!.Written : writes[0].Source is { } source ? source : _buffer.Written;
        List<(TcpConnection Connection, WriteOutcome Outcome)>? unsent = null;
        loop.SendAll(bytes, _sends.AsSpan(0, writes.Length));
        for (int i = 0; i < writes.Length; i++)
        {
            ref readonly Write write = ref writes[i];
            ref readonly SocketSend send = ref _sends[i];
            TcpConnection connection = write.Connection;
            connection.PendingWrites--;
            (int sent, SocketError error) = (send.Sent, send.Error);
            if (encrypts)
                sent = connection.TlsSocket!.EndSend(write.Length, bytes.Slice(send.Offset, send.Length), sent, ref error);
            WriteOutcome outcome = connection.OnWritten(_buffer.BytesOf(write.Piece), write.Piece.Lasting, sent, error);
            if (outcome != WriteOutcome.Sent) (unsent ??= []).Add((connection, outcome));
        }
        _next += writes.Length;
        if (unsent is null) return;
        // Only now: a callback may send and flush, and these writes are over then.
        foreach ((TcpConnection connection, WriteOutcome outcome) in unsent) connection.Complete(outcome);
    }

    private void Add(TcpConnection connection, in MessagePiece piece)
    {
        _writes.Add(new Write(connection, piece));
        connection.PendingWrites++;
    }

    private void AddPieces(TcpConnection connection, int mark)
    {
        foreach (MessagePiece piece in _buffer.PiecesFrom(mark))
        {
            if (piece.Source is not null) _referenced += piece.Length;
            Add(connection, piece);
        }
        _buffer.DropReferences();
    }

    /// <summary>Sends a message that was encoded within another one, which is not finished: it leaves first.</summary>
    private bool SendFirst(TcpConnection connection, BatchBuffer output)
    {
        if (output is { Length: 0, HasReferences: false }) return false;
        Flush();
        var outcome = WriteOutcome.Sent;
        foreach (MessagePiece piece in output.PiecesFrom(0))
        {
            outcome = connection.Write(output.BytesOf(piece), piece.Lasting);
            if (outcome == WriteOutcome.Failed) break;
        }
        connection.Complete(outcome);
        return true;
    }

    /// <summary>What a connection sends right behind its own last bytes leaves together with them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryExtend(TcpConnection connection, int mark, int length)
    {
        if (_writes.Count <= _next) return false;
        ref Write last = ref CollectionsMarshal.AsSpan(_writes)[^1];
        if (last.Connection != connection || last.Source is not null || last.Offset + last.Length != mark) return false;
        last.Length += length;
        return true;
    }

    private void FlushOrDefer()
    {
        if (_buffer.Length + _referenced >= Limit)
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
