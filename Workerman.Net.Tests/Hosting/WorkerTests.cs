using Microsoft.Extensions.Logging;
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
            OnMessage = (connection, _) =>
                connection.Send($"{((Worker<Request>)connection.Worker!).Id} {connection.Worker!.Connections.Count}"),
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
    public async Task WithoutAnAddressItIsLoopsForTimersAndClients()
    {
        var ticked = new TaskCompletionSource<string>();
        var worker = new Worker
        {
            Name = "task",
            OnWorkerStart = worker =>
                Timer.Delay(0.001, () => ticked.SetResult($"{worker.Id} {worker.Address} {worker.LocalEndPoint}"))
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(Wait.For(ticked.Task), Is.EqualTo("0 none "));
        Assert.That(worker.Listen, Throws.InvalidOperationException.With.Message.Contain("no address"));
    }

    [Test]
    public async Task SeveralWorkersRunTogether()
    {
        var other =
            new Worker<ReadOnlyMemory<byte>>("tcp://127.0.0.1:0") { OnMessage = (connection, bytes) => connection.Send(bytes) };
        var main = new Worker("http://127.0.0.1:0") { OnMessage = (connection, _) => connection.Send("http") };
        await using TestServer server = TestServer.Start(loopType, main, other);
        using RawClient http = server.Connect();
        using var tcp = new RawClient(other.LocalEndPoint!);
        Assert.That(http.Send(Get).ReadResponse().Body, Is.EqualTo("http"));
        Assert.That(tcp.Send("echo").ReadExactly(4), Is.EqualTo("echo"));
        Assert.That(Worker.GetAllWorkers(), Does.Contain(main).And.Contain(other));
    }

    [Test]
    public async Task LoggerThatThrowsHarmsNobody()
    {
        TestServer server = TestServer.Http(TestServer.Settings(loopType, logger: new ThrowingLogger()), (connection, request) =>
        {
            if (request.Path == "/bad") throw new InvalidOperationException("boom");
            connection.Send(request.Path);
        });
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
    public void FailingOnWorkerStartStopsEverything()
    {
        var healthy = new Worker("http://127.0.0.1:0") { OnMessage = (_, _) => { } };
        var sick = new Worker("http://127.0.0.1:0")
        {
            Name = "sick",
            OnMessage = (_, _) => { },
            OnWorkerStart = _ => throw new InvalidOperationException("no database"),
        };
        var thrown = Assert.Throws<WorkerStartException>(() => Wait.For(TestServer.RunAsync(loopType, default, healthy, sick)));
        Assert.That(thrown!.Message, Does.Contain("sick").And.Contain("no database"));
        Assert.That(healthy.LocalEndPoint, Is.Null);
    }

    [Test]
    public void WrongUseThrowsWithReasonAndCure()
    {
        Assert.That(Assert.Throws<ArgumentException>(() => _ = new Worker<string>("http://127.0.0.1:0"))!.Message,
            Does.Contain("receives Workerman.Protocols.Http.Request, not System.String").And.Contain("tcp://"));
        var worker =
            new Worker("http://127.0.0.1:0") { OnMessage = (_, _) => { }, OnMessageAsync = (_, _) => Task.CompletedTask };
        Assert.Throws<ArgumentOutOfRangeException>(() => worker.Count = 0);
        Assert.Throws<ArgumentException>(() => worker.Name = "a\u001b[31mb");
        Assert.Throws<ArgumentOutOfRangeException>(() => worker.Options.Backlog = 0);
        Assert.That(
            Assert.Throws<InvalidOperationException>(() => TestServer.RunAsync(loopType, default, worker))!.Message,
            Does.Contain("both OnMessage and OnMessageAsync"));
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
        Assert.That(Assert.Throws<InvalidOperationException>(() => server.Main.Count = 2)!.Message,
            Does.Contain("before Worker.RunAll()"));
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

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            throw new IOException("no space left on device");
    }
}
