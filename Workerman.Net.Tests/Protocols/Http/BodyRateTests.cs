using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// How slowly a body, or a message of a WebSocket, may come: to the second, on a loop whose clock stands still until it is moved.
/// </summary>
internal sealed class BodyRateTests
{
    private const string Head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n";

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Test]
    public void BodyAtTheLeastRateIsTakenIn()
    {
        MemoryConnection peer = Begin(Head);
        Trickle(peer, 240, seconds: 100);
        Assert.That(peer.Events, Is.Empty);
    }

    [Test]
    public void BodyBelowItIsRefusedAfterTheGrace()
    {
        MemoryConnection peer = Begin(Head);
        // The first look is where it begins.
        Trickle(peer, 239, seconds: 1 + 5);
        Assert.That(peer.Events, Is.Empty, "the grace");
        Trickle(peer, 239, seconds: 1);
        Assert.That(peer.Events, Does.Contain("rejected 408"));
        Assert.That(peer.Socket.Sent, Does.StartWith("HTTP/1.1 408 ").And.Contain("(HttpOptions.MinBodyRate)"));
    }

    [Test]
    public void ChunkedBodyIsHeldToItToo()
    {
        MemoryConnection peer = Begin("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (int i = 0; i < 5; i++) peer.Socket.Arrive("1;an-extension=that-is-not-counted\r\na\r\n");
        Trickle(peer, 0, seconds: 1 + 5);
        Assert.That(peer.Events, Is.Empty);
        Trickle(peer, 0, seconds: 1);
        Assert.That(peer.Events, Does.Contain("rejected 408"));
    }

    [Test]
    public void MuchThatCameAtOnceIsNoCreditForHours()
    {
        MemoryConnection peer = Begin(Head);
        Trickle(peer, 1, seconds: 1);
        for (int i = 0; i < 20; i++)
        {
            peer.Socket.Arrive(new string('x', 50_000));
            peer.Loop.Turn();
        }
        Trickle(peer, 1, seconds: 31);
        Assert.That(peer.Events, Is.Empty);
        Trickle(peer, 1, seconds: 1);
        Assert.That(peer.Events, Does.Contain("rejected 408"));
    }

    /// <summary>It has come before the first look, or behind it.</summary>
    [Test]
    public void MuchThatCameAtOnceIsCreditForHalfAMinute([Values] bool isFirst)
    {
        MemoryConnection peer = Begin(Head);
        if (!isFirst) Trickle(peer, 1, seconds: 1);
        peer.Socket.Arrive(new string('x', 50_000));
        Trickle(peer, 0, seconds: 29);
        Assert.That(peer.Events, Is.Empty);
        peer.Socket.Arrive(new string('x', 50_000));
        Trickle(peer, 0, seconds: 29);
        Assert.That(peer.Events, Is.Empty);
    }

    [Test]
    public void SettingsCount()
    {
        MemoryConnection peer = Begin(Head, new HttpOptions { MinBodyRate = 10, MinBodyRateGrace = TimeSpan.Zero });
        Trickle(peer, 10, seconds: 20);
        Assert.That(peer.Events, Is.Empty);
        Trickle(peer, 9, seconds: 1);
        Assert.That(peer.Events, Does.Contain("rejected 408"));

        peer = Begin(Head, new HttpOptions { MinBodyRate = 0 });
        Trickle(peer, 1, seconds: 1000);
        Assert.That(peer.Events, Is.Empty, "any rate");
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new HttpOptions { MinBodyRate = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new HttpOptions { MinBodyRateGrace = Timeout.InfiniteTimeSpan });
    }

    /// <summary>Loops of tests tick five times a second: time counts, not the number of looks.</summary>
    [Test]
    public void LooksMayComeMoreOften()
    {
        MemoryConnection peer = Begin(Head);
        for (int i = 0; i < 5 * 6; i++)
        {
            peer.Socket.Arrive(new string('x', 48));
            peer.Loop.Advance(Second / 5);
        }
        Assert.That(peer.Events, Is.Empty);
        for (int i = 0; i < 5; i++) peer.Loop.Advance(Second / 5);
        Assert.That(peer.Events, Does.Contain("rejected 408"));
    }

    [Test]
    public void PauseOfTheApplicationDoesNotCount()
    {
        MemoryConnection peer = Begin(Head);
        peer.Connection.PauseRecv();
        for (int i = 0; i < 100; i++) peer.Loop.Advance(Second);
        peer.Connection.ResumeRecv();
        Trickle(peer, 240, seconds: 10);
        Assert.That(peer.Events, Is.Empty);
    }

    [Test]
    public void BusyLoopDoesNotCount()
    {
        MemoryConnection peer = Begin(Head);
        Trickle(peer, 240, seconds: 6);
        peer.Socket.Arrive(new string('x', 480));
        peer.Loop.TurnUntilNothingHappens();
        peer.Loop.Advance(TimeSpan.FromSeconds(29));
        Trickle(peer, 240, seconds: 10);
        Assert.That(peer.Events, Is.Empty, "it has not looked in all that time");
    }

    [Test]
    public void PeerThatDoesNotReadIsHeldToItAllTheSame()
    {
        MemoryConnection peer = Begin("");
        peer.Socket.Room = 1;
        peer.Socket.Arrive("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + Head);
        peer.Loop.TurnUntilNothingHappens();
        Trickle(peer, 1, seconds: 7);
        Assert.That(peer.Events, Does.Contain("rejected 408"));
    }

    [Test]
    public void NextBodyBeginsAnew()
    {
        MemoryConnection peer = Begin("");
        for (int i = 0; i < 3; i++)
        {
            peer.Socket.Arrive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
            peer.Loop.Turn();
            Trickle(peer, 1, seconds: 5);
        }
        Assert.That(peer.Events, Is.Empty);
        Assert.That(peer.Socket.Sent.Split("HTTP/1.1 200 OK"), Has.Length.EqualTo(4));
    }

    [TestCase("\x81\xFE\x7F\xFF\0\0\0\0", TestName = "a frame")]
    [TestCase("\x01\x80\0\0\0\0", TestName = "fragments")]
    public void MessageOfAWebSocketIsHeldToItToo(string begin)
    {
        string next = begin.Length > 6 ? new string('a', 240) : "\0\xFE\0\u00F0\0\0\0\0" + new string('a', 240);
        MemoryConnection peer = BeginWebSocket(begin);
        for (int i = 0; i < 20; i++) Come(peer, next);
        Assert.That(peer.Events, Is.Empty);

        peer = BeginWebSocket(begin);
        for (int i = 0; i < 1 + 5; i++) Come(peer, next.Replace('\u00F0', '\u00EF')[..^1]);
        Assert.That(peer.Events, Is.Empty, "the grace");
        Come(peer, "");
        Assert.That(peer.Events, Does.Contain("rejected 1008"));
        Assert.That(peer.Socket.Sent, Does.Contain("(WebSocketOptions.MinMessageRate)"));
    }

    [Test]
    public void SilentWebSocketIsNotTooSlow()
    {
        MemoryConnection peer = BeginWebSocket("");
        for (int i = 0; i < 20; i++) Come(peer, "");
        Come(peer, "\x81\x81\0\0\0\0a");
        for (int i = 0; i < 20; i++) Come(peer, "");
        Assert.That(peer.Events, Is.Empty);
    }

    private static MemoryConnection Begin(string begin, HttpOptions? options = null)
    {
        var peer = MemoryConnection.Http((connection, _) => connection.Send("ok"), options);
        peer.Connection.MaxPackageSize = 100_000_000;
        if (begin.Length > 0) peer.Socket.Arrive(begin);
        peer.Loop.Turn();
        return peer;
    }

    private static MemoryConnection BeginWebSocket(string begin)
    {
        MemoryConnection peer = MemoryConnection.Open<string>(
            new WebSocketProtocol(takesBinary: false, new WebSocketOptions(), deflate: null), (_, _) => { });
        if (begin.Length > 0) peer.Socket.Arrive(begin);
        peer.Loop.Turn();
        return peer;
    }

    private static void Trickle(MemoryConnection peer, int bytes, int seconds)
    {
        for (int i = 0; i < seconds; i++) Come(peer, new string('x', bytes));
    }

    /// <summary>A second, and what comes in it.</summary>
    private static void Come(MemoryConnection peer, string bytes)
    {
        if (bytes.Length > 0) peer.Socket.Arrive(bytes);
        peer.Loop.TurnUntilNothingHappens();
        peer.Loop.Advance(Second);
    }
}
