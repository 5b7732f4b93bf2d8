using Cronos;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of the page components/crontab of Workerman's manual, in C#: the package Cronos says when it is time, and a
/// timer waits for it.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class CrontabPageTests(Type loopType)
{
    private const string Cron = "the package Cronos with a Timer; there is no such package of the project's own";

    /// <summary>When it is time, in the time zone that one says.</summary>
    [ManualPage("components/crontab.md", Different = Cron)]
    [Test]
    public void ExpressionsSayWhen()
    {
        var zone = TimeZoneInfo.CreateCustomTimeZone("PRC", TimeSpan.FromHours(8), "PRC", "PRC");
        var now = new DateTime(2026, 1, 31, 23, 50, 30, DateTimeKind.Utc);
        // At the first second of every minute.
        Assert.That(CronExpression.Parse("1 * * * * *", CronFormat.IncludeSeconds).GetNextOccurrence(now, zone),
            Is.EqualTo(new DateTime(2026, 1, 31, 23, 51, 1, DateTimeKind.Utc)));
        // At 7:50 every day; the seconds are left out.
        Assert.That(CronExpression.Parse("50 7 * * *").GetNextOccurrence(now, zone),
            Is.EqualTo(new DateTime(2026, 2, 1, 23, 50, 0, DateTimeKind.Utc)));
    }

    /// <summary>It runs each time; the second example: it is taken back.</summary>
    [ManualPage("components/crontab.md", Different = Cron)]
    [Test]
    public async Task RunsUntilItIsDestroyed()
    {
        using var output = new EventQueue();
        var worker = new Worker();
        worker.OnWorkerStart = worker =>
        {
            Crontab? crontab = null;
            // The page's minute.
            crontab = new Crontab("* * * * * *", () =>
            {
                output.Add("run");
                crontab!.Destroy();
                Timer.Delay(0.01, () => output.Add($"destroyed: {!crontab.IsWaiting}"));
            });
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That((output.Next(), output.Next()), Is.EqualTo(("run", "destroyed: True")));
    }

    /// <summary>What runs whenever an expression says so, on the loop that it was made on.</summary>
    private sealed class Crontab
    {
        private readonly CronExpression _expression;
        private readonly Action _callback;
        private long _timerId;

        public Crontab(string expression, Action callback)
        {
            _expression = CronExpression.Parse(expression, CronFormat.IncludeSeconds);
            _callback = callback;
            WaitForNext(DateTime.UtcNow);
        }

        public bool IsWaiting => _timerId != 0;

        public void Destroy()
        {
            Timer.Del(_timerId);
            _timerId = 0;
        }

        private void WaitForNext(DateTime after)
        {
            if (_expression.GetNextOccurrence(after) is not { } next) return;
            _timerId = Timer.Delay(Math.Max(0, (next - DateTime.UtcNow).TotalSeconds), () =>
            {
                // A timer and the clock on the wall are two: it may fire a moment before the time that it is for.
                DateTime now = DateTime.UtcNow;
                WaitForNext(now > next ? now : next);
                _callback();
            });
        }
    }
}
