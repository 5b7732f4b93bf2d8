using System.Diagnostics;
using System.Text.RegularExpressions;
using Workerman.Connection;
using Workerman.Diagnostics;
using Workerman.Hosting;
using Workerman.Tests.Support;

namespace Workerman.Tests.Diagnostics;

/// <summary>Callbacks that hold a loop for long are reported: once each, and once more when they have returned.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed partial class SlowCallbackTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Test]
    public async Task SlowCallbackIsReportedOnceAndWhenItReturns()
    {
        using var release = new SemaphoreSlim(0);
        ServerSettings settings = TestServer.Settings(loopType) with { SlowCallbackTime = TimeSpan.FromMilliseconds(50) };
        await using TestServer server = TestServer.Http(settings, (connection, _) =>
        {
            release.Wait(Wait.Limit);
            // A callback within it does not make it another one.
            connection.OnError = (_, _, _) => { };
            connection.Send("ok");
            connection.Send("too much");
            Thread.Sleep(200);
        });
        using RawClient client = server.Connect();
        for (int calls = 1; calls <= 2; calls++)
        {
            client.Send(Get);
            await Wait.Until(() => LinesOf(server).Length == 2 * calls - 1, "the first line");
            release.Release();
            client.ReadResponse();
            await Wait.Until(() => LinesOf(server).Length == 2 * calls, "the second line");
        }
        string name =
            $@"OnMessage \(SlowCallbackTests\.{nameof(SlowCallbackIsReportedOnceAndWhenItReturns)} lambda\) of worker test";
        string[] lines = LinesOf(server);
        for (int i = 0; i < 4; i += 2)
        {
            Assert.That(lines[i], Does.Match($@"^\[Warning\] {name} has held its loop workerman test 0 for \d+ ms by now"));
            Assert.That(lines[i + 1],
                Does.Match($@"^\[Warning\] {name} has returned; it held its loop workerman test 0 for \d+ ms"));
            Assert.That(TimeIn(lines[i]), Is.GreaterThanOrEqualTo(50));
            Assert.That(TimeIn(lines[i + 1]), Is.GreaterThanOrEqualTo(Math.Max(200, TimeIn(lines[i]))));
        }
    }

    [Test]
    public async Task InfiniteTimeReportsNothing()
    {
        ServerSettings settings = TestServer.Settings(loopType) with { SlowCallbackTime = Timeout.InfiniteTimeSpan };
        await using TestServer server = TestServer.Http(settings, (connection, _) =>
        {
            Thread.Sleep(300);
            connection.Send("ok");
        });
        using RawClient client = server.Connect();
        client.Send(Get).ReadResponse();
        Assert.That(LinesOf(server), Is.Empty);
    }

    [Test]
    public void TimeHasALeast()
    {
        TimeSpan usual = Worker.SlowCallbackTime;
        Assert.That(usual, Is.EqualTo(TimeSpan.FromSeconds(1)));
        foreach (TimeSpan wrong in new[] { TimeSpan.Zero, TimeSpan.FromMilliseconds(9.9), TimeSpan.FromSeconds(-2) })
            Assert.Throws<ArgumentOutOfRangeException>(() => Worker.SlowCallbackTime = wrong, $"{wrong}");
        Assert.That(Worker.SlowCallbackTime, Is.EqualTo(usual));
    }

    private static string[] LinesOf(TestServer server) =>
        [.. server.Log.Lines.Where(static line => line.Contains("its loop", StringComparison.Ordinal))];

    private static int TimeIn(string line) => int.Parse(Milliseconds().Match(line).Groups[1].Value, null);

    [GeneratedRegex(@"for (\d+) ms")]
    private static partial Regex Milliseconds();
}

/// <summary>What the watch makes of what it sees, look by look; its clock is the test's.</summary>
internal sealed class WatchedLoopTests : ILoopState, ISlowCallbackLog
{
    private static readonly long Millisecond = Stopwatch.Frequency / 1000;

    private RunningCallback _running = new();
    private readonly List<string> _told = [];
    private long _now;
    private WatchedLoop _watched = null!;

    public int TimerCount => 0;

    public bool IsIdle { get; set; }

    public long TurnBegan { get; set; }

    public long LastLook { get; set; }

    [SetUp]
    public void Begin()
    {
        _told.Clear();
        _running = new RunningCallback();
        _now = Stopwatch.GetTimestamp();
        (IsIdle, TurnBegan, LastLook) = (false, _now, _now);
        _watched = new WatchedLoop(_running, this, TimeSpan.FromMilliseconds(80), this);
    }

    [TearDown]
    public void End() => _watched.Dispose();

    public void Held(string callback, TimeSpan time) => _told.Add($"{Short(callback)} held");

    public void Returned(string callback, TimeSpan time) => _told.Add($"{Short(callback)} returned");

    [Test]
    public void OneCallIsToldOnceAtTheLimitAndNotBefore()
    {
        RunningCallback.Scope scope = Enter(new A());
        Look(10, 20, 30, 40, 50, 60, 70);
        Assert.That(_told, Is.Empty);
        Look(80, 90, 500);
        Assert.That(_told, Is.EqualTo(new[] { "A held" }));
        scope.Exit();
        Assert.That(_told, Is.EqualTo(new[] { "A held", "A returned" }), "said by the loop");
        Look(510, 520);
        Assert.That(_told, Has.Count.EqualTo(2));
    }

    [Test]
    public void ManyShortOnesAreNotOneLong()
    {
        for (int i = 1; i < 100; i++)
        {
            RunningCallback.Scope scope = Enter(new A());
            Look(10 * i);
            scope.Exit();
        }
        Assert.That(_told, Is.Empty);
    }

    [Test]
    public void OneWithinAnotherBelongsToIt()
    {
        RunningCallback.Scope outer = Enter(new A());
        for (int i = 1; i < 20; i++)
        {
            RunningCallback.Scope inner = Enter(new B());
            inner.Exit();
            Look(10 * i);
        }
        outer.Exit();
        Assert.That(_told, Is.EqualTo(new[] { "A held", "A returned" }));
    }

    [Test]
    public void InnermostIsNamed()
    {
        RunningCallback.Scope outer = Enter(new A());
        RunningCallback.Scope inner = Enter(new B());
        Look(10, 20, 30, 40, 50, 60, 70, 80, 90);
        inner.Exit();
        Assert.That(_told, Is.EqualTo(new[] { "B held" }), "the outer one has not returned");
        outer.Exit();
        Assert.That(_told, Is.EqualTo(new[] { "B held", "B returned" }));
    }

    [Test]
    public void NextCallIsToldToo()
    {
        for (int i = 0; i < 2; i++)
        {
            RunningCallback.Scope scope = Enter(new A());
            for (int at = 10; at <= 100; at += 10) Look(1000 * i + at);
            scope.Exit();
        }
        Assert.That(_told, Is.EqualTo(new[] { "A held", "A returned", "A held", "A returned" }));
    }

    [Test]
    public void LoopThatWaitsHasNoneAndADebuggerHidesAll()
    {
        IsIdle = true;
        Look(10, 20, 500);
        IsIdle = false;
        RunningCallback.Scope scope = Enter(new A());
        for (int at = 510; at < 900; at += 10) _watched.Look(_now + at * Millisecond, isDebugged: true);
        scope.Exit();
        Assert.That(_told, Is.Empty);
    }

    [Test]
    public void TimeInWhichTheProcessWasStoppedDoesNotCount()
    {
        RunningCallback.Scope scope = Enter(new A());
        Look(10, 5010);
        Assert.That(_told, Is.Empty, "nobody ran for five seconds");
        for (int at = 5020; at <= 5100; at += 10) Look(at);
        scope.Exit();
        Assert.That(_told, Is.EqualTo(new[] { "A held", "A returned" }));
    }

    [Test]
    public void WorkBetweenCallbacksIsToldByItsTurn()
    {
        Look(10, 20, 30, 40, 50, 60, 70, 80, 90, 100);
        Assert.That(_told, Is.EqualTo(new[] { "work between callbacks held" }));
        TurnBegan = LastLook = _now + 105 * Millisecond;
        Look(110);
        Assert.That(_told, Is.EqualTo(new[] { "work between callbacks held", "work between callbacks returned" }));
        for (int at = 120; at < 500; at += 10)
        {
            TurnBegan = LastLook = _now + at * Millisecond;
            Look(at + 5);
        }
        Assert.That(_told, Has.Count.EqualTo(2), "many turns are not one");
    }

    /// <summary>What a loop knows of the time is when its turn began; of a long turn of many callbacks the watch knows
    /// more.</summary>
    [Test]
    public void TimeOfACallbackIsNotThatOfTheOnesBefore()
    {
        RunningCallback.Scope first = Enter(new A());
        Assert.That(_running.Since(LastLook), Is.EqualTo(_now));
        for (int at = 10; at <= 1000; at += 10) Look(at);
        first.Exit();
        RunningCallback.Scope second = Enter(new B());
        Assert.That(_running.Since(LastLook), Is.EqualTo(_now + 1000 * Millisecond));
        Look(1010, 1020, 1030);
        Assert.That(_running.Since(LastLook), Is.EqualTo(_now + 1000 * Millisecond), "it has not begun since");
        second.Exit();
    }

    private RunningCallback.Scope Enter(object callback) => _running.Enter(CallbackKind.OnMessage, callback);

    private void Look(params int[] milliseconds)
    {
        foreach (int at in milliseconds) _watched.Look(_now + at * Millisecond, isDebugged: false);
    }

    private static string Short(string callback) => callback.Replace($"OnMessage ({nameof(WatchedLoopTests)}.", "").TrimEnd(')');

    private sealed class A;

    private sealed class B;
}
