using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Tests.EventStreams;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// What one peer has sent at once does not keep others waiting: it is read in pieces, one in a turn of the loop, in order and
/// without a loss.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class TurnBudgetTests(Type loopType)
{
    private const int Many = 1000;

    private static readonly string[] Schemes = ["http", "https", "text", "frame", "websocket"];

    [Test]
    public async Task OthersAreServedBeforeMoreThanATurnsMessages([ValueSource(nameof(Schemes))] string scheme)
    {
        using var arrived = new SemaphoreSlim(0);
        int handled = 0;
        int before = -1;
        await using TestServer server = Start(scheme, (_, text) =>
        {
            if (text == "other") before = handled;
            // What has arrived for another connection by the end of this is ready in the next turn.
            else if (handled++ == 0) Assert.That(arrived.Wait(Wait.Limit));
        });
        using var other = new Client(server, scheme);
        using var flood = new Client(server, scheme);
        flood.Send(Messages(scheme, "x", Many));
        await Wait.Until(() => handled == 1, "the first message");
        other.Send(Messages(scheme, "other"));
        arrived.Release();
        await Wait.Until(() => before >= 0, "the other's message");
        // The portable loop hears of sockets from other threads, in the next turn or later.
        Assert.That(before, Is.LessThanOrEqualTo(loopType == typeof(SocketLoop) ? Many : TurnBudget.MaxMessages));
        await Wait.Until(() => handled == Many, "the rest");
    }

    [Test]
    public async Task OthersAreServedAfterAMessageThatTakesLong()
    {
        using var arrived = new SemaphoreSlim(0);
        int handled = 0;
        int before = -1;
        await using TestServer server = Start("http", (_, text) =>
        {
            if (text == "other") before = handled;
            else if (handled++ == 0) Assert.That(arrived.Wait(Wait.Limit));
            // Longer than one connection may take of a turn.
            long begin = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(begin).TotalMilliseconds < 2) Thread.SpinWait(100);
        });
        using var other = new Client(server, "http");
        using var flood = new Client(server, "http");
        flood.Send(Messages("http", "x", 20));
        await Wait.Until(() => handled == 1, "the first message");
        other.Send(Messages("http", "other"));
        arrived.Release();
        await Wait.Until(() => before >= 0, "the other's message");
        Assert.That(before, Is.LessThanOrEqualTo(loopType == typeof(SocketLoop) ? 20 : 1));
        await Wait.Until(() => handled == 20, "the rest");
    }

    [Test]
    public async Task AllAnswersComeThoughThePeerEndsItsSide()
    {
        int next = 0;
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send($"{next++:D4}"));
        using RawClient client = server.Connect();
        client.Send(Messages("http", "x", Many)).HalfClose();
        string[] bodies = [.. client.ReadToEnd().Split("\r\n\r\n").Skip(1).Select(answer => answer[..4])];
        Assert.That(bodies, Is.EqualTo(Enumerable.Range(0, Many).Select(number => $"{number:D4}")));
    }

    [Test]
    public async Task RequestsOfAClientThatHasGoneAreNotHandled()
    {
        using var gone = new SemaphoreSlim(0);
        var closed = new TaskCompletionSource();
        int handled = 0;
        TcpConnection? served = null;
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            served = connection;
            if (handled++ == 0) Assert.That(gone.Wait(Wait.Limit));
            connection.Send("ok");
        }, worker => worker.OnClose = _ => closed.SetResult());
        using RawClient client = server.Connect();
        client.Send(Messages("http", "x", Many));
        await Wait.Until(() => handled == 1, "the first request");
        client.Reset();
        Socket socket = StreamServer.SocketOf(served!);
        await Wait.Until(() => socket.Poll(0, SelectMode.SelectError), "the reset, which may take its time on a busy machine");
        gone.Release();
        await closed.Task.WaitAsync(Wait.Limit);
        // The portable loop does not see it before it receives, and finds out when it sends.
        Assert.That(handled, loopType == typeof(SocketLoop) ? Is.LessThan(Many) : Is.EqualTo(1));
    }

    [Test]
    public async Task MessagesOfAPeerThatHasGoneAreHandedOn()
    {
        using var gone = new SemaphoreSlim(0);
        var closed = new TaskCompletionSource();
        int handled = 0;
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            OnMessage = (_, _) =>
            {
                if (handled++ == 0) Assert.That(gone.Wait(Wait.Limit));
            },
            OnClose = _ => closed.SetResult(),
        });
        using RawClient client = server.Connect();
        // No more than the system has taken for the server: what it still holds for the client goes with the reset.
        client.Send(Messages("text", "x", 20 * Many));
        await Wait.Until(() => handled == 1, "the first message");
        client.Reset();
        gone.Release();
        await closed.Task.WaitAsync(Wait.Limit);
        Assert.That(handled, Is.EqualTo(20 * Many));
    }

    [Test]
    public async Task WhatIsReadAheadIsBounded()
    {
        const int Lines = 1024 * 1024;
        long largest = 0;
        int handled = 0;
        await using TestServer server = Start("text", (connection, _) =>
        {
            largest = Math.Max(largest, connection.RecvBufferQueueSize);
            handled++;
        });
        using var client = new Client(server, "text");
        client.Send(Encoding.Latin1.GetBytes(new string('\n', Lines)));
        await Wait.Until(() => handled == Lines, "all messages");
        // 64 KiB are read ahead, and what one receive takes may come on top.
        Assert.That(largest, Is.LessThan(64 * 1024 + 128 * 1024));
    }

    [Test]
    public async Task MessagesOfOneDatagramAreHandledInSeveralTurns()
    {
        int handled = 0;
        int before = -1;
        bool isPostedFor = false;
        await using TestServer server = TestServer.Start(loopType, new UdpWorker<string>("udp://127.0.0.1:0")
        {
            Protocol = () => new LineProtocol(),
            OnMessage = (_, _) =>
            {
                handled++;
                if (isPostedFor) return;
                isPostedFor = true;
                // Work that is posted is done in the same turn.
                EventLoop.Current!.Post(() => before = handled);
            },
        });
        using var client = new UdpClientSocket(server.EndPoint);
        client.Send(Messages("text", "x", Many));
        await Wait.Until(() => handled == Many, "all messages");
        Assert.That(before, Is.InRange(1, TurnBudget.MaxMessages));
        // The next datagram is received when the last one has been read.
        client.Send(Messages("text", "x", Many));
        client.Send(Messages("text", "x", Many));
        await Wait.Until(() => handled == 3 * Many, "all messages of two more");
    }

    /// <summary>A server that calls back with the text of each message; it answers requests.</summary>
    private TestServer Start(string scheme, Action<TcpConnection, string> onMessage)
    {
        switch (scheme)
        {
            case "http":
                return TestServer.Http(loopType, (connection, request) =>
                {
                    onMessage(connection, request.Path[1..]);
                    connection.Send("ok");
                });
            case "https":
                return TlsServers.Https(loopType, (connection, request) =>
                {
                    onMessage(connection, request.Path[1..]);
                    connection.Send("ok");
                });
            default:
                return TestServer.Start(loopType, new Worker<string>($"{scheme}://127.0.0.1:0") { OnMessage = onMessage });
        }
    }

    private static byte[] Messages(string scheme, string text, int count = 1)
    {
        byte[] message = scheme switch
        {
            "text" => Encoding.Latin1.GetBytes($"{text}\n"),
            "frame" => [0, 0, 0, (byte)(4 + text.Length), .. Encoding.Latin1.GetBytes(text)],
            "websocket" => FrameClient.TextFrame(text),
            _ => Encoding.Latin1.GetBytes($"GET /{text} HTTP/1.1\r\nHost: a\r\n\r\n"),
        };
        return [.. Enumerable.Repeat(message, count).SelectMany(bytes => bytes)];
    }

    /// <summary>A client of any of the protocols.</summary>
    private sealed class Client : IDisposable
    {
        private readonly RawClient? _plain;
        private readonly TlsClient? _encrypted;

        public Client(TestServer server, string scheme)
        {
            if (scheme == "https") _encrypted = TlsClient.Connect(server.EndPoint);
            else _plain = scheme == "websocket" ? new FrameClient(server.EndPoint).Client : server.Connect();
        }

        public void Send(byte[] bytes)
        {
            _plain?.Send(bytes);
            _encrypted?.Send(bytes);
        }

        public void Dispose()
        {
            _plain?.Dispose();
            _encrypted?.Dispose();
        }
    }
}
