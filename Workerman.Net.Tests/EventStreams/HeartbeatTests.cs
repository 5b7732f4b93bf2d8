using System.Net.Sockets;
using System.Runtime.InteropServices;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>Signs of life, and peers that vanish without a word.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class HeartbeatTests(Type loopType)
{
    private static readonly EventStreamOptions Fast =
        new() { Heartbeat = TimeSpan.FromMilliseconds(40), PeerTimeout = TimeSpan.FromMilliseconds(300) };

    [Test]
    public async Task QuietStreamSendsComments()
    {
        await using var server = new StreamServer(loopType, Fast);
        using EventClient client = await server.Subscribe();
        client.Next();
        for (int i = 0; i < 3; i++) Assert.That(client.Next(), Is.EqualTo(new Block(null, null, null, null, "")));
        server.Stream.Publish("event");
        Assert.That(client.NextEvent().Data, Is.EqualTo("event"));
    }

    [Test]
    public async Task WhoHasPassedEventsOverGetsABookmark()
    {
        await using var server = new StreamServer(loopType, Fast);
        using EventClient client = await server.Subscribe(query: "?topic=quiet");
        client.Next();
        string id = server.Stream.Publish(new ServerSentEvents { Data = "noise" }, "busy");
        Block block;
        while ((block = client.Next()).Id is null) Assert.That(block.Comment, Is.Empty);
        Assert.That(block, Is.EqualTo(new Block(null, null, id, null, null)));
        Assert.That(client.Next().Comment, Is.Empty, "once is enough");
    }

    /// <summary>An EventSource hides comments: the page sees an event, which says by which id it resumes.</summary>
    [Test]
    public async Task HeartbeatMayBeAnEvent()
    {
        await using var server = new StreamServer(loopType, new() { Heartbeat = Fast.Heartbeat, HeartbeatEvent = "ping" });
        using EventClient client = await server.Subscribe(query: "?topic=quiet");
        string start = client.Next().Id!;
        Assert.That(client.Next(), Is.EqualTo(new Block("ping", "", start, null, null)));
        string id = server.Stream.Publish(new ServerSentEvents { Data = "noise" }, "busy");
        Block block;
        while ((block = client.Next()).Id == start) Assert.That(block.Event, Is.EqualTo("ping"));
        Assert.That(block, Is.EqualTo(new Block("ping", "", id, null, null)));
    }

    [Test]
    public async Task HeartbeatsSurviveTheDeletionOfAllTimers()
    {
        await using var server = new StreamServer(loopType, Fast);
        using EventClient client = await server.Subscribe(query: "?topic=quiet");
        client.Next();
        var deleted = new TaskCompletionSource();
        server.Subscriptions[0].Connection.Loop.Post(() =>
        {
            Timer.DelAll();
            deleted.SetResult();
        });
        Wait.For(deleted.Task);
        Task<Block> sign = Task.Run(client.Next);
        await Wait.Until(() =>
        {
            server.Stream.Publish(new ServerSentEvents { Data = "noise" }, "busy");
            return sign.IsCompleted;
        }, "a sign of life");
        Assert.That((await sign).IsEvent, Is.False);
    }

    [Test]
    public async Task LoopHasNoTimerOfAStreamWithoutSubscribers()
    {
        await using var server = new StreamServer(loopType, Fast);
        EventClient client = await server.Subscribe();
        Workerman.Events.IEventLoop loop = server.Subscriptions[0].Connection.Loop;
        await Wait.Until(() => loop.TimerCount == 1, "the timer");
        client.Dispose();
        await Wait.Until(() => loop.TimerCount == 0, "its end");
    }

    /// <summary>TCP_USER_TIMEOUT is option 18 of level 6.</summary>
    [Test]
    public async Task SystemIsToldHowLongToWaitForThePeer()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("TCP_USER_TIMEOUT is Linux's.");
        await using var server = new StreamServer(loopType, new() { PeerTimeout = TimeSpan.FromSeconds(7) });
        using EventClient client = await server.Subscribe();
        Socket socket = StreamServer.SocketOf(server.Subscriptions[0].Connection);
        byte[] value = new byte[4];
        socket.GetRawSocketOption(6, 18, value);
        Assert.That(BitConverter.ToInt32(value), Is.EqualTo(7000));
    }

    /// <summary>The peer's system forgot the connection, as after a restart: it answers the heartbeat with a reset.</summary>
    [Test]
    public async Task PeerThatLostItsConnectionIsFound()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("TCP_REPAIR is Linux's.");
        await using var server = new StreamServer(loopType, Fast);
        using EventClient client = await server.Subscribe();
        client.Next();
        await Wait.Until(() => server.Stream.Subscribers == 1, "the subscriber");
        try
        {
            // TCP_REPAIR: closing says nothing to the other side.
            client.Raw.Socket.SetRawSocketOption(6, 19, BitConverter.GetBytes(1));
        }
        catch (SocketException e)
        {
            Assert.Ignore($"A socket cannot be closed in silence here ({e.SocketErrorCode}); "
                + $"it takes the right to administer the network.");
        }
        client.Dispose();
        await Wait.Until(() => server.Stream.Subscribers == 0, "the end of the connection");
    }

    /// <summary>No packet reaches the peer any more, as behind a cut cable: nothing acknowledges the heartbeat.</summary>
    [Test]
    public async Task PeerWhosePacketsVanishIsFound()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("Socket filters as used here are Linux's.");
        await using var server = new StreamServer(loopType, Fast);
        using EventClient client = await server.Subscribe();
        client.Next();
        await Wait.Until(() => server.Stream.Subscribers == 1, "the subscriber");
        Deafen(client.Raw.Socket);
        await Wait.Until(() => server.Stream.Subscribers == 0, "the end of the connection");
    }

    /// <summary>
    /// A socket filter of one instruction, "take 0 bytes" (SO_ATTACH_FILTER, 26): what arrives is dropped before TCP sees it.
    /// </summary>
    private static unsafe void Deafen(Socket socket)
    {
        ulong instruction = 0x06;
        var program = new FilterProgram { Length = 1, Instructions = (nint)(&instruction) };
        socket.SetRawSocketOption(1, 26, MemoryMarshal.AsBytes(new ReadOnlySpan<FilterProgram>(in program)));
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct FilterProgram
    {
        public ushort Length;
        public nint Instructions;
    }
}
