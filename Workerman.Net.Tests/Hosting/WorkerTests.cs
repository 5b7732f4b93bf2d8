using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>The worker: its loops and views, its life, listening and its end.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class WorkerTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Test]
    public async Task EachLoopHasItsIdAndItsConnections([Values] bool reusePort)
    {
        var ids = new List<int>();
        var stopped = new List<int>();
        var gate = new Lock();
        var worker = new Worker("http://127.0.0.1:0")
        {
            Count = 3,
            ReusePort = reusePort,
            OnMessage = (connection, _) => connection.Send($"{((Worker<Request>)connection.Worker!).Id} {connection.Worker!.Connections.Count}"),
            OnWorkerStart = w =>
            {
                lock (gate) ids.Add(w.Id);
            },
            OnWorkerStop = w =>
            {
                lock (gate) stopped.Add(w.Id);
            },
        };
        await using (TestServer server = TestServer.Start(loopType, worker))
        {
            List<RawClient> clients = [.. Enumerable.Range(0, 30).Select(_ => server.Connect())];
            await Wait.Until(() => worker.Connections.Count == 30, "a snapshot of all loops");
            var counts = new Dictionary<string, int>();
            foreach (RawClient client in clients)
            {
                string[] answer = client.Send(Get).ReadResponse().Body.Split(' ');
                counts[answer[0]] = int.Parse(answer[1], null);
            }
            Assert.That(counts.Values.Sum(), Is.EqualTo(30), "each loop sees its own");
            Assert.That(worker.Id, Is.EqualTo(-1), "asked from elsewhere");
            clients.ForEach(client => client.Dispose());
            await Wait.Until(() => worker.Connections.Count == 0, "the closes");
        }
        Assert.That(ids, Is.EquivalentTo(new[] { 0, 1, 2 }));
        Assert.That(stopped, Is.EquivalentTo(new[] { 0, 1, 2 }));
    }

    [Test]
    public async Task SeveralWorkersRunTogether()
    {
        var other = new Worker<ReadOnlyMemory<byte>>("tcp://127.0.0.1:0") { OnMessage = (connection, bytes) => connection.Send(bytes) };
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("http"));
        using RawClient http = server.Connect();
        using var tcp = new RawClient(other.LocalEndPoint!);
        Assert.That(http.Send(Get).ReadResponse().Body, Is.EqualTo("http"));
        Assert.That(tcp.Send("echo").ReadExactly(4), Is.EqualTo("echo"));
        Assert.That(Worker.GetAllWorkers(), Is.EquivalentTo(new[] { server.Main, other }));
    }

    [Test]
    public async Task SpeaksIPv6()
    {
        if (!Socket.OSSupportsIPv6) Assert.Ignore("this machine has no IPv6");
        await using (TestServer server = TestServer.Start(loopType, new Worker("http://[::1]:0") { OnMessage = (c, _) => c.Send($"{c.RemoteIp} {c.IsIpV6}") }))
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
        await Wait.Until(() => !CanConnect(endPoint), "the refusal");
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
        await Task.Delay(30);
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
    [Test]
    public async Task WorkerThatListensInACallbackRunsOnThatLoop()
    {
        var inner = new TaskCompletionSource<Worker<ReadOnlyMemory<byte>>>();
        bool sameLoop = false;
        await using (TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("outer"), worker => worker.OnWorkerStart = _ =>
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
    public async Task StoppingOneWorkerLeavesTheOtherRunning()
    {
        var other = new Worker("http://127.0.0.1:0") { OnMessage = (connection, _) => connection.Send("other") };
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("main"));
        IPEndPoint endPoint = other.LocalEndPoint!;
        other.Stop();
        await Wait.Until(() => !CanConnect(endPoint), "the refusal");
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
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"),
            worker => worker.OnWorkerStart = _ => worker.PauseAccept());
        using RawClient waiting = server.Connect();
        waiting.Send(Get);
        await Task.Delay(50);
        Assert.That(waiting.Socket.Available, Is.Zero);
        server.Main.ResumeAccept();
        Assert.That(waiting.ReadResponse().Body, Is.EqualTo("ok"));
    }

    [Test]
    public async Task WorkerThatRunsIsNotRunAgainByARunBesideIt()
    {
        int starts = 0;
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"), worker => worker.OnWorkerStart = _ => starts++);
        Assert.Throws<InvalidOperationException>(() => _ = Worker.RunAllAsync());
        using RawClient client = server.Connect();
        client.Send(Get).ReadResponse();
        Assert.That(starts, Is.EqualTo(1));
    }

    [Test]
    public async Task LoggerThatThrowsHarmsNobody()
    {
        TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/bad") throw new InvalidOperationException("boom");
            connection.Send(request.Path);
        });
        Worker.Logger = new ThrowingLogger();
        using RawClient first = server.Connect();
        using RawClient second = server.Connect();
        first.Send("GET /secret HTTP/1.1\r\nHost: a\r\n\r\nGET /bad HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(first.ReadResponse().Body, Is.EqualTo("/secret"));
        Assert.That(first.ReadResponse().Status, Is.EqualTo(500));
        second.Send("GET /mine HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(second.ReadResponse().Body, Is.EqualTo("/mine"));
        await server.DisposeAsync();
    }

    [Test]
    public async Task StopAllEndsTheRun()
    {
        TestServer server = TestServer.Http(loopType, (_, _) => Worker.StopAll());
        using RawClient client = server.Connect();
        client.Send(Get);
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

    [Test]
    public void FailingOnWorkerStartStopsEverything()
    {
        Worker.EventLoopClass = loopType;
        var healthy = new Worker("http://127.0.0.1:0") { OnMessage = (_, _) => { } };
        _ = new Worker("http://127.0.0.1:0") { Name = "sick", OnMessage = (_, _) => { }, OnWorkerStart = _ => throw new InvalidOperationException("no database") };
        var thrown = Assert.Throws<WorkerStartException>(() => Wait.For(Worker.RunAllAsync()));
        Assert.That(thrown!.Message, Does.Contain("sick").And.Contain("no database"));
        Assert.That(healthy.LocalEndPoint, Is.Null);
    }

    [Test]
    public void FailureToListenLeavesNothingOpen()
    {
        Worker.EventLoopClass = loopType;
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var first = new Worker("http://127.0.0.1:0") { OnMessage = (_, _) => { } };
        _ = new Worker($"http://{taken.LocalEndpoint}") { OnMessage = (_, _) => { } };
        var thrown = Assert.Throws<WorkerStartException>(() => _ = Worker.RunAllAsync());
        Assert.That(thrown!.Message, Does.Contain($"http://{taken.LocalEndpoint}").And.Contain("in use").And.Contain("Cure: "));
        Assert.That(first.LocalEndPoint, Is.Null);
        Assert.That(Worker.GetAllWorkers(), Is.Empty, "what failed is not run again by the next");
    }

    [Test]
    public void WrongUseThrowsWithReasonAndCure()
    {
        Assert.That(Assert.Throws<InvalidOperationException>(() => _ = Worker.RunAllAsync())!.Message, Does.Contain("make one first"));
        Assert.That(Assert.Throws<ArgumentException>(() => _ = new Worker<string>("http://127.0.0.1:0"))!.Message,
            Does.Contain("receives Workerman.Protocols.Http.Request, not System.String").And.Contain("tcp://"));
        Assert.Throws<ArgumentNullException>(() => _ = new Worker(null!));
        Assert.That(Assert.Throws<ArgumentException>(() => Worker.EventLoopClass = typeof(string))!.Message, Does.Contain("EpollLoop"));
        Assert.Throws<ArgumentOutOfRangeException>(() => Worker.StopTimeout = TimeSpan.FromSeconds(-1));
        Assert.Throws<ArgumentNullException>(() => Worker.Logger = null!);
        var worker = new Worker("http://127.0.0.1:0") { OnMessage = (_, _) => { }, OnMessageAsync = (_, _) => Task.CompletedTask };
        Assert.Throws<ArgumentOutOfRangeException>(() => worker.Count = 0);
        Assert.Throws<ArgumentException>(() => worker.Name = "a\u001b[31mb");
        Assert.Throws<ArgumentException>(() => Worker.EventLoopClass = typeof(EventLoop));
        Assert.Throws<ArgumentOutOfRangeException>(() => worker.Options.Backlog = 0);
        Assert.That(Assert.Throws<InvalidOperationException>(() => _ = Worker.RunAllAsync())!.Message, Does.Contain("both OnMessage and OnMessageAsync"));
    }

    [Test]
    public async Task WorkerRunsOnce()
    {
        TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"));
        await server.DisposeAsync();
        Assert.That(Assert.Throws<InvalidOperationException>(server.Main.Listen)!.Message, Does.Contain("make a new one"));
    }

    [Test]
    public async Task RunsSideBySideEachWithItsOwnWorkers()
    {
        await using TestServer one = TestServer.Http(loopType, (connection, _) => connection.Send("one"));
        await using TestServer two = TestServer.Http(loopType, (connection, _) => connection.Send("two"));
        using RawClient first = one.Connect();
        using RawClient second = two.Connect();
        Assert.That(first.Send(Get).ReadResponse().Body, Is.EqualTo("one"));
        Assert.That(second.Send(Get).ReadResponse().Body, Is.EqualTo("two"));
    }

    [Test]
    public async Task WhatMustNotChangeWhileRunningSaysSo()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"));
        Assert.That(Assert.Throws<InvalidOperationException>(() => server.Main.Count = 2)!.Message, Does.Contain("before Worker.RunAll()"));
        Assert.Throws<InvalidOperationException>(() => server.Main.ReusePort = true);
    }

    [Test]
    public async Task ThrowingOnConnectIsReportedAndTheConnectionServed()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"),
            worker => worker.OnConnect = _ => throw new InvalidOperationException("in OnConnect"));
        using RawClient client = server.Connect();
        Assert.That(client.Send(Get).ReadResponse().Body, Is.EqualTo("ok"));
        Assert.That(server.Log.Text, Does.Contain("in OnConnect"));
    }

    [Test]
    public async Task CallbacksOfOneLoopNeverOverlap()
    {
        int inside = 0;
        bool overlapped = false;
        async Task Check()
        {
            overlapped |= Interlocked.Increment(ref inside) != 1;
            Thread.SpinWait(200);
            Interlocked.Decrement(ref inside);
            await Task.Yield();
            overlapped |= Interlocked.Increment(ref inside) != 1;
            Thread.SpinWait(200);
            Interlocked.Decrement(ref inside);
        }
        var worker = new Worker("http://127.0.0.1:0")
        {
            OnMessageAsync = async (connection, _) =>
            {
                await Check();
                await Task.Run(() => { });
                await Check();
                connection.Send("ok");
            },
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new HttpClient { BaseAddress = server.Uri };
        await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => client.GetStringAsync("/")));
        Assert.That(overlapped, Is.False);
    }

    private sealed class ThrowingLogger : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => throw new IOException("no space left on device");

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            throw new IOException("no space left on device");
    }

    private static bool CanConnect(IPEndPoint endPoint)
    {
        try
        {
            using var client = new TcpClient();
            client.Connect(endPoint);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
