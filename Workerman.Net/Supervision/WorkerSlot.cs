using System.Runtime.Versioning;
using System.Text;
using Workerman.Events;

namespace Workerman.Supervision;

/// <summary>One worker's process as its master has it: the process, the channel to it, and what it has said so far. On the
/// master's loop, but for the two threads that wait for what it says and for its end, which hand over to that loop.</summary>
[SupportedOSPlatform("linux")]
internal sealed class WorkerProcess
{
    private readonly ChildProcess _process;
    private readonly Channel _channel;

    private WorkerProcess(ChildProcess process, Channel channel, ProgramFiles files)
    {
        _process = process;
        _channel = channel;
        Files = files;
    }

    /// <summary>What it was started from.</summary>
    public ProgramFiles Files { get; }

    public int Id => _process.Id;

    public DateTimeOffset StartTime { get; } = DateTimeOffset.Now;

    public long StartedAt { get; } = Environment.TickCount64;

    /// <summary>Whether its workers listen.</summary>
    public bool IsReady { get; set; }

    /// <summary>Whether it was told to end, or to hand over: its end is none that it is replaced for.</summary>
    public bool IsLeaving { get; set; }

    public bool HasEnded { get; private set; }

    /// <summary>Whether it was killed because it did not end in time.</summary>
    public bool WasLate { get; set; }

    /// <summary>Its master's timer that gives it up; that of nobody else.</summary>
    public long StartTimer { get; set; }

    /// <summary>Addresses of sockets that it does not listen on.</summary>
    public List<string> Unused { get; } = [];

    /// <summary>Why it could not start, in its own words.</summary>
    public string? Failure { get; set; }

    /// <summary>Starts one.</summary>
    /// <param name="program">The program.</param>
    /// <param name="role">Its role, with what it runs.</param>
    /// <param name="loop">The master's.</param>
    /// <param name="received">Called on the loop for what it says.</param>
    /// <param name="ended">Called on the loop when it has ended.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">The system refuses.</exception>
    public static WorkerProcess Start(ProgramPath program, string role, EventLoop loop,
        Action<WorkerProcess, ChannelMessage> received, Action<WorkerProcess, ProcessEnd> ended)
    {
        (int mine, int theirs) = Channel.MakePair();
        var channel = new Channel(mine);
        ChildProcess process;
        ProgramFiles files;
        try
        {
            files = ProgramFiles.Of(program.Program);
            process = ChildProcess.Start(program, theirs, role);
        }
        catch
        {
            channel.Dispose();
            throw;
        }
        finally
        {
            _ = SystemCalls.close(theirs);
        }
        var worker = new WorkerProcess(process, channel, files);
        new Thread(() => worker.Read(loop, received, ended)) { IsBackground = true, Name = $"workerman process {process.Id}" }
            .Start();
        return worker;
    }

    public bool Send(byte kind, ReadOnlySpan<byte> payload, int descriptor = -1) =>
        !HasEnded && _channel.TrySend(kind, payload, descriptor);

    public bool Send(byte kind, string text, int descriptor = -1) => Send(kind, Encoding.UTF8.GetBytes(text), descriptor);

    public void Stop(StopOrder order)
    {
        IsLeaving = true;
        // One that does not take orders any more is ended by the master's deadline.
        Send(MessageKind.Stop, JsonPayload.Of(order, ControlJson.Default.StopOrder));
    }

    public void Kill()
    {
        if (!HasEnded) _process.Signal(ProcessCalls.SIGKILL);
    }

    /// <summary>First all that it says, then its end: in this order, on one thread.</summary>
    private void Read(EventLoop loop, Action<WorkerProcess, ChannelMessage> received, Action<WorkerProcess, ProcessEnd> ended)
    {
        while (_channel.TryReceive(out ChannelMessage message)) loop.Post(() => received(this, message));
        ProcessEnd end = _process.Wait();
        // Before the loop hears of it: the number may be another process's from here on.
        HasEnded = true;
        loop.Post(() =>
        {
            _channel.Dispose();
            ended(this, end);
        });
    }
}

/// <summary>What a slot asks of its master.</summary>
internal interface ISlotOwner
{
    EventLoop Loop { get; }

    MasterSettings Settings { get; }

    /// <summary>The sockets that a new process is given.</summary>
    IEnumerable<(string Address, int Descriptor)> Sockets { get; }

    /// <summary>A process has opened a socket that the next one is to have.</summary>
    void KeepSocket(string address, int descriptor);

    /// <summary>A process serves that has no use for the sockets of these addresses, and for all others it has.</summary>
    void OnSocketsUsed(WorkerSlot slot, IReadOnlyCollection<string> unused);

    /// <summary>It serves for the first time, or it cannot: <paramref name="failure"/> says why.</summary>
    void OnFirstStart(WorkerSlot slot, string? failure);

    /// <summary>A process has ended, for whatever reason.</summary>
    void OnEnded(WorkerSlot slot, WorkerProcess process, ProcessEnd end);

    /// <summary>A process asks for something that is the whole program's.</summary>
    void OnAsked(WorkerSlot slot, WorkerProcess process, ChannelMessage message);
}

/// <summary>
/// Keeps one worker's process running: starts it again when it has died, and replaces it by a new one that takes over from it.
/// There are at most the process that serves, the one that is to replace it, and those that were replaced and have not ended yet.
/// Belongs to the master's loop.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class WorkerSlot(ISlotOwner owner, string role)
{
    /// <summary>After a process was told to end at once, it is killed.</summary>
    private static readonly TimeSpan KillGrace = TimeSpan.FromSeconds(2);

    /// <summary>What moving connections to the next process may take, before the time for ending counts.</summary>
    private static readonly TimeSpan MoveTime = TimeSpan.FromSeconds(30);

    private readonly List<WorkerProcess> _leaving = [];
    private readonly RestartPauses _pauses = new();
    private WorkerProcess? _current;
    private WorkerProcess? _next;
    private Action<string?>? _reloaded;
    private TimeSpan _drainTime;
    private long _restartTimer;
    private bool _hasServed;
    private bool _stopping;

    /// <summary>What its process is started as.</summary>
    public string Role => role;

    /// <summary>The process that serves; null while there is none.</summary>
    public WorkerProcess? Current => _current;

    /// <summary>All of its processes.</summary>
    public IEnumerable<WorkerProcess> Processes =>
        ((WorkerProcess?[])[_current, _next, .. _leaving]).OfType<WorkerProcess>();

    public bool IsReloading => _next is not null;

    public bool IsEmpty => _current is null && _next is null && _leaving.Count == 0;

    /// <summary><c>running</c>, <c>starting</c> or <c>leaving</c>.</summary>
    public string StateOf(WorkerProcess process) =>
        process.IsLeaving ? "leaving" : process == _current && process.IsReady ? "running" : "starting";

    /// <summary>Starts its process.</summary>
    public void Start()
    {
        try
        {
            _current = StartProcess(handsOver: false);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            OnStartFailed(CannotStart(e));
        }
    }

    /// <summary>Replaces its process.</summary>
    /// <param name="drainTime">How long the old one may take to end.</param>
    /// <param name="done">Called when the new one serves, or with the reason why it does not.</param>
    public void Reload(TimeSpan drainTime, Action<string?> done)
    {
        if (_stopping || _next is not null)
        {
            done(_stopping ? "The program is being stopped." : "A reload is under way already.");
            return;
        }
        if (_current?.Files.FindOverwritten() is { } file)
        {
            done($"{file} was written over while it runs, which may break the process that runs, "
                + "and the new one may be of two versions. "
                + "Cure: deploy into a new folder and point a link to it, or rename new files over the old ones; "
                + "now use restart.");
            return;
        }
        try
        {
            _next = StartProcess(handsOver: true);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            done(CannotStart(e));
            return;
        }
        _reloaded = done;
        _drainTime = drainTime;
        // It takes the place of one that has died, too.
        owner.Loop.DeleteTimer(_restartTimer);
    }

    /// <summary>Ends its processes, for good.</summary>
    public void Stop(StopOrder order)
    {
        _stopping = true;
        owner.Loop.DeleteTimer(_restartTimer);
        foreach (WorkerProcess process in Processes.ToArray()) process.Stop(order);
        FinishReload("The program is being stopped.");
        owner.Loop.AddTimer(TimeSpan.FromSeconds(order.TimeoutSeconds) + KillGrace, () =>
        {
            foreach (WorkerProcess process in Processes) KillLate(process);
        }, persistent: false);
    }

    private void StopUnready(WorkerProcess process)
    {
        process.Stop(new StopOrder());
        owner.Loop.AddTimer(KillGrace, () => KillLate(process), persistent: false);
    }

    private void KillLate(WorkerProcess process)
    {
        if (process.HasEnded) return;
        SupervisionLog.ProcessIsLate(owner.Settings.Logger, process.Id);
        process.WasLate = true;
        process.Kill();
    }

    /// <summary>Ends them at once.</summary>
    public void KillAll()
    {
        foreach (WorkerProcess process in Processes) process.Kill();
    }

    private WorkerProcess StartProcess(bool handsOver)
    {
        var process = WorkerProcess.Start(owner.Settings.Program, role, owner.Loop, OnReceived, OnEnded);
        foreach ((string address, int descriptor) in owner.Sockets) process.Send(MessageKind.Socket, address, descriptor);
        process.Send(MessageKind.Begin, [handsOver ? (byte)1 : (byte)0, owner.Settings.Detach is null ? (byte)0 : (byte)1]);
        process.StartTimer = owner.Loop.AddTimer(owner.Settings.StartTimeout, () => OnStartTimeout(process), persistent: false);
        return process;
    }

    private string CannotStart(System.ComponentModel.Win32Exception e)
    {
        ProgramPath program = owner.Settings.Program;
        return $"{program.File} cannot be started in {program.WorkingDirectory}: {e.Message}. "
            + "Cure: put the program, and the folder that it was started in, back where they were.";
    }

    private void OnStartTimeout(WorkerProcess process)
    {
        if (process.IsReady || process.HasEnded) return;
        process.Failure = $"It has not become ready within {(long)owner.Settings.StartTimeout.TotalSeconds} s "
            + "(Worker.StartTimeout): an OnWorkerStart may hang.";
        process.Kill();
    }

    private void OnReceived(WorkerProcess process, ChannelMessage message)
    {
        switch (message.Kind)
        {
            case MessageKind.Socket:
                owner.KeepSocket(Encoding.UTF8.GetString(message.Payload), message.Descriptor);
                break;
            case MessageKind.Unused:
                process.Unused.Add(Encoding.UTF8.GetString(message.Payload));
                break;
            case MessageKind.Ready:
                OnReady(process);
                break;
            case MessageKind.Failed:
                process.Failure = JsonPayload.Read(message.Payload, ControlJson.Default.WorkerState).Failure;
                break;
            case MessageKind.Serving:
                OnServing(process);
                break;
            default:
                owner.OnAsked(this, process, message);
                break;
        }
    }

    private void OnReady(WorkerProcess process)
    {
        owner.Loop.DeleteTimer(process.StartTimer);
        process.IsReady = true;
        if (process != _next)
        {
            OnServing(process);
            return;
        }
        if (_current is not { IsReady: true } old)
        {
            process.Send(MessageKind.TakeOver, []);
            return;
        }
        (int mine, int theirs) = Channel.MakePair();
        process.Send(MessageKind.TakeOver, [], theirs);
        var order = new StopOrder { Graceful = true, TimeoutSeconds = _drainTime.TotalSeconds };
        old.IsLeaving = true;
        old.Send(MessageKind.HandOver, JsonPayload.Of(order, ControlJson.Default.StopOrder), mine);
        _ = SystemCalls.close(mine);
        _ = SystemCalls.close(theirs);
        owner.Loop.AddTimer(MoveTime + _drainTime + KillGrace, () => KillLate(old), persistent: false);
    }

    private void OnServing(WorkerProcess process)
    {
        if (process == _next)
        {
            if (_current is { } old)
            {
                _leaving.Add(old);
                // One that was not ready has nothing to hand over, and was not told of it.
                if (!old.IsLeaving) StopUnready(old);
            }
            _current = process;
            _next = null;
        }
        owner.OnSocketsUsed(this, process.Unused);
        if (_stopping) return;
        if (!_hasServed) owner.OnFirstStart(this, null);
        _hasServed = true;
        FinishReload(null);
    }

    private void OnEnded(WorkerProcess process, ProcessEnd end)
    {
        owner.Loop.DeleteTimer(process.StartTimer);
        bool wasLeaving = process.IsLeaving;
        if (_leaving.Remove(process))
        {
            owner.OnEnded(this, process, end);
            return;
        }
        if (process == _next)
        {
            _next = null;
            owner.OnEnded(this, process, end);
            FinishReload(process.Failure ?? $"The new process has ended before it served, with {end}.");
            // The one that it was to replace may have died meanwhile, or accept no more because it was handing over.
            if (_current is { IsLeaving: true } handing)
            {
                _leaving.Add(handing);
                _current = null;
            }
            if (_current is null && !_stopping) Restart(process, end);
            return;
        }
        _current = null;
        owner.OnEnded(this, process, end);
        if (_stopping) return;
        if (!_hasServed)
        {
            OnStartFailed(process.Failure ?? $"The worker's process has ended before it served, with {end}.");
            return;
        }
        // The new one serves as soon as it can; it waits for nobody.
        if (_next is { } next)
        {
            if (next.IsReady && !wasLeaving) next.Send(MessageKind.TakeOver, []);
            return;
        }
        Restart(process, end);
    }

    private void Restart(WorkerProcess dead, ProcessEnd end) => StartAfter(
        _pauses.AfterDeath(dead.IsReady, end, TimeSpan.FromMilliseconds(Environment.TickCount64 - dead.StartedAt)));

    private void StartAfter(TimeSpan pause)
    {
        owner.Loop.DeleteTimer(_restartTimer);
        _restartTimer = owner.Loop.AddTimer(pause, Start, persistent: false);
        if (pause > TimeSpan.Zero) SupervisionLog.StartIsPaused(owner.Settings.Logger, pause.TotalSeconds);
    }

    private void OnStartFailed(string reason)
    {
        if (!_hasServed)
        {
            owner.OnFirstStart(this, reason);
            return;
        }
        SupervisionLog.StartFailed(owner.Settings.Logger, reason);
        StartAfter(_pauses.AfterRefusal());
    }

    private void FinishReload(string? failure)
    {
        Action<string?>? done = _reloaded;
        _reloaded = null;
        done?.Invoke(failure);
    }
}
