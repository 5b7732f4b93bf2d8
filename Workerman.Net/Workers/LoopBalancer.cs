using Workerman.Events;

namespace Workerman.Workers;

/// <summary>
/// Shares the connections of one worker out among its loops, and counts them. Loops that accept from one socket get as many as
/// they are quick to take: one that is ahead hands over to the least-loaded one, before the connection is made. Where each loop
/// has a socket of its own (<see cref="WorkerBase.ReusePort"/>), the system shares them out. Any thread.
/// </summary>
internal sealed class LoopBalancer
{
    /// <summary>By how many connections, and an eighth more, a loop may be ahead of the one that has the fewest.</summary>
    private const int MaxLead = 8;

    private readonly Lock _gate = new();

    /// <summary>Replaced when it changes, so that reading takes no lock.</summary>
    private volatile IStreamLoopWorker[] _loops = [];

    private int _connections;

    /// <summary>The connections of all loops, those on their way to one included.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>A loop takes connections from others from here on.</summary>
    public void Add(IStreamLoopWorker loop)
    {
        lock (_gate) _loops = [.. _loops, loop];
    }

    public void Remove(IStreamLoopWorker loop)
    {
        lock (_gate) _loops = Array.FindAll(_loops, other => other != loop);
    }

    /// <summary>A connection came (1) or went (-1).</summary>
    public void Count(int change) => Interlocked.Add(ref _connections, change);

    /// <summary>
    /// Hands a connection over to the least-loaded loop, if the one that has accepted it has more than its share.
    /// </summary>
    /// <returns>Whether another loop has it.</returns>
    public bool TryHandOver(ConnectedSocket socket, IStreamLoopWorker from) => LeastLoaded(from)?.TryHandOver(socket) == true;

    /// <summary>None that has been in a callback for a while: it might be for long.</summary>
    private IStreamLoopWorker? LeastLoaded(IStreamLoopWorker from)
    {
        IStreamLoopWorker[] loops = _loops;
        if (loops.Length < 2) return null;
        IStreamLoopWorker least = from;
        foreach (IStreamLoopWorker other in loops)
        {
            if (other.Load < least.Load) least = other;
        }
        return from.Load - least.Load > MaxLead + least.Load / 8 && least.Thread.IsResponsive ? least : null;
    }
}
