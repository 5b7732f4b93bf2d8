using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// The ends of a connection as its socket sees them, and how long each is waited for, to the millisecond. Without a kernel;
/// <see cref="ClosingTests"/> have one.
/// </summary>
internal sealed class MemoryClosingTests
{
    private static readonly string[] End = ["gone", "close", "freed"];

    [Test]
    public void CloseOfAConnectionThatOwesNothingIsAClose()
    {
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Loop.Do(raw.Connection.Close);
        Assert.That((raw.Socket.Calls, raw.Events), Is.EqualTo((new List<string> { "close" }, End.ToList())));
        raw.Loop.Do(raw.Connection.Close);
        raw.Loop.Do(raw.Connection.End);
        raw.Loop.Do(raw.Connection.Destroy);
        Assert.That((raw.Socket.Calls.Count, raw.Events.Count), Is.EqualTo((1, 3)), "once");
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void EndWaitsForThePeerNoLongerThanTheLinger([Values(1, 100, 5000)] int linger)
    {
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Connection.LingerTimeout = TimeSpan.FromMilliseconds(linger);
        raw.Loop.Do(() => raw.Connection.End("bye"));
        Assert.That((raw.Socket.Calls, raw.Connection.Status),
            Is.EqualTo((new List<string> { "send 3", "shutdown" }, ConnectionStatus.Ending)));
        raw.Socket.Arrive("what the peer still sends is read and thrown away");
        raw.Loop.Advance(TimeSpan.FromMilliseconds(linger - 1));
        Assert.That((raw.Socket.HasUnread, raw.Socket.IsClosed), Is.EqualTo((false, false)), "a millisecond before");
        raw.Loop.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That((raw.Socket.IsClosed, raw.Events), Is.EqualTo((true, End.ToList())));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void EndDoesNotOutlastThePeersOwn()
    {
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Loop.Do(() => raw.Connection.End("bye"));
        raw.Socket.ArriveEnd();
        raw.Loop.Turn();
        Assert.That(raw.Socket.Calls, Is.EqualTo(new[] { "send 3", "shutdown", "close" }));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void EndWithoutLingerOrWithAPeerThatIsGoneClosesAtOnce([Values] bool isGone)
    {
        MemoryConnection raw = MemoryConnection.Raw();
        if (isGone) raw.Socket.ShutdownFails = true;
        else raw.Connection.LingerTimeout = TimeSpan.Zero;
        raw.Loop.Do(() => raw.Connection.End("bye"));
        Assert.That(raw.Socket.Calls, Is.EqualTo(isGone ? new[] { "send 3", "shutdown", "close" } : ["send 3", "close"]));
        raw.AssertKeepsToTheContract();
    }

    /// <summary>A system that closes over unread bytes sends a reset, which can take the answer along.</summary>
    [Test]
    public void CloseOverUnreadBytesReadsThemFirst()
    {
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Loop.Do(raw.Connection.PauseRecv);
        raw.Socket.Arrive("unread");
        raw.Loop.Do(() => raw.Connection.Close("bye"));
        Assert.That(raw.Socket.Calls, Is.EqualTo(new[] { "send 3", "shutdown" }));
        raw.Socket.ArriveEnd();
        raw.Loop.TurnUntilNothingHappens();
        Assert.That((raw.Socket.Calls[^1], raw.Socket.HasUnread), Is.EqualTo(("close", true)),
            "the end stays, and nothing before it");
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void WhatWaitsLeavesBeforeTheEnd([Values("close", "end")] string how, [Range(0, 5)] int room)
    {
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Socket.Room = room;
        raw.Send("01234");
        raw.Loop.Do(how == "close" ? raw.Connection.Close : raw.Connection.End);
        Assert.That(raw.Send("never"), Is.EqualTo(SendResult.Dropped));
        raw.Loop.TurnUntilNothingHappens();
        if (room < 5)
        {
            Assert.That(raw.Socket.Calls, Has.None.EqualTo("shutdown").And.None.EqualTo("close"));
            raw.Socket.MakeRoom();
            raw.Loop.TurnUntilNothingHappens();
        }
        Assert.That((raw.Socket.Sent, raw.Socket.Calls[^1]), Is.EqualTo(("01234", how == "close" ? "close" : "shutdown")));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void DestroyThrowsAwayWhatTheSocketHasNotTaken()
    {
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Socket.Room = 2;
        raw.Send("0123");
        raw.Loop.Do(raw.Connection.Destroy);
        raw.Socket.MakeRoom();
        raw.Loop.TurnUntilNothingHappens();
        Assert.That((raw.Socket.Sent, raw.Socket.Calls[^1], raw.Events), Is.EqualTo(("01", "close", End.ToList())));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void PeerThatReadsSlowlyHasNoLongerForItsNextRequest()
    {
        MemoryConnection http = MemoryConnection.Http((connection, _) => connection.Send("answer"),
            new HttpOptions { HeadTimeout = TimeSpan.FromMilliseconds(100) });
        http.Socket.Room = 5;
        http.Socket.Arrive("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET");
        http.Loop.Turn();
        http.Loop.Advance(TimeSpan.FromMilliseconds(100));
        Assert.That((http.Connection.SendBufferQueueSize > 0, http.Events), Is.EqualTo((true, new List<string>())));
        http.Loop.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That((http.Events, http.Connection.Status),
            Is.EqualTo((new List<string> { "rejected 408" }, ConnectionStatus.Ending)));
        http.AssertKeepsToTheContract();
    }

    /// <summary>A last message that is refused, and an application that closes where it is told of that.</summary>
    [Test]
    public void ConnectionThatIsEndedWhileItsLastMessageIsSentCloses([Values("close", "end")] string inner,
        [Values("close", "end")] string outer)
    {
        MemoryConnection http = MemoryConnection.Http((_, _) => { });
        http.Connection.LingerTimeout = TimeSpan.Zero;
        http.Connection.OnError = (connection, _, _) =>
        {
            if (inner == "close") connection.Close();
            else connection.End();
        };
        http.Loop.Do(() =>
        {
            if (outer == "close") http.Connection.Close("nobody has asked");
            else http.Connection.End("nobody has asked");
        });
        Assert.That((http.Socket.IsClosed, http.Events[1..]), Is.EqualTo((true, End.ToList())));
        http.AssertKeepsToTheContract();
    }

    /// <summary>The end comes in the same turn as the room for more answers, before the messages that wait are read.</summary>
    [Test]
    public void PeerThatEndsAsItReadsIsAnsweredAllThatItHasSent()
    {
        MemoryConnection raw = MemoryConnection.Raw((connection, text) => connection.Send(text));
        raw.Connection.MaxSendBufferSize = 4;
        raw.Socket.Room = 0;
        raw.Socket.Arrive("0123").Arrive("4567");
        raw.Loop.TurnUntilNothingHappens();
        Assert.That((raw.Connection.SendBufferQueueSize, raw.Connection.RecvBufferQueueSize), Is.EqualTo((4L, 4L)));
        raw.Socket.MakeRoom();
        raw.Socket.ArriveEnd();
        raw.Loop.TurnUntilNothingHappens();
        Assert.That((raw.Socket.Sent, raw.Socket.Calls[^1]), Is.EqualTo(("01234567", "close")));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void PeerThatEndsIsAnsweredWithAnEnd()
    {
        MemoryConnection raw = MemoryConnection.Raw((connection, text) => connection.Send(text));
        raw.Socket.Arrive("echo").ArriveEnd();
        raw.Loop.TurnUntilNothingHappens();
        Assert.That((raw.Socket.Sent, raw.Socket.Calls, raw.Events),
            Is.EqualTo(("echo", new List<string> { "send 4", "close" }, End.ToList())));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void PeerThatEndsInTheMiddleOfAShortWriteGetsTheRest()
    {
        MemoryConnection raw = MemoryConnection.Raw((connection, text) => connection.Send(text));
        raw.Socket.Room = 2;
        raw.Socket.Arrive("echo").ArriveEnd();
        raw.Loop.TurnUntilNothingHappens();
        Assert.That(raw.Socket.IsClosed, Is.False);
        raw.Socket.MakeRoom();
        raw.Loop.TurnUntilNothingHappens();
        Assert.That((raw.Socket.Sent, raw.Socket.Calls[^1]), Is.EqualTo(("echo", "close")));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void HalfClosedPeerIsKeptForAnAnswerAsLongAsThatIsAllowed()
    {
        MemoryConnection http = MemoryConnection.Http((_, _) => { });
        http.Connection.HalfClosedTimeout = TimeSpan.FromSeconds(5);
        http.Socket.Arrive("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ArriveEnd();
        http.Loop.TurnUntilNothingHappens();
        http.Loop.Advance(TimeSpan.FromSeconds(5));
        Assert.That(http.Socket.IsClosed, Is.False);
        http.Loop.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That((http.Socket.IsClosed, http.Events), Is.EqualTo((true, End.ToList())));
        http.AssertKeepsToTheContract();
    }

    [Test]
    public void ReceiveThatFailsIsAClose([Values("ConnectionReset", "TimedOut", "HostUnreachable")] string error,
        [Values] bool whileBytesWait)
    {
        MemoryConnection raw = MemoryConnection.Raw();
        if (whileBytesWait)
        {
            raw.Socket.Room = 0;
            raw.Send("lost");
        }
        raw.Socket.ReceiveError = Enum.Parse<SocketError>(error);
        raw.Loop.TurnUntilNothingHappens();
        Assert.That((raw.Socket.Calls[^1], raw.Events), Is.EqualTo(("close", End.ToList())));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void ReceiveThatWasInterruptedIsNothing()
    {
        string received = "";
        MemoryConnection raw = MemoryConnection.Raw((_, text) => received += text);
        raw.Socket.ReceiveError = SocketError.Interrupted;
        raw.Loop.TurnUntilNothingHappens();
        Assert.That((raw.Connection.Status, raw.Events.Count), Is.EqualTo((ConnectionStatus.Established, 0)));
        raw.Socket.Arrive("x");
        raw.Loop.Turn();
        Assert.That(received, Is.EqualTo("x"));
        raw.AssertKeepsToTheContract();
    }

    /// <summary>While reading is off, a driver tells that the connection is dead.</summary>
    [Test]
    public void HangupOfAPausedConnectionIsAClose([Values] bool whileBytesWait)
    {
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Loop.Do(raw.Connection.PauseRecv);
        if (whileBytesWait)
        {
            raw.Socket.Room = 0;
            raw.Send("lost");
        }
        raw.Socket.Arrive("never read");
        raw.Socket.HangUp();
        raw.Loop.TurnUntilNothingHappens();
        Assert.That((raw.Socket.Calls[^1], raw.Events[^3..]), Is.EqualTo(("close", End.ToList())));
        Assert.That(raw.Events.Count(one => one == "close"), Is.EqualTo(1));
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void HangupWhileTheAnswerIsOwedTakesNobodyByAccident()
    {
        TcpConnection? owed = null;
        MemoryConnection http = MemoryConnection.Http((connection, _) =>
        {
            owed = connection;
            connection.PauseRecv();
        });
        http.Socket.Arrive("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        http.Loop.Turn();
        http.Socket.HangUp();
        http.Loop.TurnUntilNothingHappens();
        Assert.That((http.Socket.IsClosed, http.Events), Is.EqualTo((true, End.ToList())));
        SendResult late = SendResult.Sent;
        http.Loop.Do(() => late = owed!.Send("too late"));
        Assert.That((late, http.Socket.Sent), Is.EqualTo((SendResult.Dropped, "")));
        http.AssertKeepsToTheContract();
    }

    [Test]
    public void ClosedByItsOwnMessageItReadsNoMore([Values("close", "end", "destroy")] string how)
    {
        var messages = new List<string>();
        MemoryConnection text = MemoryConnection.Open<string>(Lines(), (connection, line) =>
        {
            messages.Add(line);
            if (how == "close") connection.Close();
            else if (how == "end") connection.End();
            else connection.Destroy();
        });
        text.Socket.Arrive("1\n2\n").Arrive("3\n").ArriveEnd();
        text.Loop.TurnUntilNothingHappens();
        Assert.That((messages, text.Events), Is.EqualTo((new List<string> { "1" }, End.ToList())));
        Assert.That(text.Socket.IsClosed);
        text.AssertKeepsToTheContract();
    }

    [Test]
    public void MessagesAreTheSameWhereverTheyAreCut()
    {
        const string All = "one\n\ntwo\r\nthree\n";
        for (int cut = 0; cut <= All.Length; cut++)
        {
            var messages = new List<string>();
            MemoryConnection text = MemoryConnection.Open<string>(Lines(), (_, line) => messages.Add(line));
            if (cut > 0) text.Socket.Arrive(All[..cut]);
            text.Loop.Turn();
            int whole = All[..cut].LastIndexOf('\n') + 1;
            Assert.That((text.Connection.RecvBufferQueueSize, text.Connection.BytesRead),
                Is.EqualTo(((long)cut - whole, (long)cut)), $"cut at {cut}");
            if (cut < All.Length) text.Socket.Arrive(All[cut..]);
            text.Loop.Turn();
            Assert.That(messages, Is.EqualTo(new[] { "one", "", "two", "three" }), $"cut at {cut}");
            Assert.That(text.Connection.RecvBufferQueueSize, Is.Zero);
            text.AssertKeepsToTheContract();
        }
    }

    [Test]
    public void PausedConnectionAsksForNothingUntilItIsResumed()
    {
        var messages = new List<string>();
        MemoryConnection text = MemoryConnection.Open<string>(Lines(), (connection, line) =>
        {
            messages.Add(line);
            connection.PauseRecv();
        });
        text.Socket.Arrive("1\n2\n").Arrive("3\n");
        text.Loop.TurnUntilNothingHappens();
        Assert.That((messages.Count, text.Socket.ReadEnabled), Is.EqualTo((1, false)));
        text.Loop.Do(text.Connection.ResumeRecv);
        text.Loop.TurnUntilNothingHappens();
        Assert.That((messages.Count, text.Socket.HasUnread), Is.EqualTo((2, true)), "what has arrived already comes first");
        text.Loop.Do(text.Connection.ResumeRecv);
        text.Loop.TurnUntilNothingHappens();
        Assert.That(messages, Is.EqualTo(new[] { "1", "2", "3" }));
        text.AssertKeepsToTheContract();
    }

    private static MessageProtocol<string> Lines() => new MessageProtocol<string>("text", new TextProtocol());
}
