using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Workerman.Logging;

/// <summary>
/// A logger for lines that peers can cause as often as they like: of each kind one a second is written. The first is written at
/// once and in full; those that follow within a second are counted, and the count is a line of its own. A kind is an event's id
/// and, of an exception, its type, its text and where it was thrown: a fault does not hide another one. Lines of level Debug and
/// below pass, because whoever turns them on wants each of them. One per worker; any thread.
/// </summary>
/// <param name="inner">Where the lines go.</param>
/// <param name="time">The clock; null for the system's.</param>
internal sealed partial class LimitedLogger(ILogger inner, TimeProvider? time = null) : ILogger
{
    /// <summary>Kinds that are told apart at a time; beyond, those of an event count as one.</summary>
    private const int MaxKinds = 256;

    /// <summary>Texts that are told apart of exceptions of one place, because a peer may choose what they say.</summary>
    private const int MaxTexts = 8;

    /// <summary>Characters of a line that its count repeats.</summary>
    private const int MaxExample = 300;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>A count is due a little before its second has passed: timers are not so exact that it would be by their next
    /// call.</summary>
    private static readonly TimeSpan LeastInterval = Interval * 0.9;

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Dictionary<Kind, Repetition> _kinds = [];
    private readonly Lock _gate = new();
    private ITimer? _timer;

    private readonly record struct Kind(int Event, Type? Fault = null, int Site = 0, int Text = 0);

    /// <summary>What was left out of a kind since its last line.</summary>
    private sealed class Repetition(LogLevel level, string example, long since)
    {
        public LogLevel Level => level;

        public string Example => example;

        /// <summary>When the last line was written.</summary>
        public long Since { get; set; } = since;

        public long Count { get; set; }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => inner.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (!inner.IsEnabled(logLevel)) return;
        if (logLevel <= LogLevel.Debug || Admits(KindOf(eventId, exception), logLevel, () => formatter(state, exception)))
            inner.Log(logLevel, eventId, state, exception, formatter);
    }

    /// <summary>Writes the counts now: no more lines come.</summary>
    public void Flush() => WriteCounts(static _ => true);

    private bool Admits(Kind kind, LogLevel level, Func<string> format)
    {
        lock (_gate)
        {
            if (!_kinds.ContainsKey(kind)) kind = Narrow(kind);
            if (_kinds.TryGetValue(kind, out Repetition? repetition))
            {
                repetition.Count++;
                return false;
            }
            string example = format();
            if (example.Length > MaxExample) example = example[..MaxExample] + "\u2026";
            _kinds.Add(kind, new Repetition(level, example, _time.GetTimestamp()));
            if (_kinds.Count == 1) StartTimer();
            return true;
        }
    }

    /// <summary>A kind for one that is new, of which there may be as many as a peer likes.</summary>
    private Kind Narrow(Kind kind)
    {
        if (_kinds.Count >= MaxKinds) return new Kind(kind.Event);
        if (kind.Fault is null) return kind;
        int texts = 0;
        foreach (Kind known in _kinds.Keys)
        {
            if (known with { Text = kind.Text } == kind) texts++;
        }
        return texts < MaxTexts ? kind : kind with { Text = 0 };
    }

    /// <summary>Of its stack the top two places tell faults of one type apart.</summary>
    private static Kind KindOf(EventId eventId, Exception? exception)
    {
        if (exception is null) return new Kind(eventId.Id);
        var stack = new StackTrace(exception, fNeedFileInfo: false);
        return new Kind(eventId.Id, exception.GetType(), HashCode.Combine(PlaceOf(stack, 0), PlaceOf(stack, 1)),
            TextOf(exception));
    }

    /// <summary>An exception of the application's may have no text, or fail to make it.</summary>
    private static int TextOf(Exception exception)
    {
        try
        {
            return exception.Message?.GetHashCode(StringComparison.Ordinal) ?? 0;
        }
        catch (Exception)
        {
            return 0;
        }
    }

    private static int PlaceOf(StackTrace stack, int index)
    {
        if (stack.GetFrame(index) is not { } frame) return 0;
        var method = DiagnosticMethodInfo.Create(frame);
        return HashCode.Combine(method?.DeclaringTypeName, method?.Name, frame.GetNativeOffset());
    }

    private void StartTimer()
    {
        if (_timer is not null)
        {
            _timer.Change(Interval, Interval);
            return;
        }
        // Without the context of whoever has logged the first line.
        using AsyncFlowControl? suppressed = ExecutionContext.IsFlowSuppressed() ? null : ExecutionContext.SuppressFlow();
        _timer = _time.CreateTimer(static logger => ((LimitedLogger)logger!).Tick(), this, Interval, Interval);
    }

    private void Tick()
    {
        long now = _time.GetTimestamp();
        WriteCounts(repetition => _time.GetElapsedTime(repetition.Since, now) >= LeastInterval);
    }

    private void WriteCounts(Func<Repetition, bool> isDue)
    {
        List<(LogLevel Level, long Count, string Example)> counts = [];
        lock (_gate)
        {
            foreach ((Kind kind, Repetition repetition) in _kinds)
            {
                if (!isDue(repetition)) continue;
                if (repetition.Count == 0)
                {
                    // Nothing for a second: the next line is a first one.
                    _kinds.Remove(kind);
                    continue;
                }
                counts.Add((repetition.Level, repetition.Count, repetition.Example));
                (repetition.Count, repetition.Since) = (0, _time.GetTimestamp());
            }
            if (_kinds.Count == 0) _timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
        foreach ((LogLevel level, long count, string example) in counts) LeftOut(inner, level, count, example);
    }

    [LoggerMessage(EventId = 52, Message = "{Count} more lines like this one were left out within a second: {Line}")]
    private static partial void LeftOut(ILogger logger, LogLevel level, long count, string line);
}
