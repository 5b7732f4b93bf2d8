namespace Workerman.Events;

/// <summary>
/// The threads that wait for disks in place of loops: as many as there is work for, up to a limit, so that a disk which hangs
/// holds up neither a loop nor .NET's thread pool. They end when there has been no work for a while. Any thread.
/// </summary>
internal sealed class DiskThreads
{
    private const int MaxThreads = 8;

    private static readonly TimeSpan IdleLimit = TimeSpan.FromSeconds(10);

    // Monitor, not Lock: its waiting is needed.
    private readonly object _gate = new();
    private readonly Queue<Action> _work = new();
    private int _threads;
    private int _idle;

    /// <summary>Those of the process.</summary>
    public static DiskThreads Shared { get; } = new();

    /// <summary>Runs a function on one of the shared threads.</summary>
    public static Task<T> OffLoop<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Shared.Run(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return done.Task;
    }

    /// <summary>Has work done, in the order of the calls where all threads are busy.</summary>
    /// <param name="work">May block; does not throw.</param>
    public void Run(Action work)
    {
        lock (_gate)
        {
            _work.Enqueue(work);
            if (_idle >= _work.Count || _threads == MaxThreads)
            {
                Monitor.Pulse(_gate);
                return;
            }
            _threads++;
        }
        new Thread(Work) { Name = "workerman disk", IsBackground = true }.Start();
    }

    private void Work()
    {
        while (Take() is { } work) work();
    }

    /// <summary>The next work; null if there has been none for so long that the thread ends.</summary>
    private Action? Take()
    {
        lock (_gate)
        {
            _idle++;
            while (_work.Count == 0)
            {
                if (Monitor.Wait(_gate, IdleLimit) || _work.Count > 0) continue;
                _idle--;
                _threads--;
                return null;
            }
            _idle--;
            return _work.Dequeue();
        }
    }
}
