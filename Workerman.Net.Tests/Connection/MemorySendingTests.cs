using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// What a connection asks of its socket when it sends: how many calls, what becomes of a short write at each byte, and of an
/// error at each step. Without a kernel, which would decide that by itself; <see cref="SendingTests"/> have one.
/// </summary>
internal sealed class MemorySendingTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private const string Gone = "error SendFail: client closed";

    [Test]
    public void AnswersOfOneReadBatchLeaveInOneSend([Values(1, 2, 16)] int count)
    {
        var written = new List<long>();
        MemoryConnection http = MemoryConnection.Http((connection, _) =>
        {
            written.Add(connection.BytesWritten);
            connection.Send("ok");
        });
        http.Socket.Arrive(string.Concat(Enumerable.Repeat(Get, count)));
        http.Loop.Turn();
        Assert.That(http.Socket.Calls, Is.EqualTo(new[] { $"send {http.Socket.Sent.Length}" }));
        Assert.That(http.Socket.Sent.Split("HTTP/1.1 200 OK").Length - 1, Is.EqualTo(count));
        Assert.That(written, Is.All.Zero, "nothing leaves before the batch is handled");
        http.Socket.Arrive(Get);
        http.Loop.Turn();
        Assert.That(http.Socket.Calls, Has.Count.EqualTo(2), "the next turn has a send of its own");
        http.AssertKeepsToTheContract();
    }

    [Test]
    public void MessagesOfOneReadBatchLeaveInOneSend()
    {
        MemoryConnection raw = MemoryConnection.Raw((connection, text) =>
        {
            foreach (char c in text) Assert.That(connection.Send($"{c}"), Is.EqualTo(SendResult.Sent));
        });
        raw.Socket.Arrive("12345");
        raw.Loop.Turn();
        Assert.That((raw.Socket.Calls, raw.Socket.Sent), Is.EqualTo((new List<string> { "send 5" }, "12345")));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void ConnectionsThatAnswerInOneTurnSendInOneBatch()
    {
        var loop = new MemoryLoop();
        var buffers = new ConnectionBuffers(loop);
        MemoryConnection[] all = [.. Enumerable.Range(0, 5)
            .Select(_ => MemoryConnection.Raw((connection, text) => connection.Send(text), loop, buffers))];
        for (int i = 0; i < all.Length; i++) all[i].Socket.Arrive($"to {i}");
        // One of them has no room for all of it, and one is dead: neither is the others' business.
        all[1].Socket.Room = 2;
        all[3].Socket.SendError = SocketError.ConnectionReset;
        loop.Turn();
        Assert.That(loop.Batches, Is.EqualTo(new[] { 5 }));
        Assert.That(all.Select(one => string.Join(", ", one.Socket.Calls)), Is.EqualTo(new[]
        {
            "send 4", "send 2 of 4, order 2", "send 4", "send ConnectionReset, close", "send 4",
        }));
        all[1].Socket.MakeRoom();
        loop.Turn();
        Assert.That(all.Select(one => one.Socket.Sent), Is.EqualTo(new[] { "to 0", "to 1", "to 2", "", "to 4" }));
        Assert.That(all[3].Events, Is.EqualTo(new[] { Gone, "gone", "close", "freed" }));
        foreach (MemoryConnection one in all) one.AssertKeepsToTheContract();
    }

    [Test]
    public void MuchAtOnceDoesNotWaitForTheEndOfTheTurn()
    {
        long written = 0;
        MemoryConnection raw = MemoryConnection.Raw((connection, _) =>
        {
            for (int i = 0; i < 100; i++) connection.Send(new string('x', 1000));
            written = connection.BytesWritten;
        });
        raw.Socket.Arrive("go");
        raw.Loop.Turn();
        Assert.That(written, Is.InRange(50_000, 99_000));
        Assert.That((raw.Socket.Calls.Count, raw.Socket.Sent.Length), Is.EqualTo((2, 100_000)));
        raw.AssertKeepsToTheContract();
    }

    /// <summary>Cut at each byte, and the rest taken in pieces of each size.</summary>
    [Test]
    public void ShortWriteGoesOnWhereItStood([Range(0, 10)] int room)
    {
        for (int piece = 1; piece <= 14; piece++)
        {
            MemoryConnection raw = MemoryConnection.Raw();
            raw.Socket.Room = room;
            Assert.That(raw.Send("0123456789"), Is.Not.EqualTo(SendResult.Dropped));
            Assert.That((raw.Connection.SendBufferQueueSize, raw.Connection.BufferIsEmpty), Is.EqualTo((10L - room, room == 10)));
            int calls = raw.Socket.Calls.Count;
            if (room < 10)
            {
                Assert.That(raw.Send("abcd"), Is.EqualTo(SendResult.Queued));
                Assert.That(raw.Socket.Calls, Has.Count.EqualTo(calls),
                    "what waits behind other bytes asks nothing of the socket");
            }
            else
            {
                raw.Send("abcd");
            }
            Assert.That(raw.Connection.SendBufferQueueSize, Is.EqualTo(14 - room));
            raw.Loop.TurnUntil(() => raw.Socket.Sent.Length == 14, () =>
            {
                Assert.That((raw.Events.Count, raw.Connection.BytesWritten), Is.EqualTo((0, (long)raw.Socket.Sent.Length)));
                raw.Socket.MakeRoom(piece);
            });
            Assert.That(raw.Socket.Sent, Is.EqualTo("0123456789abcd"));
            Assert.That(raw.Events, Is.EqualTo(new[] { "drain" }), "once, when all has left");
            Assert.That(raw.Connection.BufferIsEmpty);
            raw.AssertKeepsToTheContract();
        }
    }

    /// <summary>The last answer is cut at each byte: the end follows it.</summary>
    [Test]
    public void LastAnswerArrivesWholeWhereverTheSocketIsFull([Values] bool lingers)
    {
        const string Last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        int length = 1;
        for (int room = 0; room < length; room++)
        {
            MemoryConnection http = MemoryConnection.Http((connection, _) => connection.Send("the last"));
            if (!lingers) http.Connection.LingerTimeout = TimeSpan.Zero;
            http.Socket.Room = room;
            http.Socket.Arrive(Last);
            http.Loop.TurnUntilNothingHappens();
            Assert.That((http.Socket.Calls.Contains("shutdown"), http.Socket.IsClosed), Is.EqualTo((false, false)),
                $"room for {room}");
            http.Loop.TurnUntil(() => http.Connection.SendBufferQueueSize == 0, () => http.Socket.MakeRoom(7));
            http.Loop.TurnUntilNothingHappens();
            if (http.Socket.Calls.Contains("shutdown")) http.Socket.ArriveEnd();
            http.Loop.TurnUntilNothingHappens();
            Assert.That(http.Socket.Sent,
                Does.StartWith("HTTP/1.1 200 OK\r\n").And.Contain("Connection: close").And.EndWith("\r\n\r\nthe last"));
            Assert.That(http.Socket.Calls[^1], Is.EqualTo("close"));
            Assert.That(http.Events[^2..], Is.EqualTo(new[] { "close", "freed" }));
            http.AssertKeepsToTheContract();
            length = http.Socket.Sent.Length;
        }
        Assert.That(length, Is.GreaterThan(50));
    }

    [Test]
    public void FirstSendThatFailsEndsTheConnection(
        [Values("ConnectionReset", "Shutdown", "NoBufferSpaceAvailable")] string error)
    {
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Socket.SendError = Enum.Parse<SocketError>(error);
        raw.Send("lost");
        Assert.That(raw.Events, Is.EqualTo(new[] { Gone, "gone", "close", "freed" }));
        Assert.That(raw.Socket.Calls, Is.EqualTo(new[] { $"send {error}", "close" }));
        Assert.That((raw.Connection.Status, raw.Send("more")), Is.EqualTo((ConnectionStatus.Closed, SendResult.Dropped)));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void OrderThatFailsEndsTheConnectionOnce([Values(1, 2, 3)] int step)
    {
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Socket.Room = 0;
        raw.Send("0123456789");
        for (int i = 1; i < step; i++)
        {
            raw.Socket.MakeRoom(2);
            raw.Loop.Turn();
        }
        raw.Socket.Break();
        raw.Loop.TurnUntilNothingHappens();
        Assert.That(raw.Events, Is.EqualTo(new[] { Gone, "gone", "close", "freed" }));
        Assert.That(raw.Socket.Sent, Is.EqualTo("0123456789"[..(2 * (step - 1))]));
        Assert.That(raw.Socket.Calls[^1], Is.EqualTo("close"));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void BufferIsFullAtItsLimitAndDropsWhatComesThen()
    {
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Connection.MaxSendBufferSize = 10;
        raw.Socket.Room = 0;
        Assert.That(raw.Send("012345678"), Is.Not.EqualTo(SendResult.Dropped));
        Assert.That(raw.Events, Is.Empty, "one below");
        raw.Send("9");
        Assert.That(raw.Events, Is.EqualTo(new[] { "full" }));
        Assert.That(raw.Send("x"), Is.EqualTo(SendResult.Dropped));
        Assert.That(raw.Events, Is.EqualTo(new[] { "full", "error SendFail: send buffer full and drop package" }));
        raw.Socket.MakeRoom(1);
        raw.Loop.Turn();
        Assert.That(raw.Send("y"), Is.Not.EqualTo(SendResult.Dropped), "there is room for one more");
        raw.Socket.MakeRoom();
        raw.Loop.TurnUntilNothingHappens();
        Assert.That((raw.Socket.Sent, raw.Events[^1]), Is.EqualTo(("0123456789y", "drain")));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void WhoDoesNotReadIsNotReadFrom()
    {
        var messages = new List<string>();
        MemoryConnection raw = MemoryConnection.Raw((connection, text) =>
        {
            messages.Add(text);
            connection.Send("0123456789");
        });
        raw.Connection.MaxSendBufferSize = 10;
        raw.Socket.Room = 0;
        raw.Socket.Arrive("1").Arrive("2");
        raw.Loop.TurnUntilNothingHappens();
        Assert.That(messages, Is.EqualTo(new[] { "1" }), "the next answer would be dropped");
        raw.Socket.MakeRoom(10);
        raw.Loop.TurnUntilNothingHappens();
        Assert.That(messages, Is.EqualTo(new[] { "1", "2" }));
        raw.AssertKeepsToTheContract();
    }

    /// <summary>One who sends much before it reads, as an upload to a server that answers meanwhile.</summary>
    [Test]
    public void PipedConnectionIsReadThoughItsPeerDoesNotRead()
    {
        var loop = new MemoryLoop();
        var buffers = new ConnectionBuffers(loop);
        MemoryConnection left = MemoryConnection.Raw(loop: loop, buffers: buffers);
        MemoryConnection right = MemoryConnection.Raw(loop: loop, buffers: buffers);
        left.Connection.MaxSendBufferSize = right.Connection.MaxSendBufferSize = 10;
        loop.Do(() =>
        {
            left.Connection.Pipe(right.Connection);
            right.Connection.Pipe(left.Connection);
        });
        right.Socket.Room = 0;
        left.Socket.Arrive("0123456789").Arrive("more");
        loop.TurnUntilNothingHappens();
        Assert.That((left.Socket.HasUnread, right.Connection.SendBufferQueueSize), Is.EqualTo((true, 10L)),
            "the sender is paused");
        right.Socket.Arrive("the other way");
        loop.TurnUntilNothingHappens();
        Assert.That(left.Socket.Sent, Is.EqualTo("the other way"));
        right.Socket.MakeRoom();
        loop.TurnUntilNothingHappens();
        Assert.That(right.Socket.Sent, Is.EqualTo("0123456789more"));
        left.AssertKeepsToTheContract();
        right.AssertKeepsToTheContract();
    }

    [Test]
    public void StalledPeerHasItsTimeAndNoMore()
    {
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Connection.SendTimeout = TimeSpan.FromSeconds(5);
        raw.Socket.Room = 0;
        raw.Send("waits");
        raw.Loop.Advance(TimeSpan.FromSeconds(5));
        Assert.That(raw.Connection.Status, Is.EqualTo(ConnectionStatus.Established));
        // One byte is a sign of life.
        raw.Socket.MakeRoom(1);
        raw.Loop.Turn();
        raw.Loop.Advance(TimeSpan.FromSeconds(5));
        Assert.That(raw.Connection.Status, Is.EqualTo(ConnectionStatus.Established));
        raw.Loop.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That(raw.Events, Is.EqualTo(new[] { "error SendFail: the peer stopped reading", "gone", "close", "freed" }));
        Assert.That(raw.Socket.Sent, Is.EqualTo("w"));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void FileFollowsItsHeadInPiecesOfWhatTheSocketTakes()
    {
        using var folder = new TemporaryFolder();
        string content = string.Concat(Enumerable.Range(0, 100_000).Select(i => (char)('a' + (i % 26))));
        string path = folder.Write("file", content);
        MemoryConnection http = MemoryConnection.Http((connection, _) => connection.Send(new Response().WithFile(path)));
        http.Socket.Arrive(Get).Arrive(Get);
        http.Socket.Room = 50;
        http.Loop.TurnUntilNothingHappens();
        http.Loop.TurnUntil(() => http.Socket.Sent.Length >= 100_000, () => http.Socket.MakeRoom(30_001));
        http.Socket.MakeRoom();
        http.Loop.TurnUntilNothingHappens();
        string[] answers = http.Socket.Sent.Split("HTTP/1.1 200 OK\r\n");
        Assert.That(answers.Skip(1).Select(answer => answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]),
            Is.EqualTo(new[] { content, content }));
        http.AssertKeepsToTheContract();
    }

    /// <summary>A peer that has said that it sends no more may still read.</summary>
    [Test]
    public void PeerThatHalfClosesWhileAFileIsSentGetsAllOfIt()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("file", new string('f', 1000));
        MemoryConnection http = MemoryConnection.Http((connection, _) => connection.Send(new Response().WithFile(path)));
        http.Socket.Room = 300;
        http.Socket.Arrive(Get);
        http.Loop.TurnUntilNothingHappens();
        http.Socket.ArriveEnd();
        http.Loop.TurnUntilNothingHappens();
        Assert.That(http.Socket.IsClosed, Is.False, "the rest is owed");
        http.Socket.MakeRoom();
        http.Loop.TurnUntilNothingHappens();
        Assert.That(http.Socket.Sent, Does.EndWith("\r\n\r\n" + new string('f', 1000)));
        Assert.That(http.Socket.Calls[^1], Is.EqualTo("close"));
        http.AssertKeepsToTheContract();
    }

    [Test]
    public void FileThatBecomesShorterEndsTheConnectionShortOfItsLength()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("file", new string('f', 1000));
        MemoryConnection http = MemoryConnection.Http((connection, _) => connection.Send(new Response().WithFile(path)));
        http.Socket.Room = 300;
        http.Socket.Arrive(Get);
        http.Loop.TurnUntilNothingHappens();
        using (FileStream file = File.OpenWrite(path)) file.SetLength(10);
        http.Socket.MakeRoom();
        http.Loop.TurnUntilNothingHappens();
        Assert.That(http.Socket.Sent, Does.Contain("Content-Length: 1000").And.Not.EndWith(new string('f', 1000)));
        Assert.That(http.Events[0], Does.Contain("became shorter"));
        Assert.That(http.Socket.IsClosed);
        http.AssertKeepsToTheContract();
    }

    [Test]
    public void OtherThreadsSendByTheLoop()
    {
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Loop.IsCurrent = false;
        Assert.That((raw.Connection.Send("a"), raw.Connection.Send("b"u8)), Is.EqualTo((SendResult.Queued, SendResult.Queued)));
        raw.Connection.Close("c");
        raw.Loop.IsCurrent = true;
        Assert.That(raw.Socket.Calls, Is.Empty, "nothing of it happens there and then");
        raw.Loop.Turn();
        Assert.That((raw.Socket.Sent, raw.Socket.Calls[^1]), Is.EqualTo(("abc", "close")));
        raw.AssertKeepsToTheContract();
    }
}
