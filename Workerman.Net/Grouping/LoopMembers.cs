using Workerman.Connection;
using Workerman.Events;

namespace Workerman.Grouping;

/// <summary>Who is not to get a message. Immutable.</summary>
/// <param name="Connections">These.</param>
/// <param name="Groups">Those who are in one of these, on any node.</param>
internal sealed record Exclusion(HashSet<TcpConnection> Connections, string[] Groups)
{
    public static readonly Exclusion None = new([], []);
}

/// <summary>A message on its way to the connections of one loop. Immutable.</summary>
/// <param name="Message">The message.</param>
/// <param name="To">Who gets it: those who are in the list when its turn has come.</param>
/// <param name="Except">Who does not.</param>
internal readonly record struct Delivery(GroupMessage Message, Recipients To, Exclusion Except);

/// <summary>What became of a <see cref="Delivery"/>.</summary>
internal enum DeliveryOutcome
{
    /// <summary>It has its place in the order of the loop's messages, or is delivered.</summary>
    Taken,

    /// <summary>Too much waits for the loop already: it is dropped.</summary>
    Full,

    /// <summary>The loop has ended, and its connections with it.</summary>
    LoopHasEnded,
}

/// <summary>
/// The members of all groups on one loop, and the messages on their way to them, in the order in which they were sent: a message
/// that is sent on the loop itself does not overtake one that another thread has sent before. Owned by its
/// <see cref="MemberTable"/>, which guards <see cref="All"/>; messages come from any thread and are delivered on the loop's.
/// </summary>
internal sealed class LoopMembers : IConnectionObserver
{
    /// <summary>After so long the sockets come before messages that other threads have sent.</summary>
    private static readonly long Budget = LoopClock.FromMilliseconds(10);

    private readonly MemberTable _table;
    private readonly ConnectionBuffers _buffers;
    private readonly Action _run;
    private readonly Lock _gate = new();

    /// <summary>Under the lock, as its size.</summary>
    private readonly Queue<Delivery> _queue = [];

    private long _size;

    private int _woken;

    /// <summary>Those who get the message that is being delivered; kept for the next.</summary>
    private Recipient[] _round = [];

    private bool _isDelivering;
    private bool _watches;

    /// <summary>Makes it for a loop.</summary>
    /// <param name="table">Its owner.</param>
    /// <param name="first">A connection of the loop.</param>
    public LoopMembers(MemberTable table, TcpConnection first)
    {
        _table = table;
        _buffers = first.Handler.Buffers;
        Loop = first.Loop;
        _run = Run;
    }

    public IEventLoop Loop { get; }

    /// <summary>The members of all groups, each once.</summary>
    public Recipients All { get; } = new();

    /// <summary>Sees to it that a new member is removed when its connection ends. Any thread.</summary>
    /// <returns>False if the loop has ended, and the connection with it.</returns>
    public bool TryWatch(TcpConnection connection)
    {
        if (!Loop.IsCurrent) return Loop.Post(() => Confirm(connection));
        Watch();
        return true;
    }

    /// <summary>Takes a message. On the loop itself it is delivered at once, behind those that wait. Any thread.</summary>
    public DeliveryOutcome Deliver(in Delivery delivery)
    {
        lock (_gate)
        {
            if (_queue.Count > 0 && _size + delivery.Message.Size > _table.Limits.QueueSize) return DeliveryOutcome.Full;
            _queue.Enqueue(delivery);
            _size += delivery.Message.Size;
        }
        if (Loop.IsCurrent) Deliver(untilEmpty: true);
        else if (!Wake()) return DeliveryOutcome.LoopHasEnded;
        return DeliveryOutcome.Taken;
    }

    void IConnectionObserver.OnEnded(TcpConnection connection)
    {
        _table.RemoveAll(connection);
        if (!_table.ForgetIfEmpty(this)) return;
        _buffers.Unobserve(this);
        _watches = false;
    }

    private void Confirm(TcpConnection connection)
    {
        Watch();
        // Its end came before this loop was watched, or while the other thread was about to join it.
        if (connection.Phase == ConnectionPhase.Freed) _table.RemoveAll(connection);
    }

    private void Watch()
    {
        if (_watches) return;
        _watches = true;
        _buffers.Observe(this);
    }

    private bool Wake()
    {
        if (Interlocked.Exchange(ref _woken, 1) != 0 || Loop.Post(_run)) return true;
        Volatile.Write(ref _woken, 0);
        return false;
    }

    private void Run()
    {
        // Before the queue is looked at: whoever adds to it behind that wakes the loop again.
        Volatile.Write(ref _woken, 0);
        Deliver(untilEmpty: false);
    }

    /// <summary>
    /// Delivers what waits. A callback that it causes may send again: that message waits for those before it, so that all
    /// members get them in one order.
    /// </summary>
    private void Deliver(bool untilEmpty)
    {
        if (_isDelivering) return;
        _isDelivering = true;
        try
        {
            long began = LoopClock.Ticks;
            while (TryTake(out Delivery delivery))
            {
                Send(in delivery);
                if (untilEmpty || LoopClock.Ticks - began < Budget) continue;
                Wake();
                return;
            }
        }
        finally
        {
            _isDelivering = false;
        }
    }

    private bool TryTake(out Delivery delivery)
    {
        lock (_gate)
        {
            if (!_queue.TryDequeue(out delivery)) return false;
            _size -= delivery.Message.Size;
            return true;
        }
    }

    private void Send(in Delivery delivery)
    {
        int count = _table.Copy(delivery.To, delivery.Except, ref _round);
        for (int i = 0; i < count; i++)
        {
            if (!_round[i].HasLeft) Send(delivery.Message, _round[i].Connection);
        }
        // Nobody is kept alive by having been sent something.
        Array.Clear(_round, 0, count);
    }

    private static void Send(GroupMessage message, TcpConnection connection)
    {
        if (connection.Status > ConnectionStatus.Established) return;
        try
        {
            if (!message.TrySendTo(connection)) connection.RefuseFromGroup(message.Kind);
        }
        catch (Exception e)
        {
            // An encoder of the application's: it is the fault of this connection's protocol, and the others get the message.
            connection.Handler.OnFault(connection, e);
        }
    }
}
