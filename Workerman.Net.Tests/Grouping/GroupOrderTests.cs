using System.Collections.Concurrent;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Grouping;

/// <summary>In which order members get messages, from whatever threads they are sent, and who gets none any more.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class GroupOrderTests(Type loopType)
{
    [Test]
    public async Task EachSendersMessagesArriveInTheirOrderAtAllMembers()
    {
        const int Senders = 3;
        const int Messages = 2000;
        var rooms = new Groups();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            Count = 3,
            OnConnect = connection => rooms.Join(connection, "room"),
        });
        List<RawClient> clients = [.. Enumerable.Range(0, 6).Select(_ => server.Connect())];
        await Wait.Until(() => rooms.Count("room") == 6, "the members");
        Thread[] senders = [.. Enumerable.Range(0, Senders).Select(sender => new Thread(() =>
        {
            for (int i = 0; i < Messages; i++) rooms.Send("room", $"{sender} {i}");
        }))];
        foreach (Thread sender in senders) sender.Start();
        foreach (RawClient client in clients)
        {
            int[] next = new int[Senders];
            for (int i = 0; i < Senders * Messages; i++)
            {
                string[] message = client.ReadUntil("\n").TrimEnd().Split(' ');
                Assert.That(message[1], Is.EqualTo($"{next[message[0][0] - '0']++}"), "of sender " + message[0]);
            }
            client.Dispose();
        }
        foreach (Thread sender in senders) sender.Join();
        Assert.That(rooms.Dropped, Is.Zero);
    }

    [Test]
    public async Task OnTheLoopAMessageHasItsPlaceAmongWhatIsSentDirectly()
    {
        var rooms = new Groups();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            OnConnect = connection => rooms.Join(connection, "room"),
            OnMessage = (connection, _) =>
            {
                connection.Send("before");
                rooms.Send("room", "group");
                connection.Send("after");
            },
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send("go\n").ReadUntil("after\n"), Is.EqualTo("before\ngroup\nafter\n"));
    }

    [Test]
    public async Task WhatTheLoopSendsDoesNotOvertakeWhatAnotherThreadHasSentBefore()
    {
        var rooms = new Groups();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            OnConnect = connection => rooms.Join(connection, "room"),
            OnMessage = (connection, _) =>
            {
                Elsewhere(() =>
                {
                    rooms.Send("room", "1");
                    rooms.Send("room", "2");
                });
                rooms.Send("room", "3");
                connection.Send("4");
            },
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send("go\n").ReadUntil("4\n"), Is.EqualTo("1\n2\n3\n4\n"));
    }

    [Test]
    public async Task WhoHasLeftOnItsLoopGetsNotEvenWhatIsOnItsWay([Values] bool all)
    {
        var rooms = new Groups();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            OnConnect = connection => rooms.Join(connection, "room"),
            OnMessage = (connection, text) =>
            {
                if (text == "stay") return;
                Elsewhere(() =>
                {
                    rooms.Send("room", "group");
                    rooms.SendToAll("all");
                });
                Assert.That(all ? rooms.LeaveAll(connection) : rooms.Leave(connection, "room") ? 1 : 0, Is.EqualTo(1));
                connection.Send("left");
                Assert.That(rooms.Leave(connection, "room"), Is.False);
            },
        });
        using RawClient stays = server.Connect();
        using RawClient leaves = server.Connect();
        await Wait.Until(() => rooms.Count("room") == 2, "the members");
        Assert.That(leaves.Send("go\n").ReadUntil("\n"), Is.EqualTo("left\n"));
        Assert.That(stays.ReadUntil("all\n"), Is.EqualTo("group\nall\n"));
        // What comes next is what the server sends at its end: nothing.
        server.Main.Connections.First(connection => !rooms.Contains(connection, "room")).Close();
        Assert.That(leaves.ReadToEnd(), Is.Empty);
    }

    /// <summary>
    /// A member that does not read tells by OnBufferFull, within the delivery; what is sent there comes behind.
    /// </summary>
    [Test]
    public async Task AMessageThatADeliveryCausesComesBehindItForAllMembers()
    {
        var rooms = new Groups();
        bool isFull = false;
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            OnConnect = connection =>
            {
                connection.MaxSendBufferSize = rooms.Count("room") == 1 ? 1_000_000 : 1_000_000_000;
                rooms.Join(connection, "room");
            },
            OnBufferFull = connection =>
            {
                if (isFull) return;
                rooms.Except(connection).Send("room", "full");
                Volatile.Write(ref isFull, true);
            },
        });
        using RawClient first = server.Connect();
        await Wait.Until(() => rooms.Count("room") == 1, "the first member");
        using var slow = new RawClient(server.EndPoint, receiveBufferSize: 4096);
        await Wait.Until(() => rooms.Count("room") == 2, "the second member");
        using RawClient last = server.Connect();
        await Wait.Until(() => rooms.Count("room") == 3, "the third member");
        string large = new('x', 300_000);
        int sent = 0;
        string read = "";
        // The first has the message before it fills the buffer of the slow one, so one more may be sent meanwhile.
        for (; !Volatile.Read(ref isFull); sent++)
        {
            rooms.Send("room", large);
            read += first.ReadExactly(large.Length + 1);
        }
        rooms.Send("room", "end");
        read += first.ReadUntil("end\n");
        Assert.That(read.Replace("full\n", ""), Is.EqualTo(string.Concat(Enumerable.Repeat(large + "\n", sent)) + "end\n"));
        Assert.That(read, Does.Contain("\nfull\n"));
        Assert.That(last.ReadUntil("end\n"), Is.EqualTo(read));
    }

    [Test]
    public async Task WhoJoinsOnAnotherThreadGetsWhatThatSendsNext()
    {
        var rooms = new Groups();
        var connections = new ConcurrentQueue<TcpConnection>();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            Count = 2,
            OnConnect = connections.Enqueue,
        });
        List<RawClient> clients = [.. Enumerable.Range(0, 10).Select(_ => server.Connect())];
        await Wait.Until(() => connections.Count == 10, "the connections");
        foreach (TcpConnection connection in connections)
        {
            Assert.That(rooms.Join(connection, "room"));
            Assert.That(rooms.Join(connection, "room"), "it is in it");
            rooms.Send("room", "hello");
            rooms.Leave(connection, "room");
        }
        // Each was a member for one message, unless its loop got to it too late to deliver it.
        Assert.That((rooms.GroupCount, rooms.ConnectionCount), Is.EqualTo((0, 0)));
        foreach (TcpConnection connection in connections)
        {
            rooms.Join(connection, "room");
            rooms.Send("room", "end");
        }
        foreach (RawClient client in clients)
        {
            string received = client.ReadUntil("end\n");
            Assert.That(received, Is.EqualTo("end\n").Or.EqualTo("hello\nend\n"));
            client.Dispose();
        }
    }

    private static void Elsewhere(ThreadStart action)
    {
        var thread = new Thread(action);
        thread.Start();
        thread.Join();
    }
}
