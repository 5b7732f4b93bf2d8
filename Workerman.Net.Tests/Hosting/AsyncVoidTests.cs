using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>
/// Callbacks that are <c>async void</c>: refused where somebody waits for what they do, and where one slips through, behind a
/// method that is not async itself, its
/// client is answered all the same.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class AsyncVoidTests(Type loopType)
{
    private const string Cure = "OnMessageAsync";

    [Test]
    public void IsRefusedWhereItIsSet()
    {
        // On a loop, where making a worker does not enter it for the next run.
        using var runner = new LoopRunner(loopType);
        runner.Do(RefusedOnEachProperty);
    }

    private static void RefusedOnEachProperty()
    {
        static async void Fail(TcpConnection connection, Request request) => await Task.Yield();
        Assert.That(() => new Worker { OnMessage = async (_, _) => await Task.Yield() }, Refused(Cure));
        Assert.That(() => new Worker { OnMessage = Fail }, Refused(Cure));
        Assert.That(() => new Worker { OnMessage = (Action<TcpConnection, Request>)((_, _) => { }) + Fail }, Refused(Cure));
        Assert.That(() => new Worker<string>("text://127.0.0.1:0") { OnMessage = async (_, _) => await Task.Yield() },
            Refused(Cure));
        Assert.That(() => new UdpWorker<string>("udp://127.0.0.1:0") { OnMessage = async (_, _) => await Task.Yield() },
            Refused(Cure));
        Assert.That(() => new AsyncTcpConnection<string>("tcp://127.0.0.1:1") { OnMessage = async (_, _) => await Task.Yield() },
            Refused(Cure));
        Assert.That(() => new AsyncUdpConnection<string>("udp://127.0.0.1:1") { OnMessage = async (_, _) => await Task.Yield() },
            Refused(Cure));
        Assert.That(() => new Worker<string>("websocket://127.0.0.1:0")
        {
            OnWebSocketConnect = async (_, _) => await Task.Yield()
        }, Refused("UpgradeToWebSocket"));
        Assert.That(() => new Worker
        {
            OnMessage = (_, _) => _ = Task.CompletedTask,
            OnMessageAsync = async (_, _) => await Task.Yield()
        }, Throws.Nothing);
    }

    [Test]
    public async Task TimersRefuseItAndHaveAFormThatTakesIt()
    {
        var done = new TaskCompletionSource();
        int runs = 0;
        await using TestServer server = TestServer.Http(loopType, (_, _) => { }, worker => worker.OnWorkerStart = _ =>
        {
            Assert.That(() => Timer.Add(1, async () => await Task.Yield()), Refused("AddAsync"));
            Assert.That(() => Timer.Repeat(1, async () => await Task.Yield()), Refused("RepeatAsync"));
            Assert.That(() => Timer.Delay(1, async () => await Task.Yield()), Refused("DelayAsync"));
            bool running = false;
            long timer = 0;
            timer = Timer.AddAsync(0.001, async () =>
            {
                if (running) done.TrySetException(new AssertionException("a run began before the last one had ended"));
                running = true;
                await Timer.Sleep(0.01);
                running = false;
                if (++runs == 1) throw new InvalidOperationException("the first run fails");
                if (runs == 3 && Timer.Del(timer)) done.SetResult();
            });
        });
        Wait.For(done.Task);
        Assert.That(server.Log.Text, Does.Contain("the first run fails"));
    }

    [Test]
    public async Task OneThatSlipsThroughIsAnsweredWith500([Values] bool afterAwait)
    {
        async void Handle(TcpConnection connection, Request request)
        {
            if (afterAwait) await Timer.Sleep(request.Path == "/slow" ? 0.02 : 0.005);
            if (request.Path != "/fine") throw new InvalidOperationException($"fails at {request.Path}");
            connection.Send("fine");
        }

        await using TestServer server = TestServer.Http(loopType, (connection, request) => Handle(connection, request));
        using RawClient slow = server.Connect();
        using RawClient quick = server.Connect();
        using RawClient fine = server.Connect();
        slow.Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        quick.Send("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n");
        fine.Send("GET /fine HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That((quick.ReadResponse().Status, fine.ReadResponse().Body, slow.ReadResponse().Status),
            Is.EqualTo((500, "fine", 500)));
        Assert.That(quick.Send("GET /fine HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("fine"),
            "the connection lives on");
        Assert.That(server.Log.Text, Does.Contain("fails at /slow").And.Contain("fails at /quick"));
    }

    [Test]
    public async Task TheCallbackOfAnUpgradeMayBeAsync()
    {
        static async void Fail(TcpConnection connection, WebSocketMessage message) => await Task.Yield();
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            Assert.That(() => connection.UpgradeToWebSocket(request, Fail), Refused("let it return Task"));
            connection.UpgradeToWebSocket(request, async (own, message) =>
            {
                await Timer.Sleep(0.001);
                if (message.Text == "fail") throw new InvalidOperationException("in the callback");
                own.Send(message);
            });
        });
        using var client = new System.Net.WebSockets.ClientWebSocket();
        await client.ConnectAsync(new Uri($"ws://{server.EndPoint}/"), CancellationToken.None);
        foreach (string text in (string[])["fail", "echo"])
            await client.SendAsync(System.Text.Encoding.UTF8.GetBytes(text), System.Net.WebSockets.WebSocketMessageType.Text,
                true, CancellationToken.None);
        byte[] buffer = new byte[100];
        int length = (await client.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Wait.Limit)).Count;
        Assert.That(System.Text.Encoding.UTF8.GetString(buffer, 0, length), Is.EqualTo("echo"));
        Assert.That(server.Log.Text, Does.Contain("in the callback"));
    }

    [Test]
    public async Task OneThatAnotherHasBegunAfterAnAwaitIsAnsweredToo()
    {
        async void Outer()
        {
            await Timer.Sleep(0.005);
            Inner();
        }

        async void Inner()
        {
            await Timer.Sleep(0.005);
            throw new InvalidOperationException("from within");
        }

        await using TestServer server = TestServer.Http(loopType, (_, _) => Outer());
        using RawClient client = server.Connect();
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Status, Is.EqualTo(500));
    }

    [Test]
    public async Task OneThatFailsAfterItsAnswerIsOnlyLogged()
    {
        var failed = new TaskCompletionSource();
        async void Handle(TcpConnection connection)
        {
            connection.Send("answer");
            await Timer.Sleep(0.005);
            Timer.Delay(0.01, failed.SetResult);
            throw new InvalidOperationException("too late");
        }

        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/") Handle(connection);
            else connection.Send("next");
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("answer"));
        Wait.For(failed.Task);
        Assert.That(client.Send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("next"));
        Assert.That(server.Log.Text, Does.Contain("too late"));
    }

    [Test]
    public async Task InOtherCallbacksItIsLoggedAndCountsForNoMessage()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.OnClose = null, worker =>
        {
            worker.OnConnect = async connection =>
            {
                await Timer.Sleep(0.005);
                throw new InvalidOperationException("in OnConnect");
            };
            worker.OnMessageAsync = null;
            worker.OnMessage = (connection, request) => Timer.Delay(0.02, () => connection.Send("answer"));
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("answer"));
        await Wait.Until(() => server.Log.Text.Contains("in OnConnect"), "the line");
    }

    private static NUnit.Framework.Constraints.ContainsConstraint Refused(string cure) =>
        Throws.ArgumentException.With.Message.Contains("returns no Task").And.Message.Contains(cure);
}
