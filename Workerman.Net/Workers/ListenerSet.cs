using System.Net;
using System.Net.Sockets;
using Workerman.Hosting;

namespace Workerman.Workers;

/// <summary>
/// The listening sockets of one worker: one that all its loops accept from, or one for each loop
/// (<see cref="WorkerBase.ReusePort"/>). A socket that was told to close is closed when the last loop has let go of it. Any
/// thread.
/// </summary>
internal sealed class ListenerSet
{
    /// <summary>How long listening again waits for loops to let go of the port.</summary>
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private List<Listener> _open = [];

    /// <summary>Those that were told to close last, which loops may still accept from.</summary>
    private List<Listener> _closing = [];

    private EndPoint? _bound;

    /// <summary>What they are bound to; null while there is none.</summary>
    public EndPoint? EndPoint
    {
        get
        {
            lock (_gate) return _open.Count == 0 ? null : _open[0].EndPoint;
        }
    }

    public Socket[] Sockets
    {
        get
        {
            lock (_gate) return [.. _open.Select(listener => listener.Socket)];
        }
    }

    /// <summary>Opens them, unless they are open. If one fails, none stays open.</summary>
    /// <param name="endPoint">Where; the second time it is where they were, also if the system chose the port.</param>
    /// <param name="count">How many.</param>
    /// <param name="open">Opens one.</param>
    /// <returns>Whether they were opened now.</returns>
    /// <exception cref="WorkerStartException">The system refuses.</exception>
    public bool Open(EndPoint endPoint, int count, Func<EndPoint, Listener> open)
    {
        lock (_gate)
        {
            if (_open.Count > 0) return false;
            try
            {
                for (int i = 0; i < count; i++)
                {
                    _open.Add(open(_bound ?? endPoint));
                    // With port 0 the first socket gets a port, and the others share it.
                    _bound = _open[0].EndPoint;
                }
            }
            catch
            {
                Close();
                throw;
            }
            return true;
        }
    }

    /// <summary>Closes them, each as soon as no loop accepts from it.</summary>
    public void Close()
    {
        lock (_gate)
        {
            foreach (Listener listener in _open) listener.Close();
            if (_open.Count > 0) _closing = _open;
            _open = [];
        }
    }

    /// <summary>Another process goes on with them: the files of Unix sockets stay.</summary>
    public void LeaveFiles()
    {
        lock (_gate)
        {
            foreach (Listener listener in _open) listener.LeaveFile();
            foreach (Listener listener in _closing) listener.LeaveFile();
        }
    }

    /// <summary>Takes a <see cref="Close"/> back that no loop has noticed.</summary>
    public bool TryReopen()
    {
        lock (_gate)
        {
            if (_open.Count > 0 || _closing.Count == 0 || !_closing.TrueForAll(listener => listener.TryReopen())) return false;
            (_open, _closing) = (_closing, []);
            return true;
        }
    }

    /// <summary>Waits until the port is free again: loops let go of it in their next turn.</summary>
    public void WaitUntilClosed()
    {
        Listener[] closing;
        lock (_gate) closing = [.. _closing];
        SpinWait.SpinUntil(() => Array.TrueForAll(closing, listener => listener.IsClosed), CloseTimeout);
    }

    /// <summary>Lets a per-loop worker accept from its share of what is open now. On its loop.</summary>
    public void Assign(ILoopWorker worker)
    {
        lock (_gate) worker.AcceptFrom(_open.Count == 0 ? null : _open[worker.Id % _open.Count]);
    }
}
