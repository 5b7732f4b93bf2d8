using Workerman.Diagnostics;
using Workerman.Events;
using Workerman.Handover;

namespace Workerman.Hosting;

/// <summary>
/// One loop on a thread of its own, with the worker that it was started for and those that have begun to listen on it later. Its
/// public members are for any thread, but for those that say otherwise; the rest runs on the loop.
/// </summary>
internal sealed class LoopThread : ISlowCallbackLog
{
    [ThreadStatic]
    private static LoopThread? _current;

    private readonly EventLoop _loop;
    private readonly IHostedWorker _worker;
    private readonly int _id;
    private readonly Thread _thread;
    private readonly List<ILoopWorker> _workers = [];
    private readonly TaskCompletionSource<bool> _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _hold;
    private Exception? _failure;
    private bool _stopping;
    private bool _stopped;
    private bool _discarded;

    public LoopThread(EventLoop loop, IHostedWorker worker, int id, ServerSettings settings)
    {
        _loop = loop;
        _worker = worker;
        _id = id;
        Settings = settings;
        _loop.Logger = worker.PeerLog;
        _loop.Ending += AbortWorkers;
        _loop.ErrorHandler = e => Log.CallbackFailed(worker.PeerLog, worker.Name, e);
        // A background thread: one that hangs in a callback does not keep the process from ending.
        _thread = new Thread(Run) { Name = $"workerman {worker.Name} {id}", IsBackground = true };
        // First of all, so that whatever is posted from here on, a stop included, runs after the worker has begun.
        _loop.Post(Attach);
    }

    /// <summary>The loop thread that the calling code runs on, or null.</summary>
    public static LoopThread? Current => _current;

    public IEventLoop Loop => _loop;

    /// <summary>Those of the run that it belongs to.</summary>
    public ServerSettings Settings { get; }

    /// <summary>Whether it would serve a new connection soon; only a hint.</summary>
    public bool IsResponsive => _loop.IsResponsive;

    /// <summary>Ends when the worker has begun, its <c>OnWorkerStart</c> included: whether it could.</summary>
    public Task<bool> Begun => _begun.Task;

    /// <summary>Ends with the thread; failed if the worker could not begin or the loop broke.</summary>
    public Task Ended => _ended.Task;

    public string Name => _thread.Name!;

    /// <param name="hold">What the loop waits for when its worker has begun, before it does anything else; null for
    /// nothing.</param>
    public void Start(Task? hold)
    {
        _hold = hold;
        _thread.Start();
    }

    /// <summary>Frees what a loop that is never started holds; its worker does not begin.</summary>
    public void Discard()
    {
        _discarded = true;
        // It does what was posted to it.
        _loop.Dispose();
    }

    /// <summary>Ends as soon as the loop does what is posted to it, or has ended.</summary>
    public Task NextTurn()
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return _loop.Post(turn.SetResult) ? Task.WhenAny(turn.Task, Ended) : Task.CompletedTask;
    }

    /// <summary>Stops the workers on this loop; the loop ends when their last connection is closed.</summary>
    public void RequestStop() => _loop.Post(() =>
    {
        StopWorkers();
        StopIfDrained();
    });

    /// <summary>
    /// Another process goes on: the workers on this loop hand over to it, and the loop ends when their last connection is closed.
    /// A stop or an abort that comes later has its effect all the same.
    /// </summary>
    public void RequestHandOver(HandoverPlan plan)
    {
        if (!_loop.Post(() => HandOverWorkers(plan))) plan.LoopIsDone();
    }

    /// <summary>Closes what is left at once, and ends the loop.</summary>
    public void Abort() => _loop.Post(() =>
    {
        AbortWorkers();
        _loop.Stop();
    });

    /// <summary>Another worker has begun to listen on this loop. On its thread.</summary>
    public void Add(ILoopWorker worker) => _workers.Add(worker);

    /// <summary>Called when a connection was closed, on the loop: ends it if it was stopped and that was the last one.</summary>
    public void StopIfDrained()
    {
        if (_stopping && _workers.TrueForAll(static worker => worker.IsDrained)) _loop.Stop();
    }

    /// <summary>
    /// Also when the loop ends without having been told to here, because it broke for example: peers would wait for ever on
    /// connections that nobody serves.
    /// </summary>
    private void AbortWorkers()
    {
        StopWorkers();
        foreach (ILoopWorker worker in _workers) worker.Abort();
    }

    private void HandOverWorkers(HandoverPlan plan)
    {
        int left = _stopping ? 0 : _workers.Count;
        if (left == 0) plan.LoopIsDone();
        if (_stopping) return;
        _stopping = true;
        HandoverPlan each = plan with
        {
            LoopIsDone = () =>
            {
                if (--left == 0) plan.LoopIsDone();
            },
        };
        for (int i = 0; i < _workers.Count; i++) _workers[i].HandOver(each);
        // The application's: the new process has its own. Answers may depend on those that fire once.
        _loop.DeletePeriodicTimers();
        StopIfDrained();
    }

    private void StopWorkers()
    {
        if (_stopped) return;
        _stopping = _stopped = true;
        // By index: a callback of the application may begin to listen with another worker.
        for (int i = 0; i < _workers.Count; i++) _workers[i].Stop();
    }

    void ISlowCallbackLog.Held(string callback, TimeSpan time) =>
        Log.CallbackHolds(Settings.Logger, Name, _worker.Name, callback, (long)time.TotalMilliseconds);

    void ISlowCallbackLog.Returned(string callback, TimeSpan time) =>
        Log.CallbackReturned(Settings.Logger, Name, _worker.Name, callback, (long)time.TotalMilliseconds);

    private void Run()
    {
        _current = this;
        using IDisposable? watched = SlowCallbackWatch.Watch(_loop.Figures, _loop, Settings.SlowCallbackTime, this);
        try
        {
            _loop.Run();
        }
        catch (Exception e)
        {
            Log.LoopBroke(Settings.Logger, Name, e);
            _failure ??= e;
        }
        _begun.TrySetResult(false);
        if (_failure is null) _ended.SetResult();
        else _ended.SetException(_failure);
    }

    private void Attach()
    {
        if (_discarded) return;
        try
        {
            _loop.AddTick(() => DescriptorWatch.Tick(Settings.Logger));
            _workers.Add(_worker.Attach(_loop, _id, this));
            _begun.TrySetResult(true);
            _hold?.Wait();
        }
        catch (Exception e)
        {
            _loop.Figures.CountException();
            Log.CallbackFailed(Settings.Logger, _worker.Name, e);
            _failure = e as WorkerStartException
                ?? new WorkerStartException($"Worker {_worker.Name} on {_worker.Address} cannot start: "
                    + $"its OnWorkerStart failed with {e.GetType().Name}: {e.Message}", e);
            _loop.Stop();
        }
    }
}
