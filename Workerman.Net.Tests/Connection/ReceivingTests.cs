using System.Net;
using System.Net.Sockets;
using System.Text;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>Receiving: pausing, reading ahead, piping, and what a connection knows of itself.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ReceivingTests(Type loopType)
{
    [Test]
    public async Task PausedConnectionGetsNoMessageUntilItIsResumed()
    {
        var received = new StringBuilder();
        TcpConnection? connection = null;
        await using TestServer server = TestServer.Raw(loopType, (c, bytes) =>
        {
            received.Append(Encoding.ASCII.GetString(bytes.Span));
            connection = c;
            c.PauseRecv();
            c.Send("paused");
        });
        using RawClient client = server.Connect();
        client.Send("1").ReadExactly(6);
        client.Send("2");
        await LoopTurns.Pass(server);
        Assert.That(received.ToString(), Is.EqualTo("1"));
        connection!.ResumeRecv();
        client.ReadExactly(6);
        Assert.That(received.ToString(), Is.EqualTo("12"));
    }

    [Test]
    public async Task PausingInOnMessageHoldsBackWhatHasArrivedAlready()
    {
        var paths = new List<string>();
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            paths.Add(request.Path);
            connection.Send("ok");
            connection.PauseRecv();
            Timer.Delay(0.02, () =>
            {
                paths.Add("resume");
                connection.ResumeRecv();
            });
        });
        using RawClient client = server.Connect();
        client.Send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
        client.ReadResponse();
        client.ReadResponse();
        Assert.That(paths.Take(3), Is.EqualTo(new[] { "/1", "resume", "/2" }));
    }

    [Test]
    public async Task WhatIsReadAheadOfAnAnswerIsBounded()
    {
        var first = new TaskCompletionSource<TcpConnection>();
        int count = 0;
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            if (count++ == 0) first.SetResult(connection);
            else connection.Send("next");
        });
        using RawClient client = server.Connect();
        string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        client.Send(request);
        TcpConnection held = Wait.For(first.Task);
        int requests = 4 * 1024 * 1024 / request.Length;
        Task sending = Task.Run(() => client.Send(string.Concat(Enumerable.Repeat(request, requests))));
        await Wait.Until(() => held.RecvBufferQueueSize >= 64 * 1024, "the read-ahead");
        await LoopTurns.Pass(server);
        Assert.That(held.RecvBufferQueueSize, Is.LessThan(192 * 1024));
        held.Send("first");
        Assert.That(client.ReadResponse().Body, Is.EqualTo("first"));
        // The rest is read and answered as the client takes the answers.
        Task<int> reading = Task.Run(() => Enumerable.Range(0, requests).Count(_ => client.ReadResponse().Body == "next"));
        Wait.For(sending);
        Assert.That(Wait.For(reading), Is.EqualTo(requests));
    }

    [Test]
    public async Task KnowsItsAddressesAndCounters()
    {
        var seen = new TaskCompletionSource<TcpConnection>();
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            connection.Send("12345");
            seen.SetResult(connection);
        });
        using RawClient client = server.Connect();
        client.Send("123").ReadExactly(5);
        TcpConnection connection = Wait.For(seen.Task);
        var local = (IPEndPoint)client.Socket.LocalEndPoint!;
        Assert.That((connection.RemoteIp, connection.RemotePort, connection.RemoteAddress),
            Is.EqualTo(("127.0.0.1", local.Port, local)));
        Assert.That((connection.LocalIp, connection.LocalPort, connection.LocalAddress),
            Is.EqualTo(("127.0.0.1", server.EndPoint.Port, server.EndPoint)));
        await Wait.Until(() => connection.BytesWritten > 0, "the counter, which follows the bytes");
        Assert.That((connection.BytesRead, connection.BytesWritten), Is.EqualTo((3L, 5L)));
        Assert.That((connection.IsIpV4, connection.IsIpV6, connection.BufferIsEmpty), Is.EqualTo((true, false, true)));
        Assert.That(connection.Worker, Is.SameAs(server.Main));
        connection.Context = "mine";
        Assert.That(server.Main.Connections[connection.Id]!.Context, Is.EqualTo("mine"));
    }

    /// <summary>Both send without reading, until neither is read from any more; then both read.</summary>
    [Test]
    public async Task PipesBothWaysWithBackPressure()
    {
        const int Limit = 64 * 1024;
        const int Size = 4 * 1024 * 1024;
        TcpConnection? waiting = null;
        TcpConnection? other = null;
        await using TestServer server = TestServer.Raw(loopType, (_, _) => { }, worker =>
        {
            // The system keeps little: else it takes all of it, and nobody is ever full.
            worker.Options.ConfigureSocket = socket => socket.SendBufferSize = socket.ReceiveBufferSize = Limit;
            worker.OnConnect = connection =>
            {
                connection.MaxSendBufferSize = Limit;
                if (waiting is null)
                {
                    waiting = connection;
                    connection.PauseRecv();
                    return;
                }
                other = connection;
                waiting.Pipe(connection);
                connection.Pipe(waiting);
                waiting.ResumeRecv();
            };
        });
        using var left = new RawClient(server.EndPoint, receiveBufferSize: 64 * 1024);
        using var right = new RawClient(server.EndPoint, receiveBufferSize: 64 * 1024);
        byte[][] payloads = [.. new[] { 2, 3 }.Select(seed =>
        {
            byte[] payload = new byte[Size];
            new Random(seed).NextBytes(payload);
            return payload;
        })];
        Task[] sending = [Task.Run(() => left.Send(payloads[0])), Task.Run(() => right.Send(payloads[1]))];
        await Wait.Until(() => waiting?.SendBufferQueueSize > 0 && other?.SendBufferQueueSize > 0, "both to be full");
        for (long before = -1, read = 0; read != before; read = waiting!.BytesRead + other!.BytesRead)
        {
            before = read;
            await LoopTurns.Pass(waiting!.Loop);
        }
        // The limit, and what one receive has brought beyond it.
        Assert.That(waiting!.SendBufferQueueSize, Is.InRange(1, 3 * Limit));
        Assert.That(other!.SendBufferQueueSize, Is.InRange(1, 3 * Limit));
        Task<string>[] reading = [Task.Run(() => right.ReadExactly(Size)), Task.Run(() => left.ReadExactly(Size))];
        for (int i = 0; i < 2; i++)
            Assert.That(Encoding.Latin1.GetBytes(Wait.For(reading[i])).AsSpan().SequenceEqual(payloads[i]), $"{i}");
        Wait.For(Task.WhenAll(sending));
    }

    [Test]
    public async Task PipesAcrossLoopsWithoutLoss()
    {
        TcpConnection? waiting = null;
        var gate = new Lock();
        await using TestServer server = TestServer.Raw(loopType, (_, _) => { }, worker =>
        {
            worker.Count = 2;
            worker.OnConnect = connection =>
            {
                connection.MaxSendBufferSize = 64 * 1024;
                lock (gate)
                {
                    if (waiting is null)
                    {
                        waiting = connection;
                        connection.PauseRecv();
                        return;
                    }
                    waiting.Pipe(connection);
                    waiting.ResumeRecv();
                }
            };
        });
        using RawClient left = server.Connect();
        await Wait.Until(() => waiting is not null, "the first");
        using RawClient right = server.Connect();
        byte[] payload = new byte[6 * 1024 * 1024];
        new Random(3).NextBytes(payload);
        Task sending = Task.Run(() => left.Send(payload).HalfClose());
        string received = right.ReadToEnd();
        Wait.For(sending);
        Assert.That(Encoding.Latin1.GetBytes(received).AsSpan().SequenceEqual(payload));
    }

    [Test]
    public async Task OwnCallbacksTakeThePlaceOfTheWorkers()
    {
        var closed = new TaskCompletionSource<string>();
        await using TestServer server = TestServer.Raw(loopType, (connection, _) => connection.Close(), worker =>
        {
            worker.OnConnect = connection => connection.OnClose = _ => closed.TrySetResult("own");
            worker.OnClose = _ => closed.TrySetResult("worker's");
        });
        using RawClient client = server.Connect();
        client.Send("x");
        Assert.That(Wait.For(closed.Task), Is.EqualTo("own"));
    }
}
