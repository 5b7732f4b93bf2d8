using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// Sends of several connections that leave together, out of one piece of memory. It decides nothing: who fills it has seen to it that each connection
/// <see cref="TcpConnection.SendsAtOnce"/> and is in it once. Belongs to the loop's thread.
/// </summary>
internal sealed class SendBatch(IEventLoop loop)
{
    public const int Capacity = 128;

    private readonly TcpConnection?[] _connections = new TcpConnection?[Capacity];
    private readonly SocketSend[] _sends = new SocketSend[Capacity];

    public int Count { get; private set; }

    public void Add(TcpConnection connection, int offset, int length)
    {
        _connections[Count] = connection;
        _sends[Count++] = connection.SendOf(offset, length);
    }

    public void Clear()
    {
        _connections.AsSpan(0, Count).Clear();
        _sends.AsSpan(0, Count).Clear();
        Count = 0;
    }

    /// <summary>
    /// Sends all, and empties the batch. Nothing is called back: what the sockets did not take waits with its connection.
    /// </summary>
    /// <returns>Those whose bytes have not all left, which the caller has to settle; null for none.</returns>
    public List<Unsent>? Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            loop.SendAll(bytes, _sends.AsSpan(0, Count));
            return Account(bytes);
        }
        finally
        {
            Clear();
        }
    }

    private List<Unsent>? Account(ReadOnlySpan<byte> bytes)
    {
        List<Unsent>? unsent = null;
        for (int i = 0; i < Count; i++)
        {
            ref SocketSend send = ref _sends[i];
            TcpConnection connection = _connections[i]!;
            WriteOutcome outcome = connection.Took(bytes.Slice(send.Offset, send.Length), send.Sent, send.Error);
            if (outcome != WriteOutcome.Sent) (unsent ??= []).Add(new Unsent(i, connection, outcome));
        }
        return unsent;
    }

    /// <summary>What did not leave whole.</summary>
    /// <param name="Index">Its place in the batch.</param>
    /// <param name="Connection">Whose it is.</param>
    /// <param name="Outcome">What became of it.</param>
    public readonly record struct Unsent(int Index, TcpConnection Connection, WriteOutcome Outcome)
    {
        /// <summary>Calls back for it.</summary>
        public SendResult Settle() => Connection.Settle(Outcome);
    }
}
