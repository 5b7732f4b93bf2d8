using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Grouping;

/// <summary>Groups over several nodes, with a backplane in memory: what goes to the others, and what comes from them.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class GroupBackplaneTests(Type loopType)
{
    private MemoryBackplane _all = null!;
    private TestServer.MemoryLogger _log = null!;
    private TestServer _one = null!;
    private TestServer _two = null!;
    private MemoryBackplane.Node _node = null!;
    private Groups _rooms = null!;
    private Groups _others = null!;

    [SetUp]
    public void Start()
    {
        _log = new TestServer.MemoryLogger();
        _all = new MemoryBackplane();
        _node = _all.NewNode();
        _rooms = new Groups(new GroupsOptions { Backplane = _node, MaxMessageSize = 1024 }, () => _log);
        _others = new Groups(new GroupsOptions { Backplane = _all.NewNode() }, () => _log);
        _one = TestServer.Start(loopType, Lines(_rooms));
        _two = TestServer.Start(loopType, Lines(_others));
    }

    [TearDown]
    public async Task Stop()
    {
        await _one.DisposeAsync();
        await _two.DisposeAsync();
    }

    [Test]
    public async Task MessagesReachTheMembersOfAllNodesOnce()
    {
        using RawClient here = await Member(_one, _rooms, "a");
        using RawClient there = await Member(_two, _others, "a");
        using RawClient elsewhere = await Member(_two, _others, "b");
        _rooms.Send("a", "h\u00e9llo");
        _others.Send("a", "back"u8.ToArray());
        _rooms.Send("b", "b");
        _rooms.SendToAll("end");
        Assert.That(here.ReadUntil("end\n"), Is.EqualTo("h\u00c3\u00a9llo\nback\nend\n"));
        Assert.That(there.ReadUntil("end\n"), Is.EqualTo("h\u00c3\u00a9llo\nback\nend\n"));
        Assert.That(elsewhere.ReadUntil("end\n"), Is.EqualTo("b\nend\n"));
        Assert.That((_rooms.Count("a"), _others.Count("a"), _rooms.Dropped), Is.EqualTo((1, 1, 0)), "counts are of the node");
        Assert.That(_log.Text, Is.Empty);
    }

    [Test]
    public async Task GroupsAreExceptedClosedAndDissolvedOnAllNodes()
    {
        using RawClient here = await Member(_one, _rooms, "a", "user:1");
        using RawClient there = await Member(_two, _others, "a", "user:1");
        using RawClient other = await Member(_two, _others, "a", "user:2");
        _rooms.Except(_rooms.GetConnections("a")[0]).Send("a", "but one");
        _rooms.ExceptGroups("user:1").Send("a", "but user 1");
        _rooms.Send("a", "last");
        _rooms.Dissolve("a");
        _rooms.Send("a", "to nobody");
        Assert.That((_others.Count("a"), _others.Count("user:1")), Is.EqualTo((0, 1)));
        _rooms.Close("user:1", "bye");
        _rooms.Close("user:2");
        Assert.That(here.ReadToEnd(), Is.EqualTo("last\nbye\n"));
        Assert.That(there.ReadToEnd(), Is.EqualTo("but one\nlast\nbye\n"));
        Assert.That(other.ReadToEnd(), Is.EqualTo("but one\nbut user 1\nlast\n"));
    }

    [Test]
    public async Task EventsReachTheOpenStreamsOfAllNodes()
    {
        await using TestServer web = TestServer.Http(loopType, (connection, _) =>
        {
            connection.Send(new Response().WithHeader("Content-Type", "text/event-stream"));
            _others.Join(connection, "a");
        });
        using RawClient stream = web.Connect();
        stream.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        await Wait.Until(() => _others.Count("a") == 1, "the member");
        _rooms.Send("a", new ServerSentEvents { Event = "e", Data = "a\nb", Id = "7", Retry = 9, Comment = "c" });
        Assert.That(stream.ReadUntil("\n\n"),
            Is.EqualTo(new ServerSentEvents { Event = "e", Data = "a\nb", Id = "7", Retry = 9, Comment = "c" }.ToString()));
    }

    [Test]
    public async Task WithoutAConnectionTheOwnMembersGetItAndTheRestIsCounted([Values] bool throws)
    {
        using RawClient here = await Member(_one, _rooms, "a");
        using RawClient there = await Member(_two, _others, "a");
        if (throws) _node.Failure = new InvalidOperationException("no network");
        else _node.IsConnected = false;
        Assert.That(_rooms.IsConnected, Is.EqualTo(throws));
        _rooms.Send("a", "lost");
        Assert.That((_rooms.Dropped, _others.Dropped), Is.EqualTo((1, 0)));
        Assert.That(_log.Text, Does.Contain("has not left for the other nodes"));
        if (throws) Assert.That(_log.Text, Does.Contain("no network"));
        (_node.Failure, _node.IsConnected) = (null, true);
        _rooms.Send("a", "found");
        Assert.That((here.ReadUntil("found\n"), there.ReadUntil("\n")), Is.EqualTo(("lost\nfound\n", "found\n")));
    }

    [Test]
    public async Task WhatCannotBeWrittenForOtherNodesReachesNobody()
    {
        using RawClient here = await Member(_one, _rooms, "a");
        string message = Assert.Throws<ArgumentException>(() => _rooms.Send("a", new string('x', 1024)))!.Message;
        Assert.That(message, Does.Match(@"The message has 10\d\d bytes for other nodes, and may have 1024\. Cure: "));
        Assert.That(Assert.Throws<InvalidOperationException>(() => _rooms.SendMessage("a", 7))!.Message, Does.Contain("Cure: "));
        int room = 1024 - Overhead();
        Assert.Throws<ArgumentException>(() => _rooms.Send("a", new string('x', room + 1)));
        _rooms.Send("a", new string('x', room));
        Assert.That(here.ReadUntil("\n"), Has.Length.EqualTo(room + 1));
        Assert.That(_all.Published.Single(), Has.Length.EqualTo(1024));

        int Overhead()
        {
            _rooms.Send("b", "");
            return _all.Published.TryDequeue(out byte[]? empty) ? empty.Length : 0;
        }
    }

    [Test]
    public async Task WhatIsMalformedIsDroppedCountedAndLogged()
    {
        using RawClient here = await Member(_one, _rooms, "a");
        _all.Inject([]);
        _all.Inject([2, 3, 4]);
        _all.Inject("PUBLISH a b"u8.ToArray());
        _others.Send("a", "fine");
        Assert.That(here.ReadUntil("\n"), Is.EqualTo("fine\n"));
        Assert.That((_rooms.Dropped, _others.Dropped), Is.EqualTo((3, 3)));
        Assert.That(_log.Text, Does.Contain("A message of 0 bytes from the backplane of a Groups was dropped: it ends too early")
            .And.Contain("A message of 3 bytes from the backplane of a Groups was dropped: it is of version 2"));
    }

    [Test]
    public async Task TheOrderOfASenderIsKeptOnTheOtherNodes()
    {
        using RawClient there = await Member(_two, _others, "a");
        for (int i = 0; i < 1000; i++) _rooms.Send("a", $"{i}");
        for (int i = 0; i < 1000; i++) Assert.That(there.ReadUntil("\n"), Is.EqualTo($"{i}\n"));
    }

    private static async Task<RawClient> Member(TestServer server, Groups groups, params string[] names)
    {
        int before = groups.Count("all");
        RawClient client = server.Connect();
        client.Send(string.Join(' ', names) + "\n");
        await Wait.Until(() => groups.Count("all") == before + 1, "a member");
        return client;
    }

    private static Worker<string> Lines(Groups groups) => new("text://127.0.0.1:0")
    {
        Name = "test",
        Count = 2,
        OnMessage = (connection, names) =>
        {
            // The last shows that it is in all of them.
            foreach (string name in names.Split(' ').Append("all")) groups.Join(connection, name);
        },
    };
}
