using System.Buffers;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// Another protocol on a connection that is open: what has arrived is read by the protocol that is there when it is its turn.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ProtocolChangeTests(Type loopType)
{
    private const string Get = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

    [Test]
    public async Task ALineDecidesWhatFollowsIt(
        [ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation)
    {
        await using TestServer server = Lines((connection, line) =>
        {
            if (line == "frames") connection.UseProtocol(new Lengths());
            else if (line == "numbers")
                connection.UseProtocol(new Numbers(),
                    (own, number) => ((TcpConnection<string>)own).SendRaw($"number {number}\n"));
            else if (line == "http") connection.UseHttp((own, request) => own.Send(request.Path));
            else connection.Send($"line {line}");
        });
        using RawClient framed = server.Connect();
        Assert.That(framed.Send("a\nframes\n\u0001x\u0002yz", fragmentation).ReadUntil("yz"),
            Is.EqualTo("line a\n\u0006line x\u0007line yz"));
        using RawClient counted = server.Connect();
        Assert.That(counted.Send("numbers\n\u0001\u0002", fragmentation).ReadUntil("number 2\n"),
            Is.EqualTo("number 1\nnumber 2\n"));
        using RawClient web = server.Connect();
        web.Send("a\nhttp\n" + Get + Get, fragmentation);
        Assert.That(web.ReadUntil("\n"), Is.EqualTo("line a\n"));
        Assert.That((web.ReadResponse().Body, web.ReadResponse().Body), Is.EqualTo(("/page", "/page")));
    }

    /// <summary>The manual's page tcp-connection/protocol.</summary>
    [Test]
    public async Task ATcpConnectionSpeaksHttpFromTheBeginning()
    {
        var worker = new Worker<string>("tcp://127.0.0.1:0")
        {
            OnConnect = connection =>
                connection.UseHttp((own, request) => own.Send($"hello {request.Get("name")}{request.Connection == own}"))
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new HttpClient();
        Assert.That(await client.GetStringAsync(new Uri(server.Uri, "?name=Ann")), Is.EqualTo("hello AnnTrue"));
    }

    [Test]
    public async Task ItsHandlersMayBeAsyncAndTheirFaultsAreAnswered()
    {
        var worker = new Worker<string>("tcp://127.0.0.1:0")
        {
            OnConnect = connection => connection.UseHttp(async (own, request) =>
            {
                await Timer.Sleep(0.001);
                if (request.Path == "/page") throw new InvalidOperationException("after await");
                own.Send("fine");
            }),
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        Assert.That(client.Send(Get).ReadResponse().Status, Is.EqualTo(500));
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("fine"));
    }

    [Test]
    public async Task AnHttpConnectionGoesOnWithAnApplicationsProtocolAfterItsAnswer(
        [ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation)
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            Assert.That(() => connection.UseProtocol(new LineProtocol(), (_, _) => { }),
                Throws.InvalidOperationException.With.Message.Contains("waits for its answer"));
            connection.Send("go on");
            connection.UseProtocol(new LineProtocol(), (own, line) => own.Send($"line {line}"));
        });
        using RawClient client = server.Connect();
        client.Send(Get + "a\nb\n", fragmentation);
        Assert.That(client.ReadResponse().Body, Is.EqualTo("go on"));
        Assert.That(client.ReadUntil("b\n"), Is.EqualTo("line a\nline b\n"));
    }

    [Test]
    public async Task TheWorkersCallbacksAndListStay()
    {
        var closed = new TaskCompletionSource<bool>();
        await using TestServer server = Lines((connection, _) => connection.UseProtocol(new Numbers(), (own, _) => own.Close()),
            worker => worker.OnClose = connection =>
            closed.SetResult(worker.Connections[connection.Id] == connection && connection.Worker == worker));
        using RawClient client = server.Connect();
        client.Send("x\n\u0001");
        Assert.That(Wait.For(closed.Task));
    }

    [Test]
    public async Task AClientBeginsAnewWithItsOwnProtocol()
    {
        var lines = new List<string>();
        var done = new TaskCompletionSource();
        await using TestServer server = Lines((connection, line) => connection.Close($"{line}\u0007"));
        var worker = new Worker
        {
            OnWorkerStart = _ =>
            {
                var client = new AsyncTcpConnection<string>($"tcp://{server.EndPoint}") { Protocol = () => new LineProtocol() };
                client.OnConnect = connection =>
                {
                    if (lines.Count == 0) connection.UseProtocol(new Numbers(), (_, number) => lines.Add($"{number}"));
                    connection.SendRaw("a\n");
                };
                client.OnMessage = (_, line) => lines.Add(line);
                client.OnClose = connection =>
                {
                    if (lines.Contains("a\u0007")) done.SetResult();
                    else connection.Reconnect();
                };
                client.Connect();
            },
        };
        await using TestServer second = TestServer.Start(loopType, worker);
        Wait.For(done.Task);
        Assert.That(lines, Is.EqualTo(new[] { "97", "7", "10", "a\u0007" }));
    }

    [Test]
    public async Task ElsewhereThanOnTheLoopItIsRefused()
    {
        var connected = new TaskCompletionSource<TcpConnection<string>>();
        await using TestServer server = Lines((_, _) => { }, worker => worker.OnConnect = connected.SetResult);
        using RawClient client = server.Connect();
        TcpConnection<string> connection = Wait.For(connected.Task);
        Assert.That(() => connection.UseProtocol(new LineProtocol()),
            Throws.InvalidOperationException.With.Message.Contains("on its loop"));
        Assert.That(() => connection.UseHttp((_, _) => { }),
            Throws.InvalidOperationException.With.Message.Contains("on its loop"));
        Assert.That(() => connection.UseProtocol(null!), Throws.ArgumentNullException);
    }

    /// <summary>It is fine in itself, so what others are sent is dropped there and throws out of no loop.</summary>
    [Test]
    public async Task WhatHasNoPlaceOnTheNewProtocolIsDropped()
    {
        var reasons = new List<string>();
        await using TestServer server = Lines((connection, line) =>
        {
            if (line == "numbers")
            {
                connection.UseProtocol(new Numbers(), (_, _) => { });
                connection.SendRaw("ok\n");
                return;
            }
            var worker = (Worker<string>)connection.Worker!;
            var results = new List<SendResult>();
            foreach (var each in worker.Connections)
            {
                results.Add(each.Send("tick"));
            }
            worker.Broadcast("all");
            TcpConnection changed = worker.Connections.First(each => each != connection);
            results.Add(changed.Send(new Response()));
            results.Add(changed.Send(5));
            changed.Ping();
            connection.SendRaw($"{results.Count(result => result == SendResult.Dropped)} dropped\n");
        }, worker => worker.OnError = (_, _, reason) => reasons.Add(reason));
        using RawClient changed = server.Connect();
        Assert.That(changed.Send("numbers\n").ReadUntil("ok\n"), Is.EqualTo("ok\n"));
        using RawClient asking = server.Connect();
        Assert.That(asking.Send("x\n").ReadUntil("dropped\n"), Does.EndWith("all\n2 dropped\n"));
        Assert.That(reasons, Has.Some.Contains("not text"));
    }

    [Test]
    public async Task OneThatIsAboutToBecomeAWebSocketKeepsItsProtocol()
    {
        var thrown = new TaskCompletionSource<Exception>();
        var worker = new Worker<string>("websocket://127.0.0.1:0")
        {
            OnConnect = connection =>
                thrown.SetResult(Assert.Throws<InvalidOperationException>(() => connection.UseHttp((_, _) => { }))!),
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        Assert.That(Wait.For(thrown.Task).Message, Does.Contain("UpgradeToWebSocket"));
    }

    private TestServer Lines(Action<TcpConnection<string>, string> onMessage, Action<Worker<string>>? setUp = null)
    {
        var worker = new Worker<string>("tcp://127.0.0.1:0") { Protocol = () => new LineProtocol(), OnMessage = onMessage };
        setUp?.Invoke(worker);
        return TestServer.Start(loopType, worker);
    }

    /// <summary>A byte of length, then that many of text.</summary>
    private sealed class Lengths : IProtocol<string>
    {
        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out string message)
        {
            message = "";
            if (input.IsEmpty || input.Length <= input.FirstSpan[0]) return Verdict.NeedMore;
            message = Encoding.ASCII.GetString(input.Slice(1, input.FirstSpan[0]));
            input = input.Slice(1 + input.FirstSpan[0]);
            return Verdict.Message;
        }

        public void Encode(string message, IBufferWriter<byte> output)
        {
            output.Write([(byte)message.Length]);
            output.Write(Encoding.ASCII.GetBytes(message));
        }
    }

    /// <summary>A byte is a number.</summary>
    private sealed class Numbers : IProtocol<int>
    {
        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out int message)
        {
            message = input.IsEmpty ? 0 : input.FirstSpan[0];
            if (input.IsEmpty) return Verdict.NeedMore;
            input = input.Slice(1);
            return Verdict.Message;
        }

        public void Encode(int message, IBufferWriter<byte> output) => output.Write([(byte)message]);
    }
}
