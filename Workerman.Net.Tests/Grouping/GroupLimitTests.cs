using System.Collections.Concurrent;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Tests.Support;

namespace Workerman.Tests.Grouping;

/// <summary>How much there may be of groups, names and messages that wait, at each bound and one beyond; and members that do not
/// read.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class GroupLimitTests(Type loopType)
{
    [Test]
    public void GroupsOfAConnectionNamesAndGroupsAreLimited()
    {
        var rooms = new Groups(new GroupsOptions { MaxGroups = 3, MaxGroupsPerConnection = 2, MaxNameLength = 4 });
        TcpConnection one = MemoryConnection.Raw().Connection;
        TcpConnection two = MemoryConnection.Raw().Connection;
        Join(one, "1");
        Join(one, "2222");
        Join(one, "1");
        Refuses(() => rooms.Join(one, "3"), "The connection is in 2 groups").And("GroupsOptions.MaxGroupsPerConnection");
        Refuses(() => rooms.Join(two, "55555"), "A group's name has 5 characters, and may have 4").And("MaxNameLength");
        Refuses(() => rooms.Send("55555", "x"), "A group's name has 5 characters").And("Cure: ");
        Refuses(() => rooms.ExceptGroups("55555"), "A group's name has 5 characters").And("Cure: ");
        Join(two, "3");
        Refuses(() => rooms.Join(two, "4"), "There are 3 groups").And("GroupsOptions.MaxGroups");
        Join(two, "1");
        Assert.That(rooms.Leave(one, "2222"));
        Assert.That(rooms.Leave(two, "1"));
        Join(two, "4");
        Assert.That(rooms.GetGroups(), Is.EquivalentTo(new[] { "1", "3", "4" }));
        Assert.That(rooms.LeaveAll(two), Is.EqualTo(2));
        Assert.That(rooms.GetGroups(two), Is.Empty);

        void Join(TcpConnection connection, string name) => OnLoop(connection, () => Assert.That(rooms.Join(connection, name)));
    }

    /// <summary>By numbers: half a surrogate pair does not get through to a test as an argument.</summary>
    [TestCase]
    [TestCase(0xd800)]
    [TestCase((int)'a', 0xdc00, (int)'b')]
    public void NamesThatNoNodeCouldBeToldAreRefused(params int[] units)
    {
        string name = string.Concat(units.Select(unit => (char)unit));
        var rooms = new Groups();
        TcpConnection connection = MemoryConnection.Raw().Connection;
        Assert.Throws<ArgumentException>(() => rooms.Join(connection, name));
        Assert.Throws<ArgumentException>(() => rooms.Send(name, "text"));
        Assert.Throws<ArgumentException>(() => rooms.Close(name));
        Assert.Throws<ArgumentException>(() => rooms.Dissolve(name));
        Assert.Throws<ArgumentException>(() => rooms.ExceptGroups(name));
        Assert.That((rooms.Count(name), rooms.Contains(connection, name), rooms.GetConnections(name).Count),
            Is.EqualTo((0, false, 0)));
    }

    [Test]
    public void SettingsHaveBounds()
    {
        var options = new GroupsOptions();
        Assert.That((options.MaxGroups, options.MaxGroupsPerConnection, options.MaxNameLength, options.MaxQueueSize,
            options.MaxMessageSize), Is.EqualTo((1_000_000, 1000, 256, 67_108_864, 1_048_576)));
        Assert.That(options.Backplane, Is.Null);
        foreach ((Action<int> set, int least, long most) in new (Action<int>, int, long)[]
        {
            (value => options.MaxGroups = value, 1, 100_000_000),
            (value => options.MaxGroupsPerConnection = value, 1, 1_000_000),
            (value => options.MaxNameLength = value, 1, 10_000),
            (value => options.MaxQueueSize = value, 65_536, int.MaxValue),
            (value => options.MaxMessageSize = value, 1024, 536_870_912),
        })
        {
            set(least);
            set((int)most);
            Assert.Throws<ArgumentOutOfRangeException>(() => set(least - 1));
            if (most < int.MaxValue) Assert.Throws<ArgumentOutOfRangeException>(() => set((int)most + 1));
        }
    }

    [Test]
    public void TheLongestNamesAreWrittenForOtherNodes()
    {
        var nodes = new MemoryBackplane();
        var rooms = new Groups(new GroupsOptions { MaxNameLength = 10_000, Backplane = nodes.NewNode() });
        string name = new('\u20ac', 10_000);
        rooms.Send(name, "text");
        Assert.That(nodes.Published, Has.Exactly(1).Items.And.All.Length.GreaterThan(30_000));
        rooms.ExceptGroups([.. Enumerable.Range(0, 255).Select(number => $"{number}")]).Send("a", "text");
        Assert.Throws<ArgumentException>(() => rooms.ExceptGroups([.. Enumerable.Range(0, 256).Select(number => $"{number}")]));
    }

    [Test]
    public void AMillionComeAndGoAndNothingIsLeft()
    {
        var rooms = new Groups();
        TcpConnection connection = MemoryConnection.Raw().Connection;
        TcpConnection stays = MemoryConnection.Raw().Connection;
        OnLoop(stays, () => rooms.Join(stays, "large"));
        OnLoop(connection, () =>
        {
            for (int i = 0; i < 1_000_000; i++)
            {
                rooms.Join(connection, $"{i}");
                rooms.Join(connection, "large");
                if (i % 2 == 0) rooms.LeaveAll(connection);
                else Assert.That(rooms.Leave(connection, $"{i}"));
            }
        });
        Assert.That((rooms.GroupCount, rooms.ConnectionCount), Is.EqualTo((1, 2)));
        rooms.LeaveAll(connection);
        Assert.That((rooms.GroupCount, rooms.ConnectionCount), Is.EqualTo((1, 1)));
    }

    /// <summary>One loop is held by a callback, while a thread sends more than may wait for it.</summary>
    [Test]
    public async Task WhatWaitsForALoopIsLimited()
    {
        var rooms = new Groups(new GroupsOptions { MaxQueueSize = 65_536 });
        using var release = new ManualResetEventSlim();
        var held = new TaskCompletionSource();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            OnConnect = connection => rooms.Join(connection, "room"),
            OnMessage = (connection, _) =>
            {
                held.SetResult();
                release.Wait(Wait.Limit);
            },
        });
        using RawClient client = server.Connect();
        client.Send("hold\n");
        Wait.For(held.Task);
        // A message takes its characters twice and 200 bytes: these take 10,000.
        string text = new('x', 4900);
        for (int i = 0; i < 7; i++) rooms.Send("room", $"{i}{text[1..]}");
        Assert.That(rooms.Dropped, Is.EqualTo(1));
        // A small one has room.
        rooms.Send("room", "small");
        rooms.Send("room", text);
        Assert.That(rooms.Dropped, Is.EqualTo(2));
        release.Set();
        Assert.That(client.ReadUntil("small\n"), Is.EqualTo(string.Concat(Enumerable.Range(0, 6)
            .Select(i => $"{i}{text[1..]}\n")) + "small\n"));
        // A single message may be larger.
        rooms.Send("room", new string('y', 100_000));
        Assert.That(client.ReadUntil("y\n"), Has.Length.EqualTo(100_001));
        Assert.That(rooms.Dropped, Is.EqualTo(2));
    }

    [Test]
    public async Task AMemberThatDoesNotReadHoldsNobodyUp()
    {
        var rooms = new Groups();
        var full = new ConcurrentQueue<long>();
        var errors = new ConcurrentQueue<string>();
        long slowId = 0;
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            OnConnect = connection => rooms.Join(connection, "room"),
            OnMessage = (connection, _) => (slowId, connection.MaxSendBufferSize) = (connection.Id, 100_000),
            OnBufferFull = connection => full.Enqueue(connection.Id),
            OnError = (_, _, reason) => errors.Enqueue(reason),
        });
        using var slow = new RawClient(server.EndPoint, receiveBufferSize: 4096);
        slow.Send("slow\n");
        await Wait.Until(() => Volatile.Read(ref slowId) != 0, "the slow one");
        using RawClient quick = server.Connect();
        await Wait.Until(() => rooms.Count("room") == 2, "the members");
        string text = new('x', 50_000);
        int sent = 0;
        for (; errors.IsEmpty; sent++)
        {
            rooms.Send("room", text);
            Assert.That(quick.ReadExactly(text.Length + 1), Is.EqualTo(text + "\n"));
        }
        Assert.That(full, Is.EqualTo(new[] { slowId }));
        Assert.That(errors, Has.All.EqualTo("send buffer full and drop package"));
        // What it has missed is whole messages; when it reads again, it gets the next.
        string read = slow.ReadExactly((sent - errors.Count) * (text.Length + 1));
        Assert.That(read.Split('\n')[..^1], Has.All.EqualTo(text));
        await Wait.Until(() => rooms.GetConnections("room").All(connection => connection.BufferIsEmpty), "an empty buffer");
        rooms.Send("room", "end");
        Assert.That((quick.ReadUntil("\n"), slow.ReadUntil("\n")), Is.EqualTo(("end\n", "end\n")));
    }

    private static void OnLoop(TcpConnection connection, Action action) => ((MemoryLoop)connection.Loop).Do(action);

    private static Refusal Refuses(Action action, string reason)
    {
        string message = Assert.Throws<GroupLimitException>(action)!.Message;
        Assert.That(message, Does.StartWith(reason));
        return new Refusal(message);
    }

    private sealed record Refusal(string Message)
    {
        public void And(string cure) => Assert.That(Message, Does.Contain(cure).And.Contain("Cure: "));
    }
}
