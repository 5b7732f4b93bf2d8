using System.Net;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>The end of a run: graceful, in time, and paired with its start.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class StoppingTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Test]
    public async Task StoppingOneWorkerLeavesTheOtherRunning()
    {
        var other = new Worker("http://127.0.0.1:0") { OnMessage = (connection, _) => connection.Send("other") };
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("main"));
        IPEndPoint endPoint = other.LocalEndPoint!;
        other.Stop();
        await Wait.Until(() => !RawClient.CanConnect(endPoint), "the refusal");
        using RawClient client = server.Connect();
        Assert.That(client.Send(Get).ReadResponse().Body, Is.EqualTo("main"));
        Assert.That(server.Run.IsCompleted, Is.False);
    }

    [Test]
    public async Task StopGivesTheAnswerThatIsOwedAndSaysThatItIsTheLast()
    {
        TcpConnection? waiting = null;
        TestServer server = TestServer.Http(loopType, (connection, _) => waiting = connection,
            worker => worker.OnWorkerStop = _ => Timer.Delay(0.05, () => waiting!.Send("owed")));
        using RawClient client = server.Connect();
        client.Send(Get);
        await Wait.Until(() => waiting is not null, "the request");
        Task stop = server.DisposeAsync().AsTask();
        (_, string head, string body) = client.ReadResponse();
        Assert.That((body, head.Contains("\r\nConnection: close\r\n")), Is.EqualTo(("owed", true)));
        await stop;
    }

    [Test]
    public async Task StopCutsOffWhatDoesNotEndInTime()
    {
        Worker.StopTimeout = TimeSpan.FromMilliseconds(200);
        try
        {
            var closed = new TaskCompletionSource();
            TestServer server = TestServer.Http(loopType, (_, _) => { }, worker => worker.OnClose = _ => closed.SetResult());
            using RawClient client = server.Connect();
            client.Send(Get);
            await Wait.Until(() => server.Main.Connections.Count == 1 && server.Main.Connections.Single().BytesRead > 0, "the request");
            await server.DisposeAsync();
            Assert.That(client.ReadToEnd(), Is.Empty);
            Assert.That(closed.Task.IsCompleted);
        }
        finally
        {
            Worker.StopTimeout = TimeSpan.FromSeconds(2);
        }
    }

    [Test]
    public async Task CallbackThatBlocksForEverDoesNotKeepTheServerFromStopping()
    {
        Worker.StopTimeout = TimeSpan.FromMilliseconds(100);
        using var release = new ManualResetEventSlim();
        try
        {
            TestServer server = TestServer.Http(loopType, (_, _) => release.Wait());
            using RawClient client = server.Connect();
            client.Send(Get);
            await Wait.Until(() => server.Main.Connections.Count == 1 && server.Main.Connections.Single().BytesRead > 0, "the request");
            await server.DisposeAsync();
            Assert.That(server.Log.Text, Does.Contain("did not stop in time"));
        }
        finally
        {
            release.Set();
            Worker.StopTimeout = TimeSpan.FromSeconds(2);
        }
    }

    [Test]
    public void StopAllInOnWorkerStartStillPairsStartsAndStops()
    {
        for (int round = 0; round < 5; round++)
        {
            int starts = 0;
            int stops = 0;
            Worker.EventLoopClass = loopType;
            var worker = new Worker("http://127.0.0.1:0") { Count = 8, OnMessage = (_, _) => { } };
            worker.OnWorkerStart = _ =>
            {
                Interlocked.Increment(ref starts);
                Worker.StopAll();
            };
            worker.OnWorkerStop = _ => Interlocked.Increment(ref stops);
            Task run = Worker.RunAllAsync();
            Wait.For(run);
            Assert.That((starts, stops, worker.LocalEndPoint), Is.EqualTo((8, 8, (IPEndPoint?)null)));
        }
    }

    [Test]
    public async Task StopAllEndsTheRun()
    {
        TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            Worker.StopAll();
            connection.Send("bye");
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send(Get).ReadResponse().Body, Is.EqualTo("bye"));
        Wait.For(server.Run);
        await server.DisposeAsync();
    }

    [Test]
    public void CancelledTokenStopsAtOnceAndStartAndStopStillPair()
    {
        var calls = new List<string>();
        _ = new Worker("http://127.0.0.1:0") { OnMessage = (_, _) => { }, OnWorkerStart = _ => calls.Add("start"), OnWorkerStop = _ => calls.Add("stop") };
        Worker.EventLoopClass = loopType;
        Wait.For(Worker.RunAllAsync(new CancellationToken(canceled: true)));
        Assert.That(calls, Is.EqualTo(new[] { "start", "stop" }));
    }
}
