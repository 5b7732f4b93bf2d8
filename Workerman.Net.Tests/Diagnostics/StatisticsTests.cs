using System.Net;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Diagnostics;

/// <summary>The figures of workers and loops, and what they count.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class StatisticsTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Test]
    public async Task RequestsConnectionsAndBytesAreCounted()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"));
        WorkerStatistics before = server.First.Statistics;
        Assert.That((before.Connections, before.TotalConnections, before.Requests, before.BytesRead, before.BytesWritten),
            Is.EqualTo((0, 0, 0, 0, 0)));
        int received = 0;
        using (RawClient client = server.Connect())
        {
            for (int i = 0; i < 3; i++)
            {
                (_, string head, string body) = client.Send(Get).ReadResponse();
                received += head.Length + body.Length;
            }
            // The client may have them before the server counts them.
            await Wait.Until(() => server.First.Statistics.BytesWritten >= received, "the bytes of the last answer");
            WorkerStatistics open = server.First.Statistics;
            Assert.That((open.Connections, open.TotalConnections, open.Requests), Is.EqualTo((1, 1, 3)));
            Assert.That((open.BytesRead, open.BytesWritten), Is.EqualTo((3L * Get.Length, (long)received)));
        }
        using (RawClient other = server.Connect()) other.Send(Get + Get).ReadResponse();
        await Wait.Until(() => server.First.Statistics.Connections == 0, "all connections are closed");
        WorkerStatistics after = server.First.Statistics;
        Assert.That((after.TotalConnections, after.Requests), Is.EqualTo((2, 5)));
        Assert.That((after.Exceptions, after.SendFailures), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task BytesOfTlsAreThoseOfTheWire()
    {
        TcpConnection? served = null;
        await using TestServer server = TlsServers.Https(loopType, (connection, _) =>
        {
            served = connection;
            connection.Send(new string('x', 100_000));
        });
        using (var client = TlsClient.Connect(server.EndPoint))
            client.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").ReadToEnd();
        await Wait.Until(() => server.First.Statistics.Connections == 0, "the end");
        WorkerStatistics after = server.First.Statistics;
        Assert.That((after.BytesRead, after.BytesWritten), Is.EqualTo((served!.BytesRead, served.BytesWritten)));
        Assert.That(after.BytesWritten, Is.GreaterThan(100_000));
        Assert.That(after.BytesRead, Is.GreaterThan(Get.Length), "with the handshake");
    }

    [Test]
    public async Task HandshakeThatFailsIsAConnectionThatWas()
    {
        await using TestServer server = TlsServers.Https(loopType, (_, _) => { });
        using (var client = new RawClient(server.EndPoint)) client.Send("no handshake\r\n\r\n").ReadToEnd();
        await Wait.Until(() => server.First.Statistics is { TotalConnections: 1, Connections: 0 }, "its end");
        Assert.That(server.First.Statistics.Requests, Is.Zero);
    }

    [Test]
    public async Task WhateverCallbacksThrowIsCounted()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnWorkerStart = _ => Timer.Delay(0, () => throw new FormatException("one"));
        worker.OnMessage = (_, request) =>
        {
            if (request.Path == "/bad") throw new BadRequestException("the client's mistake is no exception of ours");
            throw new FormatException("two");
        };
        worker.OnClose = _ => throw new FormatException("three");
        worker.OnWorkerStop = _ => throw new FormatException("four");
        await using (TestServer server = TestServer.Start(loopType, worker))
        {
            using (RawClient client = server.Connect())
            {
                client.Send(Get).ReadResponse();
                client.Send("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
            }
            await Wait.Until(() => worker.Statistics.Exceptions == 3, "timer, request and close");
        }
        Assert.That(worker.Statistics.Exceptions, Is.EqualTo(4), "the stop");
    }

    [Test]
    public async Task SendsThatFailAreCounted()
    {
        int errors = 0;
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.OnError = (_, _, _) => errors++;
            connection.MaxSendBufferSize = 1;
            connection.Send("ok");
            connection.Send("nobody has asked for this");
        });
        using RawClient client = server.Connect();
        client.Send(Get).ReadResponse();
        client.Send(Get).ReadResponse();
        await Wait.Until(() => server.First.Statistics.SendFailures == 2, "two failures");
        Assert.That(errors, Is.EqualTo(2));
    }

    [Test]
    public async Task TimersAndClientsCountForTheWorkerWhoseLoopTheyAreOn()
    {
        var inner = new TaskCompletionSource<Worker<string>>(TaskCreationOptions.RunContinuationsAsynchronously);
        Worker<string> Echo() =>
            new("text://127.0.0.1:0") { Name = "echo", OnMessage = (connection, line) => connection.Send(line) };
        Worker<string> lines = Echo();
        await using TestServer far = TestServer.Start(loopType, lines);
        var received = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var own = new Worker { Name = "own" };
        AsyncTcpConnection<string>? client = null;
        own.OnWorkerStart = _ =>
        {
            for (int i = 0; i < 3; i++) Timer.Add(3600, () => { });
            client = new AsyncTcpConnection<string>($"text://{far.EndPoint}") { OnMessage = (_, _) => received.TrySetResult() };
            client.Connect();
            client.Send("hello");
            // Listens on the loop of the other one.
            Worker<string> guest = Echo();
            guest.Listen();
            inner.SetResult(guest);
        };
        await using TestServer server = TestServer.Start(loopType, own);
        await received.Task.WaitAsync(Wait.Limit);
        Worker<string> guest = await inner.Task;
        using (var peer = new RawClient(guest.LocalEndPoint!)) peer.Send("a\nb\n").ReadUntil("b\n");
        await Wait.Until(() => guest.Statistics.Connections == 0, "the guest's peer is gone");
        WorkerStatistics ofOwn = own.Statistics;
        Assert.That((ofOwn.Timers, ofOwn.Connections, ofOwn.TotalConnections, ofOwn.Requests), Is.EqualTo((3, 1, 1, 1)),
            "its client");
        WorkerStatistics ofGuest = guest.Statistics;
        Assert.That((ofGuest.Timers, ofGuest.Connections, ofGuest.TotalConnections, ofGuest.Requests), Is.EqualTo((0, 0, 1, 2)));
        Assert.That(guest.LoopStatistics.Single().LoopLag, Is.GreaterThan(TimeSpan.Zero));
        Assert.That(lines.Statistics.Requests, Is.EqualTo(1));
        client!.Close();
        await Wait.Until(() => own.Statistics is { Connections: 0, TotalConnections: 1 }, "the client is closed");
    }

    [Test]
    public async Task DatagramsAreRequests()
    {
        var worker = new UdpWorker<string>("udp://127.0.0.1:0") { OnMessage = (connection, text) => connection.Send(text) };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new UdpClientSocket(worker.LocalEndPoint!);
        client.Send("hello");
        Assert.That(client.Receive(), Is.EqualTo("hello"));
        WorkerStatistics after = worker.Statistics;
        Assert.That((after.Requests, after.BytesRead, after.Connections, after.TotalConnections), Is.EqualTo((1, 5, 0, 0)));
        await Wait.Until(() => worker.Statistics.BytesWritten == 5, "the answer");
    }

    [Test]
    public async Task EachLoopHasItsOwnAndTheSumIsTheWorkers()
    {
        var worker = new Worker("http://127.0.0.1:0") { Name = "test", Count = 2 };
        worker.OnMessage = (connection, _) => connection.Send($"{worker.Id}");
        await using (TestServer server = TestServer.Start(loopType, worker))
        {
            var clients = new List<RawClient>();
            var answers = new int[2];
            while (answers.Contains(0))
            {
                RawClient client = server.Connect();
                clients.Add(client);
                answers[int.Parse(client.Send(Get).ReadResponse().Body, null)]++;
            }
            IReadOnlyList<LoopStatistics> loops = worker.LoopStatistics;
            Assert.That(loops.Select(loop => loop.Id), Is.EqualTo(new[] { 0, 1 }));
            Assert.That(loops.Select(loop => loop.Requests), Is.EqualTo(answers.Select(count => (long)count)));
            Assert.That(worker.Statistics.Requests, Is.EqualTo(clients.Count));
            clients.ForEach(client => client.Dispose());
        }
        long requests = worker.Statistics.Requests;
        Assert.That((worker.Statistics.Connections, worker.Statistics.Timers), Is.EqualTo((0, 0)));
        Assert.That(worker.LoopStatistics.Sum(loop => loop.Requests), Is.EqualTo(requests), "loops that have ended still count");
        Assert.That(worker.LoopStatistics.Select(loop => (loop.Busy, loop.Callback)),
            Is.All.EqualTo((TimeSpan.Zero, (string?)null)));
    }

    /// <summary>Others run beside this fixture: the sum is at least what is known of.</summary>
    [Test]
    public async Task FiguresOfTheProcessHaveWhatHasEnded()
    {
        long before = Worker.Statistics.Requests;
        await using (TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok")))
        {
            using RawClient client = server.Connect();
            for (int i = 0; i < 10; i++) client.Send(Get).ReadResponse();
            Assert.That(Worker.Statistics.Requests, Is.GreaterThanOrEqualTo(before + 10));
            Assert.That(Worker.Statistics.Connections, Is.GreaterThanOrEqualTo(1));
        }
        Assert.That(Worker.Statistics.Requests, Is.GreaterThanOrEqualTo(before + 10));
    }

    [Test]
    public async Task LongestTurnOfAboutTheLastSecondIsTheLag()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            Thread.Sleep(150);
            connection.Send("ok");
        });
        using RawClient client = server.Connect();
        client.Send(Get).ReadResponse();
        Assert.That(server.First.Statistics.LoopLag, Is.GreaterThanOrEqualTo(TimeSpan.FromMilliseconds(140)));
        await Wait.Until(() => server.First.Statistics.LoopLag < TimeSpan.FromMilliseconds(140), "that it is forgotten");
    }
}
