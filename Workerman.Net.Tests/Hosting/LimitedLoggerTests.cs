using Microsoft.Extensions.Logging;
using Workerman.Logging;

namespace Workerman.Tests.Hosting;

/// <summary>Lines that come too often: of each kind one a second, and none is lost but in its words.</summary>
internal sealed class LimitedLoggerTests
{
    private readonly ManualTime _time = new();
    private readonly Workerman.Tests.Support.TestServer.MemoryLogger _lines = new();
    private LimitedLogger _logger = null!;

    [SetUp]
    public void Open()
    {
        _lines.Lines.Clear();
        _logger = new LimitedLogger(_lines, _time);
    }

    private void Warn(int id, string line) =>
        _logger.Log(LogLevel.Warning, new EventId(id), line, null, static (text, _) => text);

    private void Fail(Exception exception) =>
        _logger.Log(LogLevel.Error, new EventId(5), "failed", exception, static (text, _) => text);

    private string[] Take()
    {
        string[] taken = [.. _lines.Lines.Select(line => line.Split('\n')[0].Trim())];
        _lines.Lines.Clear();
        return taken;
    }

    [Test]
    public void FirstIsWrittenAtOnceAndTheOthersOfItsSecondAreCounted()
    {
        for (int i = 0; i < 5; i++) Warn(1, $"line {i}");
        Assert.That(Take(), Is.EqualTo(new[] { "[Warning] line 0" }));
        _time.Advance(TimeSpan.FromMilliseconds(999));
        Warn(1, "line 5");
        Assert.That(Take(), Is.Empty, "still within the second");
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That(Take(), Is.EqualTo(
            new[] { "[Warning] 5 more lines like this one were left out within a second: line 0" }));
    }

    /// <summary>The count is the line of its second.</summary>
    [Test]
    public void OneLineASecondIsAll()
    {
        for (int second = 0; second < 3; second++)
        {
            for (int i = 0; i < 10; i++) Warn(1, "x");
            _time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.That(Take().Select(line => line.Split(' ')[1]), Is.EqualTo(new[] { "x", "9", "10", "10" }));
    }

    /// <summary>The clock moves on while a count is written, and the timer does not wait for that.</summary>
    [Test]
    public void EachSecondHasItsCountThoughTheClockGoesOn()
    {
        _time.Runs = true;
        for (int second = 0; second < 4; second++)
        {
            for (int i = 0; i < 10; i++) Warn(1, "x");
            _time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.That(Take().Select(line => line.Split(' ')[1]), Is.EqualTo(new[] { "x", "9", "10", "10", "10" }));
    }

    [Test]
    public void ExceptionWithoutATextIsWritten()
    {
        Fail(Thrown(() => throw new Speechless(fails: false)));
        Fail(Thrown(() => throw new Speechless(fails: true)));
        Assert.That(Take(), Has.Length.EqualTo(2));
    }

    [Test]
    public void AfterAQuietSecondTheNextIsAFirstOne()
    {
        Warn(1, "a");
        _time.Advance(TimeSpan.FromSeconds(1));
        Warn(1, "b");
        Assert.That(Take(), Is.EqualTo(new[] { "[Warning] a", "[Warning] b" }));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.That((Take(), _time.IsArmed), Is.EqualTo((Array.Empty<string>(), false)), "nothing ticks for nothing");
        Warn(1, "c");
        Warn(1, "c");
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.That(Take(), Has.Length.EqualTo(2));
    }

    [Test]
    public void KindsDoNotHideEachOther()
    {
        Warn(1, "one");
        Warn(2, "two");
        Fail(Thrown(() => throw new InvalidOperationException("a")));
        Fail(Thrown(() => throw new InvalidOperationException("b")));
        Fail(Thrown(() => throw new FormatException()));
        Assert.That(Take(), Has.Length.EqualTo(5), "by event, by type, and by where it was thrown");
        foreach (int _ in Enumerable.Range(0, 3)) Fail(Thrown(() => throw new InvalidOperationException("c")));
        Assert.That(Take(), Has.Length.EqualTo(1), "one fault");
        for (int i = 0; i < 1000; i++) Fail(Thrown(() => throw new InvalidCastException($"{i}")));
        Assert.That(Take(), Has.Length.EqualTo(9), "by its text too, but a peer may choose that: eight, and all others");
    }

    [Test]
    public void KindsThemselvesAreBounded()
    {
        for (int i = 0; i < 10_000; i++) Warn(i % 5_000, "x");
        Assert.That(Take(), Has.Length.LessThanOrEqualTo(5_000));
        _logger.Flush();
        Assert.That(Take().Sum(line => int.Parse(line.Split(' ')[1], null)), Is.GreaterThanOrEqualTo(5_000));
    }

    [Test]
    public void FlushWritesTheCountsNow()
    {
        Warn(1, new string('x', 1000));
        Warn(1, "y");
        _logger.Flush();
        Assert.That(Take()[1], Does.Contain(" 1 more lines").And.Contain("\u2026").And.Length.LessThan(500));
        _logger.Flush();
        Assert.That(Take(), Is.Empty);
    }

    /// <summary>Who turns it on wants each of them.</summary>
    [Test]
    public void LinesOfLevelDebugPass()
    {
        for (int i = 0; i < 5; i++) _logger.Log(LogLevel.Debug, new EventId(1), "x", null, static (text, _) => text);
        Assert.That(Take(), Has.Length.EqualTo(5));
    }

    /// <summary>Has no text, or fails to make one.</summary>
    private sealed class Speechless(bool fails) : Exception
    {
        public override string Message => fails ? throw new InvalidOperationException() : null!;

        public override string ToString() => nameof(Speechless);
    }

    private static Exception Thrown(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e)
        {
            return e;
        }
        throw new InvalidOperationException("nothing was thrown");
    }

    /// <summary>A clock that stands still until it is moved, and its one timer.</summary>
    private sealed class ManualTime : TimeProvider, ITimer
    {
        private long _now;
        private long _due = long.MaxValue;
        private TimeSpan _period;
        private Action? _callback;

        public bool IsArmed => _due != long.MaxValue;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        /// <summary>Whether the clock moves on a little with each look at it.</summary>
        public bool Runs { get; set; }

        public override long GetTimestamp() => Runs ? _now++ : _now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _callback = () => callback(state);
            Change(dueTime, period);
            return this;
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _due = dueTime == Timeout.InfiniteTimeSpan ? long.MaxValue : _now + dueTime.Ticks;
            _period = period;
            return true;
        }

        public void Advance(TimeSpan time)
        {
            long end = _now + time.Ticks;
            while (_due <= end)
            {
                _now = _due;
                _due += _period.Ticks;
                _callback!();
            }
            _now = end;
        }

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => default;
    }
}
