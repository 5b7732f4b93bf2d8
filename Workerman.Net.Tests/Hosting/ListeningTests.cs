using System.Net;
using System.Net.Sockets;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>Listening: addresses, Listen and Unlisten, paused accepting.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ListeningTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [ManualPage("faq/ipv6.md")]
    [Test]
    public async Task SpeaksIPv6()
    {
        if (!Socket.OSSupportsIPv6) Assert.Ignore("this machine has no IPv6");
        await using (TestServer server = TestServer.Start(loopType,
            new Worker("http://[::1]:0") { OnMessage = (c, _) => c.Send($"{c.RemoteIp} {c.IsIpV6}") }))
        {
            using RawClient client = server.Connect();
            Assert.That(client.Send(Get).ReadResponse().Body, Is.EqualTo("::1 True"));
            using var httpClient = new HttpClient();
            Assert.That(await httpClient.GetStringAsync(server.Uri), Is.EqualTo("::1 True"));
        }
    }

    [Test]
    public async Task UnlistenRefusesNewConnectionsAndListenTakesThemAgain()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"));
        IPEndPoint endPoint = server.EndPoint;
        using RawClient open = server.Connect();
        open.Send(Get).ReadResponse();
        server.Main.Unlisten();
        Assert.That(server.Main.LocalEndPoint, Is.Null);
        await Wait.Until(() => !RawClient.CanConnect(endPoint), "the refusal");
        Assert.That(open.Send(Get).ReadResponse().Body, Is.EqualTo("ok"), "open connections live on");
        server.Main.Listen();
        using RawClient again = server.Connect();
        Assert.That(again.Send(Get).ReadResponse().Body, Is.EqualTo("ok"));
    }

    [Test]
    public async Task PausedAcceptLeavesConnectionsWaiting()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"));
        using RawClient open = server.Connect();
        open.Send(Get).ReadResponse();
        server.Main.PauseAccept();
        open.Send(Get).ReadResponse();
        using RawClient waiting = server.Connect();
        waiting.Send(Get);
        open.Send(Get).ReadResponse();
        await LoopTurns.Pass(server);
        Assert.That(waiting.Socket.Available, Is.Zero);
        server.Main.ResumeAccept();
        Assert.That(waiting.ReadResponse().Body, Is.EqualTo("ok"));
    }

    [Test]
    public async Task ListenBeforeRunningKeepsConnectionsUntilItRuns()
    {
        var worker = new Worker("http://127.0.0.1:0") { OnMessage = (connection, _) => connection.Send("ok") };
        worker.Listen();
        using var early = new RawClient(worker.LocalEndPoint!);
        early.Send(Get);
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(early.ReadResponse().Body, Is.EqualTo("ok"));
    }

    /// <summary>PHP's idiom: in onWorkerStart, <c>$inner = new Worker('tcp://…'); $inner->listen();</c></summary>
    [ManualPage("worker/listen.md")]
    [Test]
    public async Task WorkerThatListensInACallbackRunsOnThatLoop()
    {
        var inner = new TaskCompletionSource<Worker<ReadOnlyMemory<byte>>>();
        bool sameLoop = false;
        await using (TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("outer"),
            worker => worker.OnWorkerStart = _ =>
            {
                EventLoop loop = EventLoop.Current!;
                var second = new Worker<ReadOnlyMemory<byte>>("tcp://127.0.0.1:0")
                {
                    OnMessage = (connection, bytes) =>
                    {
                        sameLoop = EventLoop.Current == loop;
                        connection.Send(bytes);
                    },
                };
                second.Listen();
                inner.SetResult(second);
            }))
        {
            using var client = new RawClient(Wait.For(inner.Task).LocalEndPoint!);
            Assert.That(client.Send("echo").ReadExactly(4), Is.EqualTo("echo"));
            Assert.That(sameLoop);
        }
        Assert.That(inner.Task.Result.LocalEndPoint, Is.Null, "it stops with its loop");
    }

    [Test]
    public async Task UnlistenAndListenAtOnceKeepThePort()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/again")
            {
                connection.Worker!.Unlisten();
                connection.Worker!.Listen();
            }
            connection.Send("ok");
        }, worker => worker.Count = 2);
        IPEndPoint endPoint = server.EndPoint;
        for (int round = 0; round < 10; round++)
        {
            server.Main.Unlisten();
            server.Main.Listen();
            Assert.That(server.EndPoint, Is.EqualTo(endPoint));
            using RawClient client = server.Connect();
            client.Send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
            Assert.That(server.EndPoint, Is.EqualTo(endPoint));
            using RawClient other = server.Connect();
            Assert.That(other.Send(Get).ReadResponse().Body, Is.EqualTo("ok"));
        }
    }

    [Test]
    public async Task PauseAcceptBeforeAcceptingCounts()
    {
        var started = new TaskCompletionSource<EventLoop>();
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send("ok"), worker => worker.OnWorkerStart = _ =>
            {
                worker.PauseAccept();
                started.SetResult(EventLoop.Current!);
            });
        using RawClient waiting = server.Connect();
        waiting.Send(Get);
        await LoopTurns.Pass(Wait.For(started.Task));
        Assert.That(waiting.Socket.Available, Is.Zero);
        server.Main.ResumeAccept();
        Assert.That(waiting.ReadResponse().Body, Is.EqualTo("ok"));
    }

    [Test]
    public void FailureToListenLeavesNothingOpen()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var first = new Worker("http://127.0.0.1:0") { OnMessage = (_, _) => { } };
        var second = new Worker($"http://{taken.LocalEndpoint}") { OnMessage = (_, _) => { } };
        string refusal = TestServer.Refusal(loopType, first, second);
        Assert.That(refusal, Does.Contain($"http://{taken.LocalEndpoint}").And.Contain("in use").And.Contain("Cure: "));
        Assert.That(first.LocalEndPoint, Is.Null);
        Assert.That(Worker.GetAllWorkers(), Does.Not.Contain(first).And.Not.Contain(second),
            "what failed is not run again by the next");
    }
}
