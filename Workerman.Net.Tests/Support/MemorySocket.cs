using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Workerman.Events;

namespace Workerman.Tests.Support;

/// <summary>
/// A loop's socket without a kernel: what the peer does is said by the test, what the connection does is written down call by
/// call. It holds its owner to the contract of <see cref="ILoopSocket"/>: a call that must not come is in
/// <see cref="Violations"/>. Made by a <see cref="MemoryLoop"/>.
/// </summary>
internal sealed class MemorySocket(ISocketHandler handler) : ILoopSocket
{
    /// <summary>What a connection receives into at least (<see cref="ISocketHandler.ReceivesAtOnce"/>).</summary>
    private const int LeastBuffer = 4096;

    private readonly Queue<byte[]> _arrived = [];
    private readonly List<byte> _sent = [];
    private ReadOnlyMemory<byte> _order;
    private (SafeFileHandle Handle, long Offset, long Count)? _file;
    private bool _ordered;
    private bool _hangsUp;
    private bool _disposed;
    private bool _closed;
    private int _handedOver;

    /// <summary>Bytes of the first piece that has arrived that were received.</summary>
    private int _received;

    /// <summary>
    /// The calls that change something, in order: <c>send 5</c>, <c>send 2 of 5</c>, <c>order 3</c>, <c>shutdown</c>, …
    /// </summary>
    public List<string> Calls { get; } = [];

    /// <summary>What the contract does not allow.</summary>
    public List<string> Violations { get; } = [];

    /// <summary>What the peer has been sent, as Latin-1.</summary>
    public string Sent => Encoding.Latin1.GetString([.. _sent]);

    /// <summary>How many bytes the socket takes before it blocks. A peer that reads makes room: <see cref="MakeRoom"/>.</summary>
    public long Room { get; set; } = long.MaxValue;

    /// <summary>What every send fails with from now on.</summary>
    public SocketError SendError { get; set; }

    /// <summary>How many sends succeed before the peer resets the connection.</summary>
    public int SendsUntilReset { get; set; } = int.MaxValue;

    /// <summary>What a receive fails with once all that has arrived is received.</summary>
    public SocketError ReceiveError { get; set; } = SocketError.WouldBlock;

    /// <summary>Whether a shutdown finds the connection gone.</summary>
    public bool ShutdownFails { get; set; }

    public bool IsClosed => _closed;

    /// <summary>What it has been told to send once there is room.</summary>
    public ReadOnlyMemory<byte> Ordered => _order;

    public bool ReadEnabled { get; set; } = true;

    public IPEndPoint? RemoteEndPoint { get; } = new(IPAddress.Loopback, 1);

    public IPEndPoint? LocalEndPoint { get; } = new(IPAddress.Loopback, 2);

    public bool HasUnread => _arrived.Count > 0 || ReceiveError != SocketError.WouldBlock;

    /// <summary>The peer's bytes: one receive for each call.</summary>
    public MemorySocket Arrive(string bytes)
    {
        _arrived.Enqueue(Encoding.Latin1.GetBytes(bytes));
        return this;
    }

    /// <summary>
    /// Hands the peer what has been sent since the last time, in pieces of a size, where the peer is a connection too.
    /// </summary>
    /// <returns>Whether there was anything.</returns>
    public bool HandOverTo(MemorySocket peer, int size)
    {
        if (_handedOver == _sent.Count) return false;
        foreach (byte[] piece in _sent.Skip(_handedOver).Chunk(size)) peer._arrived.Enqueue(piece);
        _handedOver = _sent.Count;
        return true;
    }

    /// <summary>The peer sends no more.</summary>
    public MemorySocket ArriveEnd()
    {
        ReceiveError = SocketError.Success;
        return this;
    }

    /// <summary>The peer has reset the connection: both ways fail.</summary>
    public void Break() => SendError = ReceiveError = SocketError.ConnectionReset;

    /// <summary>The connection is dead, which a driver tells while reading is off.</summary>
    public void HangUp()
    {
        Break();
        _hangsUp = true;
    }

    /// <summary>The peer has read, so that so many bytes more find room.</summary>
    public void MakeRoom(long count = long.MaxValue) => Room = count;

    /// <summary>The part of a loop's turn that is this socket's.</summary>
    public void CallBack()
    {
        if (!_disposed && _ordered && (Room > 0 || SendError != SocketError.Success)) EndOrder();
        if (!_disposed && ReadEnabled && HasUnread) handler.OnReadable();
        if (_disposed || ReadEnabled || !_hangsUp) return;
        _hangsUp = false;
        handler.OnHangup();
    }

    public int Receive(Span<byte> buffer, out SocketError error)
    {
        Check(!_closed, "receive after the close");
        error = SocketError.Success;
        if (!_arrived.TryPeek(out byte[]? bytes))
        {
            error = ReceiveError;
            return 0;
        }
        ReadOnlySpan<byte> rest = bytes.AsSpan(_received);
        Check(rest.Length <= buffer.Length || buffer.Length >= LeastBuffer, "a buffer that is too short to be worth a receive");
        int count = Math.Min(rest.Length, buffer.Length);
        rest[..count].CopyTo(buffer);
        _received = count == rest.Length ? 0 : _received + count;
        if (_received == 0) _arrived.Dequeue();
        return count;
    }

    public int Send(ReadOnlySpan<byte> data, out SocketError error)
    {
        Check(!_closed, "send after the close");
        Check(!_ordered, "send that overtakes an order");
        Check(!data.IsEmpty, "send of nothing");
        int sent = Take(data, out error);
        Calls.Add(error
            != SocketError.Success ? $"send {error}" : sent == data.Length ? $"send {sent}" : $"send {sent} of {data.Length}");
        return sent;
    }

    public bool ShutdownSend()
    {
        Check(!_closed, "shutdown after the close");
        Check(!_ordered, "shutdown before what was ordered");
        Calls.Add("shutdown");
        return !ShutdownFails;
    }

    public bool SetOption(int level, int name, int value) => true;

    public void SendWhenWritable(ReadOnlyMemory<byte> data)
    {
        Order($"order {data.Length}");
        Check(!data.IsEmpty, "order of nothing");
        _order = data;
    }

    public void SendFileWhenWritable(SafeFileHandle file, long offset, long count)
    {
        Order($"order file {offset}+{count}");
        Check(count > 0, "order of nothing");
        _file = (file, offset, count);
    }

    public void Dispose() => _disposed = true;

    public void Close(bool reset)
    {
        Check(!_closed, "close of what is closed");
        _closed = _disposed = true;
        Calls.Add(reset ? "reset" : "close");
    }

    /// <summary>What a send takes; 0 for an error.</summary>
    private int Take(ReadOnlySpan<byte> data, out SocketError error)
    {
        if (SendsUntilReset-- == 0) Break();
        error = SendError != SocketError.Success ? SendError : Room == 0 ? SocketError.WouldBlock : SocketError.Success;
        if (error != SocketError.Success) return 0;
        int count = (int)Math.Min(Room, data.Length);
        if (Room != long.MaxValue) Room -= count;
        _sent.AddRange(data[..count]);
        return count;
    }

    private void Order(string call)
    {
        Check(!_disposed, "order after the end of the watch");
        Check(!_ordered, "a second order");
        Calls.Add(call);
        _ordered = true;
        (_order, _file) = (default, null);
    }

    private void EndOrder()
    {
        _ordered = false;
        byte[] data = _file is { } file ? ReadFile(file.Handle, file.Offset, file.Count) : _order.ToArray();
        // For a file nothing without an error means that nothing of it is there.
        SocketError error = SocketError.Success;
        int sent = data.Length == 0 ? 0 : Take(data, out error);
        handler.OnSent(sent, error);
    }

    private static byte[] ReadFile(SafeFileHandle handle, long offset, long count)
    {
        byte[] bytes = new byte[Math.Min(count, 256 * 1024)];
        return bytes[..RandomAccess.Read(handle, bytes, offset)];
    }

    private void Check(bool isAllowed, string what)
    {
        if (!isAllowed) Violations.Add($"{what}, after: {string.Join(", ", Calls)}");
    }
}
