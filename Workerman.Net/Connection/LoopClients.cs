using System.Collections.Concurrent;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// The client connections of one loop: what they share, their look at time limits once a second, and their end when the loop
/// ends. They keep no worker from stopping. Belongs to the loop's thread.
/// </summary>
internal sealed class LoopClients
{
    private static readonly ConcurrentDictionary<LoopClients, byte> All = new();

    [ThreadStatic]
    private static LoopClients? _current;

    private readonly EventLoop _loop;
    private readonly ConnectionCollection _open = new();
    private readonly List<TcpConnection> _round = [];

    private LoopClients(EventLoop loop)
    {
        _loop = loop;
        Buffers = ConnectionBuffers.Of(loop);
        loop.AddTick(Sweep);
        loop.Ending += () =>
        {
            ForEach(static connection => connection.Destroy());
            All.TryRemove(this, out _);
        };
        All.TryAdd(this, 0);
    }

    public ConnectionBuffers Buffers { get; }

    /// <summary>Whether the loop is at its end: nothing new begins.</summary>
    public bool HasEnded => _loop.HasEnded;

    /// <summary>Those of the loop that runs on this thread.</summary>
    public static LoopClients Of(EventLoop loop)
    {
        // A thread may run one loop after another.
        if (_current?._loop != loop) _current = new LoopClients(loop);
        return _current;
    }

    /// <summary>All that are open, or on their way to it, by loop. Any thread, for copies.</summary>
    public static IEnumerable<ConnectionCollection> OfAllLoops => All.Keys.Select(static clients => clients._open);

    public void Add(AsyncTcpConnection connection)
    {
        if (_open.Add(connection)) _loop.Figures.CountOpened();
    }

    public void Remove(AsyncTcpConnection connection)
    {
        if (_open.Remove(connection)) _loop.Figures.CountClosed();
    }

    private void Sweep() => ForEach(static connection => connection.Tick());

    /// <summary>By a copy: what is called back may connect others.</summary>
    private void ForEach(Action<AsyncTcpConnection> action)
    {
        _round.AddRange(_open);
        foreach (TcpConnection connection in _round) action((AsyncTcpConnection)connection);
        _round.Clear();
    }
}
