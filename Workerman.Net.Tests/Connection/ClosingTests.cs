using System.Net.Sockets;
using System.Text;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>The end of a connection: Close, End, Destroy, half-closed and resetting peers.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ClosingTests(Type loopType)
{
    [Test]
    public async Task CloseSendsWhatWaitsAndThenCloses()
    {
        var statuses = new List<ConnectionStatus>();
        var closed = new TaskCompletionSource<ConnectionStatus>();
        byte[] large = new byte[4 * 1024 * 1024];
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            connection.Send(large);
            connection.Close();
            statuses.Add(connection.Status);
        }, worker => worker.OnClose = connection => closed.SetResult(connection.Status));
        using RawClient client = server.Connect();
        client.Send("x");
        Assert.That(client.ReadToEnd(), Has.Length.EqualTo(large.Length));
        Assert.That(Wait.For(closed.Task), Is.EqualTo(ConnectionStatus.Closed));
        Assert.That(statuses, Is.EqualTo(new[] { ConnectionStatus.Closing }));
    }

    [Test]
    public async Task OnCloseComesOnceAndAfterTheCallbackThatClosed()
    {
        var order = new List<string>();
        var closed = new TaskCompletionSource<TcpConnection>();
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            connection.Close();
            connection.Close();
            connection.Destroy();
            connection.End();
            Assert.That(connection.Status, Is.EqualTo(ConnectionStatus.Closed));
            order.Add("message ends");
        }, worker => worker.OnClose = connection =>
        {
            order.Add("closed");
            closed.TrySetResult(connection);
        });
        using RawClient client = server.Connect();
        client.Send("x");
        client.ReadToEnd();
        await LoopTurns.Pass(Wait.For(closed.Task).Loop);
        Assert.That(order, Is.EqualTo(new[] { "message ends", "closed" }));
    }

    [Test]
    public async Task OnCloseComesInTheOrderOfClosing()
    {
        var order = new List<string>();
        var closed = new TaskCompletionSource();
        TcpConnection? other = null;
        await using TestServer server = TestServer.Raw(loopType, (connection, message) =>
        {
            connection.Context = Encoding.ASCII.GetString(message.Span);
            if (message.Span.SequenceEqual("first"u8))
            {
                other = connection;
                connection.Send("ready");
                return;
            }
            // What is deferred for this one already must not bring its end forward.
            connection.PauseRecv();
            connection.ResumeRecv();
            other!.Destroy();
            connection.Destroy();
        }, worker => worker.OnClose = connection =>
        {
            order.Add((string)connection.Context!);
            if (order.Count == 2) closed.SetResult();
        });
        using RawClient first = server.Connect();
        Assert.That(first.Send("first").ReadUntil("ready"), Is.EqualTo("ready"));
        using RawClient second = server.Connect();
        second.Send("second");
        Wait.For(closed.Task);
        Assert.That(order, Is.EqualTo(new[] { "first", "second" }));
    }

    [Test]
    public async Task InOnCloseTheConnectionIsStillListed()
    {
        var listed = new TaskCompletionSource<(bool, int, SendResult)>();
        await using TestServer server =
            TestServer.Raw(loopType, (connection, _) => connection.Close(), worker => worker.OnClose = connection =>
            {
                var results = new List<SendResult>();
                foreach (TcpConnection each in worker.Connections) results.Add(each.Send("bye"));
                listed.SetResult((worker.Connections[connection.Id] == connection, worker.Connections.Count, results.Single()));
            });
        using RawClient client = server.Connect();
        client.Send("x");
        Assert.That(Wait.For(listed.Task), Is.EqualTo((true, 1, SendResult.Dropped)));
        await Wait.Until(() => server.Main.Connections.Count == 0, "the end of the list");
    }

    [Test]
    public async Task EndGivesTheAnswerThoughThePeerIsStillSending()
    {
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            connection.LingerTimeout = Wait.Limit;
            connection.End("the answer");
        });
        using RawClient client = server.Connect();
        client.Send("x");
        Assert.That(client.ReadUntil("the answer"), Is.EqualTo("the answer"));
        // A server that had closed would answer these with a reset.
        for (int i = 0; i < 20; i++) client.Send(new byte[64 * 1024]);
        Assert.That(client.IsAtEnd());
        client.HalfClose();
        await Wait.Until(() => server.Main.Connections.Count == 0, "the close");
    }

    [Test]
    public async Task EndWaitsForThePeerNoLongerThanTheLinger()
    {
        var closed = new TaskCompletionSource<TcpConnection>();
        TcpConnection? patient = null;
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            // The first waits for as long as the test does, the second does not: that they differ is its setting's doing.
            connection.LingerTimeout = patient is null ? Wait.Limit : TimeSpan.FromMilliseconds(100);
            patient ??= connection;
            connection.End("bye");
            Assert.That(connection.Status, Is.EqualTo(ConnectionStatus.Ending));
        }, worker => worker.OnClose = connection => closed.TrySetResult(connection));
        using RawClient first = server.Connect();
        Assert.That(first.Send("x").ReadToEnd(), Is.EqualTo("bye"));
        using RawClient second = server.Connect();
        Assert.That(second.Send("x").ReadToEnd(), Is.EqualTo("bye"));
        Assert.That(Wait.For(closed.Task), Is.Not.SameAs(patient));
        Assert.That(patient!.Status, Is.EqualTo(ConnectionStatus.Ending));
        first.Dispose();
    }

    [Test]
    public async Task CloseOverUnreadBytesDoesNotTakeTheAnswerAlong()
    {
        await using TestServer server =
            TestServer.Raw(loopType, (connection, _) => connection.PauseRecv(), worker => worker.OnConnect = connection =>
            {
                connection.PauseRecv();
                Timer.Delay(0.05, () => connection.Close("the answer"));
            });
        using RawClient client = server.Connect();
        client.Send(new byte[32 * 1024]);
        Assert.That(client.ReadToEnd(), Is.EqualTo("the answer"));
    }

    [Test]
    public async Task DestroyThrowsAwayWhatTheSocketHasNotTaken()
    {
        byte[] large = new byte[32 * 1024 * 1024];
        var closed = new TaskCompletionSource<long>();
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            connection.Send("taken ");
            connection.Send(large);
            connection.Destroy();
        }, worker => worker.OnClose = connection => closed.SetResult(connection.BytesWritten));
        using var client = new RawClient(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send("x");
        long taken = Wait.For(closed.Task);
        Assert.That(taken, Is.InRange(6, large.Length));
        Assert.That(client.ReadExactly(6), Is.EqualTo("taken "));
    }

    [Test]
    public async Task ResetByThePeerIsAClose()
    {
        var connected = new TaskCompletionSource();
        var closed = new TaskCompletionSource();
        await using TestServer server = TestServer.Raw(loopType, (_, _) => { }, worker =>
        {
            worker.OnConnect = _ => connected.SetResult();
            worker.OnClose = _ => closed.SetResult();
        });
        using RawClient client = server.Connect();
        Wait.For(connected.Task);
        client.Reset();
        Wait.For(closed.Task);
        await Wait.Until(() => server.Main.Connections.Count == 0, "the end of the list");
    }

    [Test]
    public async Task HalfClosedPeerStillGetsTheAnswerThatIsOwed()
    {
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => Timer.Delay(0.05, () => connection.Send("late")));
        using RawClient client = server.Connect();
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").HalfClose();
        Assert.That(client.ReadToEnd(), Does.EndWith("\r\n\r\nlate"));
    }

    [Test]
    public async Task HalfClosedPeerGetsAllPipelinedAnswers()
    {
        await using TestServer server =
            TestServer.Http(loopType, (connection, request) => Timer.Delay(0.01, () => connection.Send(request.Path)));
        using RawClient client = server.Connect();
        client.Send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
            .HalfClose();
        Assert.That(client.ReadResponse().Body, Is.EqualTo("/1"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("/2"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("/3"));
        Assert.That(client.IsAtEnd());
    }

    [Test]
    public async Task HalfClosedPeerWithNothingOwedIsClosed()
    {
        var closed = new TaskCompletionSource();
        await using TestServer server = TestServer.Raw(loopType, (connection, _) => connection.Send("echo"),
            worker => worker.OnClose = _ => closed.SetResult());
        using RawClient client = server.Connect();
        client.Send("x").HalfClose();
        Assert.That(client.ReadToEnd(), Is.EqualTo("echo"));
        Wait.For(closed.Task);
    }

    [Test]
    public async Task ClosingOthersWhileGoingThroughTheConnectionsWorks()
    {
        int closed = 0;
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            foreach (TcpConnection other in connection.Worker!.Connections) other.Close("bye");
        }, worker => worker.OnClose = _ => closed++);
        List<RawClient> clients = [.. Enumerable.Range(0, 10).Select(_ => server.Connect())];
        await Wait.Until(() => server.Main.Connections.Count == 10, "ten connections");
        clients[3].Send("x");
        foreach (RawClient client in clients)
        {
            Assert.That(client.ReadToEnd(), Is.EqualTo("bye"));
            client.Dispose();
        }
        await Wait.Until(() => closed == 10, "ten closes");
    }

    [Test]
    public async Task LastWordsThatTheProtocolRefusesStillClose()
    {
        string error = "";
        await using TestServer server = TestServer.Http(loopType, (_, _) => { }, worker =>
        {
            worker.OnConnect = connection => connection.Close("nobody asked");
            worker.OnError = (_, _, reason) => error = reason;
        });
        using RawClient client = server.Connect();
        Assert.That(client.ReadToEnd(), Is.Empty);
        Assert.That(error, Does.Contain("No request waits"));
    }

    [Test]
    public async Task ThrowingOnCloseIsReportedAndTheWorkerLivesOn()
    {
        int closed = 0;
        await using TestServer server = TestServer.Raw(loopType, (connection, _) => connection.Close("x"), worker =>
            worker.OnClose = _ => throw new InvalidOperationException($"in OnClose {++closed}"));
        for (int i = 0; i < 2; i++)
        {
            using RawClient client = server.Connect();
            client.Send("x");
            Assert.That(client.ReadToEnd(), Is.EqualTo("x"));
        }
        await Wait.Until(() => server.Log.Lines.Count(line => line.Contains("in OnClose")) == 2, "two reports");
    }
}
