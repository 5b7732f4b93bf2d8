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
        var main = new Worker("http://127.0.0.1:0") { OnMessage = (connection, _) => connection.Send("main") };
        await using TestServer server = TestServer.Start(loopType, main, other);
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
        var closed = new TaskCompletionSource();
        TestServer server = TestServer.Http(
            TestServer.Settings(loopType, TimeSpan.FromMilliseconds(200)), (_, _) => { }, worker =>
                worker.OnClose = _ => closed.SetResult());
        using RawClient client = server.Connect();
        client.Send(Get);
        await Wait.Until(() => server.Main.Connections.Count == 1 && server.Main.Connections.Single().BytesRead > 0,
            "the request");
        await server.DisposeAsync();
        Assert.That(client.ReadToEnd(), Is.Empty);
        Assert.That(closed.Task.IsCompleted);
    }

    [Test]
    public async Task CallbackThatBlocksForEverDoesNotKeepTheServerFromStopping()
    {
        using var release = new ManualResetEventSlim();
        try
        {
            TestServer server =
                TestServer.Http(TestServer.Settings(loopType, TimeSpan.FromMilliseconds(100)), (_, _) => release.Wait());
            using RawClient client = server.Connect();
            client.Send(Get);
            await Wait.Until(() => server.Main.Connections.Count == 1 && server.Main.Connections.Single().BytesRead > 0,
                "the request");
            await server.DisposeAsync();
            Assert.That(server.Log.Text, Does.Contain("did not stop in time"));
        }
        finally
        {
            release.Set();
        }
    }

    [Test]
    public void CancelledTokenStopsAtOnceAndStartAndStopStillPair()
    {
        var calls = new List<string>();
        var worker = new Worker("http://127.0.0.1:0")
        {
            OnMessage = (_, _) => { },
            OnWorkerStart = _ => calls.Add("start"),
            OnWorkerStop = _ => calls.Add("stop"),
        };
        Wait.For(TestServer.RunAsync(loopType, new CancellationToken(canceled: true), worker));
        Assert.That(calls, Is.EqualTo(new[] { "start", "stop" }));
    }
}
