using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Grouping;

/// <summary>How connections come into groups and out of them: by their end above all, whatever ends them, and in races.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class GroupLifeTests(Type loopType)
{
    private static IEnumerable<TestCaseData> Ends
    {
        get
        {
            yield return End("Close", connection => connection.Close(), _ => { });
            yield return End("Close with a message", connection => connection.Close("bye"), _ => { });
            yield return End("End", connection => connection.End(), client => client.HalfClose());
            yield return End("Destroy", connection => connection.Destroy(), _ => { });
            yield return End("Reset", connection => connection.Reset(), _ => { });
            yield return End("handed over", HandOver, _ => { });
            yield return End("the peer closes", _ => { }, client => client.Dispose());
            yield return End("the peer half-closes", _ => { }, client => client.HalfClose());
            yield return End("the peer resets", _ => { }, client => client.Reset());

            static TestCaseData End(string name, Action<TcpConnection> here, Action<RawClient> there) =>
                new TestCaseData(here, there).SetArgDisplayNames(name);
        }
    }

    [TestCaseSource(nameof(Ends))]
    public async Task AConnectionLeavesWithItsEnd(Action<TcpConnection> here, Action<RawClient> there)
    {
        var rooms = new Groups();
        var closed = new TaskCompletionSource<string[]>();
        var ended = new TaskCompletionSource<TcpConnection>();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            OnConnect = connection => rooms.Join(connection, "b"),
            OnMessage = (connection, _) =>
            {
                rooms.Join(connection, "a");
                connection.OnClose = own =>
                {
                    closed.SetResult([.. rooms.GetGroups(own).Order()]);
                    Assert.That(rooms.Join(own, "too late"), Is.False);
                    ended.SetResult(own);
                };
                here(connection);
            },
        });
        using RawClient stays = server.Connect();
        using RawClient client = server.Connect();
        client.Send("go\n");
        await Wait.Until(() => rooms.Count("a") == 1 || closed.Task.IsCompleted, "the member");
        there(client);
        Assert.That(Wait.For(closed.Task), Is.EqualTo(new[] { "a", "b" }), "its groups in its OnClose");
        await Wait.Until(() => rooms.Count("a") == 0, "the end");
        Assert.That((rooms.Count("b"), rooms.ConnectionCount, rooms.GroupCount), Is.EqualTo((1, 1, 1)));
        TcpConnection gone = Wait.For(ended.Task);
        Assert.That(rooms.Join(gone, "a"), Is.False);
        Assert.That((rooms.GetGroups(gone).Count, rooms.LeaveAll(gone)), Is.EqualTo((0, 0)));
        rooms.Send("b", "end");
        Assert.That(stays.ReadUntil("\n"), Is.EqualTo("end\n"));
    }

    [Test]
    public async Task AConnectionThatEndsWhileAnotherThreadJoinsItIsInNoGroup()
    {
        var rooms = new Groups();
        var connections = new BlockingCollection<TcpConnection>();
        int joined = 0;
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            Count = 2,
            OnConnect = connection =>
            {
                connections.Add(connection);
                connection.Destroy();
            },
        });
        var joiner = new Thread(() =>
        {
            foreach (TcpConnection connection in connections.GetConsumingEnumerable())
            {
                if (rooms.Join(connection, "room")) joined++;
            }
        });
        joiner.Start();
        for (int i = 0; i < 300; i++) Assert.That(server.Connect().IsAtEnd());
        connections.CompleteAdding();
        joiner.Join();
        TestContext.Out.WriteLine($"{joined} joined in time");
        await Wait.Until(() => rooms.ConnectionCount == 0 && rooms.GroupCount == 0, "the end of all");
    }

    [Test]
    public async Task AClientIsAMemberFromItsConnectToItsEnd()
    {
        var rooms = new Groups();
        var received = new ConcurrentQueue<string>();
        int connected = 0;
        AsyncTcpConnection<string>? client = null;
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            OnMessage = (connection, line) =>
            {
                received.Enqueue(line);
                if (line == "again") connection.Close();
            },
        });
        var loop = server.Main;
        var failure = new TaskCompletionSource<string>();
        using RawClient starter = server.Connect();
        await Wait.Until(() => server.Main.Connections.Count == 1, "a loop");
        server.Main.Connections.First().Loop.Post(() =>
        {
            client = new AsyncTcpConnection<string>($"text://{server.EndPoint}");
            failure.SetResult(Assert.Throws<InvalidOperationException>(() => rooms.Join(client, "room"))!.Message);
            client.OnConnect = own =>
            {
                rooms.Join(own, $"room {++connected}");
                rooms.Send($"room {connected}", connected == 1 ? "again" : "end");
            };
            client.OnClose = own =>
            {
                if (connected == 1) own.Reconnect();
            };
            client.Connect();
        });
        Assert.That(Wait.For(failure.Task), Does.Contain("Cure: join it in its OnConnect"));
        await Wait.Until(() => received.Count == 2, "both lives");
        Assert.That(received, Is.EqualTo(new[] { "again", "end" }));
        Assert.That(rooms.GetGroups(), Is.EqualTo(new[] { "room 2" }));
        client!.Close();
        await Wait.Until(() => rooms.GroupCount == 0, "its end");
    }

    /// <summary>While it is dialling it is a member already, and what it is sent waits for the connection.</summary>
    [Test]
    public async Task AClientOnItsWayKeepsWhatItsGroupIsSent()
    {
        var rooms = new Groups();
        var received = new TaskCompletionSource<string>();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "test",
            OnMessage = (_, text) => received.TrySetResult(text),
        });
        using RawClient starter = server.Connect();
        await Wait.Until(() => server.Main.Connections.Count == 1, "a loop");
        server.Main.Connections.First().Loop.Post(() =>
        {
            var client = new AsyncTcpConnection<string>($"ws://{server.EndPoint}");
            client.Connect();
            rooms.Join(client, "room");
            rooms.Send("room", "waits");
        });
        Assert.That(Wait.For(received.Task), Is.EqualTo("waits"));
        Assert.That(rooms.ConnectionCount, Is.EqualTo(1));
    }

    [Test]
    public async Task NothingIsLeftOfThreadsThatJoinLeaveSendAndClose()
    {
        const int Clients = 60;
        var rooms = new Groups();
        var connections = new ConcurrentDictionary<long, TcpConnection>();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            Count = 3,
            OnConnect = connection => connections[connection.Id] = connection,
            OnClose = connection => connections.TryRemove(connection.Id, out _),
            OnMessage = (connection, line) =>
            {
                rooms.Join(connection, line);
                rooms.Send(line, "said");
                if (line == "5") rooms.Leave(connection, line);
                if (line == "6") rooms.LeaveAll(connection);
            },
        });
        var over = new CancellationTokenSource();
        Thread[] readers = [.. Enumerable.Range(0, Clients).Select(seed => new Thread(() => Talk(server, seed)))];
        Thread[] workers = [.. Enumerable.Range(0, 3)
            .Select(seed => new Thread(() => Meddle(rooms, connections, seed, over.Token)))];
        foreach (Thread thread in workers.Concat(readers)) thread.Start();
        foreach (Thread reader in readers) reader.Join();
        await over.CancelAsync();
        foreach (Thread worker in workers) worker.Join();
        await Wait.Until(() => connections.IsEmpty, "the end of all connections");
        await Wait.Until(() => rooms.ConnectionCount == 0 && rooms.GroupCount == 0, "the end of all groups");
        Assert.That(server.Log.Text, Does.Not.Contain("Exception"));
    }

    private static void Talk(TestServer server, int seed)
    {
        var random = new Random(seed);
        for (int life = 0; life < 5; life++)
        {
            using RawClient client = server.Connect();
            try
            {
                for (int i = 0; i < 30; i++) client.Send($"{random.Next(8)}\n");
                if (seed % 3 == 0) client.Reset();
            }
            catch (System.Net.Sockets.SocketException)
            {
                // Somebody has closed it.
            }
        }
    }

    private static void Meddle(Groups rooms, ConcurrentDictionary<long, TcpConnection> connections, int seed,
        CancellationToken over)
    {
        var random = new Random(seed);
        while (!over.IsCancellationRequested)
        {
            string room = $"{random.Next(8)}";
            if (random.Next(200) == 0) rooms.Close(room);
            if (random.Next(50) == 0) rooms.Dissolve(room);
            rooms.Send(room, "from elsewhere");
            if (connections.Values.Skip(random.Next(10)).FirstOrDefault() is not { } connection) continue;
            rooms.Join(connection, room);
            if (random.Next(2) == 0) rooms.Leave(connection, room);
            if (random.Next(9) == 0) rooms.LeaveAll(connection);
            _ = rooms.GetConnections(room).Count + rooms.GetGroups(connection).Count + rooms.GetGroups().Count;
        }
    }

    /// <summary>As a connection leaves for another process; where the loop cannot do that, it just ends.</summary>
    private static void HandOver(TcpConnection connection) => connection.Loop.Post(() =>
    {
        int descriptor = connection.Leave(0, out _);
        if (descriptor < 0) connection.Destroy();
        else new SafeFileHandle(descriptor, ownsHandle: true).Dispose();
    });
}
