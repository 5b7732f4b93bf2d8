using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using Workerman.Events;
using Workerman.Hosting;

namespace Workerman.Supervision;

/// <summary>
/// The process that outlives those of the workers: it keeps the listening sockets open, starts workers' processes, replaces and
/// ends them, and takes commands. It runs none of the application's callbacks but its own three, and no worker. One in its
/// process; everything of it runs on its loop, which is the thread that calls <see cref="Run"/>.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class Master : ISlotOwner, IControlled, IDisposable
{
    /// <summary>A process that has not answered a question by then hangs.</summary>
    private static readonly TimeSpan AnswerTime = TimeSpan.FromMilliseconds(500);

    /// <summary>The same for one that is asked for all its connections; the command waits for five seconds.</summary>
    private static readonly TimeSpan ListTime = TimeSpan.FromSeconds(4);

    private readonly EventLoop _loop = EventLoopFactory.Create(null);
    private readonly List<(string Address, int Descriptor)> _sockets = [];
    private readonly List<WorkerSlot> _slots;
    private readonly Dictionary<string, int> _exits = [];
    private readonly Dictionary<int, Action<WorkerProcess, ControlReply>> _questions = [];
    private readonly List<PosixSignalRegistration> _signals = [];
    private readonly DateTimeOffset _startTime = DateTimeOffset.Now;
    private readonly Action<WorkerState> _started;
    private readonly PidFile _pidFile;
    private readonly List<Action> _stopped = [];

    /// <summary>Processes that were killed because they did not end in time.</summary>
    private readonly List<int> _late = [];

    /// <summary>Addresses of sockets that the process of a slot does not listen on.</summary>
    private readonly Dictionary<WorkerSlot, HashSet<string>> _unused = [];
    private readonly ControlServer? _control;
    private string _banner = "";
    private int _lastQuestion;
    private int _serving;
    private int _signalCount;

    /// <summary>Whether another reload follows the one that is under way, and whether that is graceful.</summary>
    private bool? _reloadNext;
    private bool _stopping;
    private string? _failure;

    /// <param name="settings">What it goes by.</param>
    /// <param name="started">Called once, on the loop: it serves, or why it cannot.</param>
    /// <exception cref="WorkerStartException">It runs already, or the pid file or the control socket cannot be made.</exception>
    public Master(MasterSettings settings, Action<WorkerState> started)
    {
        Settings = settings;
        _started = started;
        _pidFile = PidFile.Take(settings.PidFile);
        try
        {
            _control = new ControlServer(PidFile.ControlPath(settings.PidFile), this, settings.Logger);
        }
        catch
        {
            _pidFile.Dispose();
            throw;
        }
        foreach ((string address, int descriptor) in InheritedSockets.Snapshot()) KeepSocket(address, Duplicate(descriptor));
        foreach (string address in InheritedSockets.CloseRest().Except(_sockets.Select(one => one.Address)))
            SupervisionLog.SocketUnwanted(settings.Logger, address);
        _slots = [.. settings.Roles.Select(role => new WorkerSlot(this, role))];
    }

    public EventLoop Loop => _loop;

    public MasterSettings Settings { get; }

    public IEnumerable<(string Address, int Descriptor)> Sockets => _sockets;

    /// <summary>Runs until the program is told to end, or could not begin.</summary>
    /// <returns>Whether it has served.</returns>
    public bool Run()
    {
        _loop.ErrorHandler = e => SupervisionLog.MasterFailed(Settings.Logger, e);
        _loop.Post(() =>
        {
            foreach (WorkerSlot slot in _slots) slot.Start();
        });
        _loop.AddTimer(TimeSpan.FromSeconds(1), () => Settings.TendFiles?.Invoke(false), persistent: true);
        _loop.AddTimer(TimeSpan.FromSeconds(1), KeepFiles, persistent: true);
        if (Systemd.Current.WatchdogInterval is { } interval) _loop.AddTimer(interval, Systemd.Current.Alive, persistent: true);
        TakeSignals();
        _loop.Run();
        return _failure is null;
    }

    public void KeepSocket(string address, int descriptor) => _sockets.Add((address, descriptor));

    public void OnSocketsUsed(WorkerSlot slot, IReadOnlyCollection<string> unused)
    {
        _unused[slot] = [.. unused];
        // With several slots each has addresses that the others do not know.
        if (_unused.Count < _slots.Count) return;
        foreach (string address in unused.Distinct().Where(one => _unused.Values.All(others => others.Contains(one))).ToArray())
        {
            foreach ((_, int descriptor) in _sockets.Where(one => one.Address == address)) _ = SystemCalls.close(descriptor);
            _sockets.RemoveAll(one => one.Address == address);
            if (address.StartsWith(InheritedSocket.OfSystemd, StringComparison.Ordinal))
                SupervisionLog.SocketUnwanted(Settings.Logger, address);
        }
    }

    public void OnFirstStart(WorkerSlot slot, string? failure)
    {
        if (failure is not null)
        {
            _failure ??= failure;
            BeginStop(new StopOrder(), null);
            return;
        }
        if (++_serving < _slots.Count || _stopping) return;
        try
        {
            Settings.Detach?.Invoke();
        }
        catch (WorkerStartException e)
        {
            _failure = e.Message;
            BeginStop(new StopOrder(), null);
            return;
        }
        _started(new WorkerState { Banner = _banner });
        _loop.Post(FollowReload);
        Systemd.Current.Ready("serving");
        SupervisionLog.Serving(Settings.Logger, Environment.ProcessId, string.Join(", ", Processes.Select(one => one.Id)));
    }

    public void OnEnded(WorkerSlot slot, WorkerProcess process, ProcessEnd end)
    {
        string how = $"{end}";
        _exits[how] = _exits.GetValueOrDefault(how) + 1;
        if (process.WasLate) _late.Add(process.Id);
        string why = process.Failure is { } reason ? $"{how} ({reason.TrimEnd('.')})" : how;
        if (process.IsLeaving || slot.Current is not null) SupervisionLog.ProcessLeft(Settings.Logger, process.Id, why);
        else if (_serving == _slots.Count) SupervisionLog.ProcessDied(Settings.Logger, process.Id, why);
        Guard(() => Settings.OnWorkerExit?.Invoke(end.Status));
        foreach (Action<WorkerProcess, ControlReply> question in _questions.Values.ToArray())
            question(process, new ControlReply { Ok = false });
        EndIfEmpty();
    }

    public void OnAsked(WorkerSlot slot, WorkerProcess process, ChannelMessage message)
    {
        switch (message.Kind)
        {
            case MessageKind.Answer:
                int number = BitConverter.ToInt32(message.Payload);
                if (_questions.TryGetValue(number, out Action<WorkerProcess, ControlReply>? question))
                    question(process, JsonPayload.Read(message.Payload.AsSpan(sizeof(int)), ControlJson.Default.ControlReply));
                break;
            case MessageKind.AskReload when process == slot.Current && !slot.IsReloading:
                SupervisionLog.ReloadAsked(Settings.Logger, process.Id, System.Text.Encoding.UTF8.GetString(message.Payload));
                Reload([slot], graceful: true, null, static _ => { });
                break;
            case MessageKind.AskStop:
                if (!_stopping) BeginStop(OrderOf(graceful: false, null), null);
                break;
            case MessageKind.Banner:
                // That of each slot, for the command that waits for the start.
                if (_serving < _slots.Count)
                    _banner = $"{_banner}\n{System.Text.Encoding.UTF8.GetString(message.Payload)}".TrimStart('\n');
                break;
        }
    }

    void IControlled.Handle(ControlRequest request, Action<ControlReply> reply) =>
        _loop.Post(() => ControlServer.Guard(Settings.Logger, () => Answer(request, reply), reply));

    public void Dispose()
    {
        foreach (PosixSignalRegistration signal in _signals) signal.Dispose();
        foreach (Action stopped in _stopped) stopped();
        _control?.Dispose();
        foreach ((_, int descriptor) in _sockets) _ = SystemCalls.close(descriptor);
        _pidFile.Dispose();
        _loop.Dispose();
        if (_failure is { } failure) _started(new WorkerState { Failure = failure });
    }

    private IEnumerable<WorkerProcess> Processes => _slots.SelectMany(slot => slot.Processes);

    private static int Duplicate(int descriptor) =>
        Errno.Check(SystemCalls.fcntl(descriptor, SystemCalls.F_DUPFD_CLOEXEC, ChildProcess.ChannelDescriptor + 1));

    private void TakeSignals()
    {
        void On(int signal, Action action) => _signals.Add(PosixSignalRegistration.Create((PosixSignal)signal, context =>
        {
            context.Cancel = true;
            _loop.Post(action);
        }));
        On(ProcessCalls.SIGINT, () => StopBySignal(graceful: false));
        On(ProcessCalls.SIGTERM, () => StopBySignal(graceful: false));
        On(ProcessCalls.SIGHUP, () => StopBySignal(graceful: false));
        On(ProcessCalls.SIGQUIT, () => StopBySignal(graceful: true));
        On(ProcessCalls.SIGUSR1, () => ReloadBySignal(graceful: false));
        On(ProcessCalls.SIGUSR2, () => ReloadBySignal(graceful: true));
    }

    /// <summary>The first one stops, any further one aborts.</summary>
    private void StopBySignal(bool graceful)
    {
        if (++_signalCount > 1) _slots.ForEach(slot => slot.KillAll());
        else BeginStop(OrderOf(graceful, null), null);
    }

    /// <summary>
    /// Nobody can be told that a reload is under way already: another one follows it, because files may have come since that
    /// began, and systemd waits for one that began after its signal.
    /// </summary>
    private void ReloadBySignal(bool graceful)
    {
        if (!IsReloading)
        {
            Reload(Reloadable, graceful, null, static _ => { });
            return;
        }
        if (!_stopping && _reloadNext is null) SupervisionLog.ReloadFollows(Settings.Logger);
        _reloadNext = graceful || _reloadNext is true;
    }

    /// <summary>Whether the program starts, or is being reloaded.</summary>
    private bool IsReloading => _serving < _slots.Count || _slots.Exists(slot => slot.IsReloading);

    private void FollowReload()
    {
        if (_reloadNext is not { } graceful) return;
        _reloadNext = null;
        if (!_stopping) ReloadBySignal(graceful);
    }

    private List<WorkerSlot> Reloadable =>
        _slots.FindAll(slot => !slot.Role.EndsWith(ProcessRole.Fixed, StringComparison.Ordinal));

    private StopOrder OrderOf(bool graceful, double? seconds) => new()
    {
        Graceful = graceful,
        TimeoutSeconds = seconds ?? (graceful ? Settings.GracefulStopTimeout : Settings.StopTimeout).TotalSeconds,
    };

    private void Answer(ControlRequest request, Action<ControlReply> reply)
    {
        switch (request.Command)
        {
            case "status":
                AskAll(request, AnswerTime, replies => reply(new ControlReply { Status = StatusOf(replies) }));
                break;
            case "connections":
                AskAll(request, ListTime, replies => reply(new ControlReply { Connections = Merge(request, replies) }));
                break;
            case "stop":
                BeginStop(OrderOf(request.Graceful, request.TimeoutSeconds),
                    () => reply(new ControlReply { Message = HowItStopped }));
                break;
            case "reload":
                Reload(Reloadable, request.Graceful, request.TimeoutSeconds, failure => reply(failure is null
                    ? new ControlReply
                    {
                        Message = $"process {string.Join(", ", _slots.Select(slot => slot.Current?.Id))} serves"
                    }
                    : new ControlReply { Ok = false, Message = failure }));
                break;
            default:
                reply(new ControlReply { Ok = false, Message = $"This program does not know the command '{request.Command}'." });
                break;
        }
    }

    private void Reload(List<WorkerSlot> slots, bool graceful, double? seconds, Action<string?> done)
    {
        if (_stopping || IsReloading)
        {
            done(_stopping ? "The program is being stopped." : "A reload, or the start, is under way already.");
            return;
        }
        Guard(Settings.OnMasterReload);
        Settings.TendFiles?.Invoke(true);
        Systemd.Current.Reloading();
        SupervisionLog.Reloading(Settings.Logger);
        foreach (WorkerSlot slot in _slots.Except(slots)) slot.Current?.Send(MessageKind.Reloaded, []);
        var drain = TimeSpan.FromSeconds(OrderOf(graceful, seconds).TimeoutSeconds);
        // What is closed over the window is not to be cut off before that has passed.
        if (seconds is null) drain += Settings.ReloadWindow;
        int left = slots.Count;
        string? failed = null;
        if (left == 0)
        {
            Systemd.Current.Ready("serving");
            done(null);
            return;
        }
        foreach (WorkerSlot slot in slots)
        {
            slot.Reload(drain, failure =>
            {
                failed ??= failure;
                if (--left > 0) return;
                if (failed is null)
                    SupervisionLog.Reloaded(Settings.Logger, string.Join(", ", _slots.Select(one => one.Current?.Id)));
                else SupervisionLog.ReloadFailed(Settings.Logger, failed);
                if (!_stopping) Systemd.Current.Ready(failed is null ? "serving" : $"serving; the last reload failed: {failed}");
                done(failed);
                _loop.Post(FollowReload);
            });
        }
    }

    /// <summary>Ends the program. A further order can only hasten it.</summary>
    /// <param name="order">How.</param>
    /// <param name="stopped">Called when its processes have ended; null for nobody.</param>
    private void BeginStop(StopOrder order, Action? stopped)
    {
        if (stopped is not null) _stopped.Add(stopped);
        if (_stopping)
        {
            foreach (WorkerSlot slot in _slots) slot.Stop(order);
            return;
        }
        _stopping = true;
        Systemd.Current.Stopping();
        if (_failure is null) SupervisionLog.Stopping(Settings.Logger);
        foreach (WorkerSlot slot in _slots) slot.Stop(order);
        EndIfEmpty();
    }

    /// <summary>What is to be said of it; null for nothing.</summary>
    private string? HowItStopped => _late.Count == 0 ? null
        : $"worker process {string.Join(", ", _late)} did not end in time, and was killed";

    private void EndIfEmpty()
    {
        if (!_stopping || !_slots.TrueForAll(slot => slot.IsEmpty)) return;
        if (_failure is null)
        {
            Guard(Settings.OnMasterStop);
            SupervisionLog.Stopped(Settings.Logger);
        }
        _loop.Stop();
    }

    /// <summary>Asks all processes; those that have not answered in time are left out.</summary>
    private void AskAll(ControlRequest request, TimeSpan limit, Action<Dictionary<int, ControlReply>> done)
    {
        int number = ++_lastQuestion;
        var waiting = Processes.Where(one => one.IsReady).Select(one => one.Id).ToHashSet();
        Dictionary<int, ControlReply> replies = [];
        long timer = 0;
        void Finish()
        {
            if (!_questions.Remove(number)) return;
            _loop.DeleteTimer(timer);
            done(replies);
        }
        _questions[number] = (process, reply) =>
        {
            if (reply.Ok) replies[process.Id] = reply;
            if (waiting.Remove(process.Id) && waiting.Count == 0) Finish();
        };
        timer = _loop.AddTimer(limit, Finish, persistent: false);
        byte[] question = [.. BitConverter.GetBytes(number), .. JsonPayload.Of(request, ControlJson.Default.ControlRequest)];
        foreach (WorkerProcess process in Processes.ToArray())
        {
            if (process.IsReady) process.Send(MessageKind.Ask, question);
        }
        if (waiting.Count == 0) Finish();
    }

    private StatusReport StatusOf(Dictionary<int, ControlReply> replies)
    {
        ProcessReport[] processes =
            [.. _slots.SelectMany(slot => slot.Processes.Select(process => ReportOf(slot, process, replies)))];
        return ProgramReport.Of(Settings.Program.Name, _startTime) with
        {
            EventLoop = processes.Select(process => process.EventLoop).FirstOrDefault(loop => loop.Length > 0) ?? "",
            Master = Environment.ProcessId,
            Processes = processes,
            Exits = [.. _exits.Select(exit => new ExitReport(exit.Key, exit.Value))],
        };
    }

    private static ProcessReport ReportOf(WorkerSlot slot, WorkerProcess process, Dictionary<int, ControlReply> replies)
    {
        ProcessReport report = replies.TryGetValue(process.Id, out ControlReply? reply)
            && reply.Status?.Processes is [var own, ..]
            ? own
            : new ProcessReport { StartTime = process.StartTime, MemoryBytes = ProgramReport.MemoryOf(process.Id) };
        return report with { Id = process.Id, State = slot.StateOf(process) };
    }

    private ConnectionReport Merge(ControlRequest request, Dictionary<int, ControlReply> replies)
    {
        int[] silent = [.. Processes.Where(one => one.IsReady && !replies.ContainsKey(one.Id)).Select(one => one.Id)];
        ConnectionReport[] all = [.. replies.Values.Select(reply => reply.Connections).OfType<ConnectionReport>()];
        return new ConnectionReport
        {
            Total = all.Sum(report => report.Total),
            Connections = [.. ConnectionOrder.Take(
                all.SelectMany(report => report.Connections), request.Sort, request.Limit, ConnectionRowKeys.Instance)],
            Silent = silent.Length == 0 ? null : silent,
        };
    }

    private void KeepFiles()
    {
        _pidFile.Keep();
        _control?.Keep();
    }

    /// <summary>The application's callbacks end no master.</summary>
    private void Guard(Action? callback)
    {
        try
        {
            callback?.Invoke();
        }
        catch (Exception e)
        {
            SupervisionLog.MasterFailed(Settings.Logger, e);
        }
    }
}
