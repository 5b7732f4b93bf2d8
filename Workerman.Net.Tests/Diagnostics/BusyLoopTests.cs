using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Diagnostics;

/// <summary>A loop that hangs, seen from another thread: for how long, and in which callback.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class BusyLoopTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Test]
    public async Task CallbackThatHoldsTheLoopIsNamed()
    {
        using var release = new ManualResetEventSlim();
        using var inside = new ManualResetEventSlim();
        void Hold()
        {
            inside.Set();
            release.Wait(Wait.Limit);
        }
        var worker = new Worker("http://127.0.0.1:0") { Name = "test" };
        worker.OnMessageAsync = async (connection, request) =>
        {
            if (request.Path == "/message") Hold();
            if (request.Path == "/later")
            {
                await Task.Yield();
                Hold();
            }
            if (request.Path == "/timer") Timer.Delay(0, Hold);
            if (request.Path == "/asynctimer") Timer.DelayAsync(0, HoldAsync);
            if (request.Path == "/slept") _ = Sleep();
            if (request.Path == "/posted") connection.Loop.Post(Hold);
            if (request.Path == "/error") connection.OnError = (_, _, _) => Hold();
            connection.Send("ok");
            if (request.Path == "/error") connection.Send("too much");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        foreach ((string path, string name) in new[]
        {
            ("/message", $"OnMessage ({Method} lambda)"),
            ("/later", $"code after an await ({Method} lambda)"),
            ("/timer", $"timer ({Method}.Hold)"),
            ("/asynctimer", $"timer ({Method}.HoldAsync)"),
            ("/slept", "code after an await of Timer.Sleep"),
            ("/posted", $"posted work ({Method}.Hold)"),
            ("/error", $"OnError ({Method} lambda)"),
        })
        {
            client.Send(Get.Replace(" / ", $" {path} "));
            Assert.That(inside.Wait(Wait.Limit), path);
            LoopStatistics busy = worker.LoopStatistics.Single();
            Assert.That(busy.Callback, Is.EqualTo(name));
            await Wait.Until(() => worker.LoopStatistics.Single().Busy > busy.Busy, $"{path}: the time goes on");
            Assert.That(worker.Statistics.LoopLag, Is.GreaterThanOrEqualTo(busy.Busy), "it is lag already");
            inside.Reset();
            release.Set();
            client.ReadResponse();
            await Wait.Until(() => worker.LoopStatistics.Single() is { Callback: null } idle && idle.Busy == TimeSpan.Zero,
                $"{path}: the loop waits again");
            release.Reset();
        }

        Task HoldAsync()
        {
            Hold();
            return Task.CompletedTask;
        }

        async Task Sleep()
        {
            await Timer.Sleep(0);
            Hold();
        }
    }

    [Test]
    public void LoopThatDoesNotRunIsIdle()
    {
        var runner = new LoopRunner(loopType);
        runner.Do(() => { });
        runner.Dispose();
        Assert.That(runner.Loop.Activity, Is.EqualTo(default((TimeSpan, string?))));
        Assert.That(runner.Loop.Figures.Lag, Is.LessThan(Wait.Limit));
    }

    private static string Method => $"BusyLoopTests.{nameof(CallbackThatHoldsTheLoopIsNamed)}";
}
