using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>The UDP client, on a loop of its own.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class AsyncUdpConnectionTests(Type loopType)
{
    private LoopRunner _loop = null!;
    private Socket _peer = null!;
    private ConcurrentQueue<string> _events = null!;

    private int Port => ((IPEndPoint)_peer.LocalEndPoint!).Port;

    [SetUp]
    public void SetUp()
    {
        _loop = new LoopRunner(loopType);
        _events = new ConcurrentQueue<string>();
        _peer = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)
        {
            ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds
        };
        _peer.Bind(new IPEndPoint(IPAddress.Loopback, 0));
    }

    [TearDown]
    public void TearDown()
    {
        _loop.Dispose();
        _peer.Dispose();
    }

    [Test]
    public async Task ConnectsSendsReceivesAndCloses()
    {
        AsyncUdpConnection<string> client = Make<string>($"udp://127.0.0.1:{Port}");
        Assert.That((client.Status, client.RemoteIp, client.RemotePort, client.LocalAddress),
            Is.EqualTo((ConnectionStatus.Initial, "127.0.0.1", Port, default(IPEndPoint))));
        client.OnConnect = connection =>
        {
            Note($"connected {connection.Status} {connection.IsIpV4}");
            connection.Send("hi é");
        };
        _loop.Do(client.Connect);
        (string text, EndPoint from) = ReceiveAtPeer();
        Assert.That((text, from), Is.EqualTo(("hi é", (EndPoint)client.LocalAddress!)));
        _peer.SendTo("hello"u8, from);
        await Wait.Until(() => _events.Contains("message hello"), "the answer");
        _loop.Do(client.Connect);
        _loop.Do(() => client.Close("bye"));
        Assert.That(ReceiveAtPeer().Text, Is.EqualTo("bye"));
        await Wait.Until(() => _events.Contains("closed"), "the end");
        Assert.That(_events, Is.EqualTo(new[] { "connected Established True", "message hello", "closed" }));
        Assert.That(_loop.Ask(() => client.Send("late")), Is.EqualTo(SendResult.Dropped));
        Assert.That(() => _loop.Do(client.Connect), Throws.InvalidOperationException.With.Message.Contains("closed"));
        _loop.Do(client.Close);
    }

    [Test]
    public async Task NameIsLookedUpAndWhatIsSentMeanwhileWaits()
    {
        AsyncUdpConnection<string> client = Make<string>($"udp://localhost:{Port}");
        // Sending connects, as in PHP. A system that is quick with the name may have it at once.
        SendResult[] results = _loop.Ask(() => new[] { client.Send("one"), client.Send("two") });
        Assert.That(results, Is.All.EqualTo(SendResult.Queued).Or.All.EqualTo(SendResult.Sent));
        await Wait.Until(() => client.Status == ConnectionStatus.Established, "the name is known");
        Assert.That((ReceiveAtPeer().Text, ReceiveAtPeer().Text), Is.EqualTo(("one", "two")));
        await Wait.Until(() => _events.Contains("connected"), "OnConnect");
    }

    [Test]
    public async Task SpeaksIPv6()
    {
        if (!Socket.OSSupportsIPv6) Assert.Ignore("this machine has no IPv6");
        using var peer = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
        peer.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        AsyncUdpConnection<string> client = Make<string>($"udp://[::1]:{((IPEndPoint)peer.LocalEndPoint!).Port}");
        _loop.Do(client.Connect);
        Assert.That((client.RemoteIp, client.IsIpV6), Is.EqualTo(("::1", true)));
        peer.SendTo("hello"u8, client.LocalAddress!);
        await Wait.Until(() => _events.Contains("message hello"), "the datagram");
    }

    [Test]
    public async Task NameThatIsNotKnownIsTold()
    {
        AsyncUdpConnection<string> client = Make<string>("udp://no-such-host.invalid:9");
        Assert.That(_loop.Ask(() => client.Send("lost")), Is.EqualTo(SendResult.Queued));
        await Wait.Until(() => _events.Contains("closed"), "the end");
        Assert.That(_events, Is.EqualTo(new[] { "error ConnectFail the host name no-such-host.invalid is not known", "closed" }));
    }

    [Test]
    public async Task NobodyListeningIsToldAndCostsNothing()
    {
        AsyncUdpConnection<string> client = Make<string>($"udp://127.0.0.1:{Port}");
        int port = Port;
        _peer.Dispose();
        Assert.That(_loop.Ask(() => client.Send("into the void")), Is.EqualTo(SendResult.Sent));
        await Wait.Until(() => _events.Any(e => e.Contains("nobody listens there", StringComparison.Ordinal)), "the refusal");
        Assert.That(client.Status, Is.EqualTo(ConnectionStatus.Established));
        _peer = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)
        {
            ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds
        };
        _peer.Bind(new IPEndPoint(IPAddress.Loopback, port));
        // The second right after the first: what the first learned must not take the second's place.
        _loop.Do(() => client.Send("somebody is there"));
        Assert.That(ReceiveAtPeer().Text, Is.EqualTo("somebody is there"));
    }

    [Test]
    public async Task OnlyItsPeerIsHeard()
    {
        AsyncUdpConnection<string> client = Make<string>($"udp://127.0.0.1:{Port}");
        _loop.Do(client.Connect);
        using var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        stranger.SendTo("strange"u8, client.LocalAddress!);
        _peer.SendTo("known"u8, client.LocalAddress!);
        await Wait.Until(() => _events.Contains("message known"), "the peer's datagram");
        Assert.That(_events, Has.None.Contain("strange"));
    }

    [Test]
    public async Task ProtocolIsThatOfTheAddressOrTheApplicationsOwn()
    {
        AsyncUdpConnection<string> text = Make<string>($"text://127.0.0.1:{Port}");
        _loop.Do(() => text.Send("line"));
        (string line, EndPoint from) = ReceiveAtPeer();
        Assert.That(line, Is.EqualTo("line\n"));
        _peer.SendTo("a\r\nb\nhalf"u8, from);
        _peer.SendTo(""u8, from);
        await Wait.Until(() => _events.Contains("message b"), "the second line");
        AsyncUdpConnection<byte[]> own = Make<byte[]>($"udp://127.0.0.1:{Port}");
        own.Protocol = () => new FrameProtocol();
        _loop.Do(() => own.Send("xyz"u8));
        (line, from) = ReceiveAtPeer();
        Assert.That(line, Is.EqualTo("\0\0\0\u0007xyz"));
        _peer.SendTo([0, 0, 0, 1], from);
        _peer.SendTo([0, 0, 0, 4], from);
        await Wait.Until(() => _events.Contains("message System.Byte[]"), "the frame");
        await Wait.Until(() => _loop.Ask(() => _loop.Errors.Count) == 1, "the report");
        lock (_loop.Errors)
        {
            Assert.That(_loop.Errors.Single().Message, Does.Contain("is refused: a frame of length 1"));
            _loop.Errors.Clear();
        }
        Assert.That(_loop.Ask(() => own.SendRaw("raw")), Is.EqualTo(SendResult.Sent));
        Assert.That(ReceiveAtPeer().Text, Is.EqualTo("raw"));
        Assert.That(() => _loop.Do(() => text.SendMessage(true)),
            Throws.InvalidOperationException.With.Message.Contains("cannot send System.Boolean"));
    }

    [Test]
    public async Task CallbackThatThrowsIsReportedAndTheNextIsCalled()
    {
        AsyncUdpConnection<string> client = Make<string>($"udp://127.0.0.1:{Port}");
        client.OnMessage = (_, text) =>
        {
            Note(text);
            throw new InvalidOperationException($"on purpose: {text}");
        };
        _loop.Do(client.Connect);
        _peer.SendTo("one"u8, client.LocalAddress!);
        _peer.SendTo("two"u8, client.LocalAddress!);
        await Wait.Until(() => _loop.Ask(() => _loop.Errors.Count) == 2, "both reports");
        Assert.That(_events.Where(e => e is "one" or "two"), Is.EqualTo(new[] { "one", "two" }));
        lock (_loop.Errors) _loop.Errors.Clear();
    }

    [Test]
    public async Task AnyThreadMaySendAndClose()
    {
        AsyncUdpConnection<string> client = Make<string>($"udp://127.0.0.1:{Port}");
        Assert.That(() => client.Send("nowhere"),
            Throws.InvalidOperationException.With.Message.Contains("lives on an event loop"));
        _loop.Do(client.Connect);
        Assert.That(client.Send("from outside"), Is.EqualTo(SendResult.Queued));
        Assert.That(ReceiveAtPeer().Text, Is.EqualTo("from outside"));
        client.Close();
        await Wait.Until(() => _events.Contains("closed"), "the end");
    }

    [TestCase("udp://127.0.0.1", "no port")]
    [TestCase("udp://127.0.0.1:0", "no port")]
    [TestCase("127.0.0.1:80", "Cannot send to")]
    [TestCase("http://127.0.0.1:80", "not spoken over UDP")]
    [TestCase("udp://127.0.0.1:80/path", "more than host and port")]
    [TestCase("udp://", "no address")]
    [TestCase("udp://127.1:80", "no IPv4 address")]
    [TestCase("udp://::1:80", "brackets")]
    [TestCase("udp://a b:80", "no host name")]
    [TestCase("udp://a\nb:80", "control character")]
    public void WrongAddressIsTold(string address, string cause) =>
        Assert.That(() => new AsyncUdpConnection<string>(address),
            Throws.ArgumentException.With.Message.Contains(cause).And.Message.Contains("Cure: "));

    [TestCase("udp://user:secret@127.0.0.1:80")]
    [TestCase("udp://user:sec/ret@127.0.0.1:80")]
    public void PasswordInAnAddressIsNotQuoted(string address) =>
        Assert.That(() => new AsyncUdpConnection<string>(address), Throws.ArgumentException
            .With.Message.Contains("no place for a user").And.Message.Not.Contains("sec").And.Message.Not.Contains("ret@"));

    [Test]
    public void TypeThatTheProtocolDoesNotDeliverIsTold() =>
        Assert.That(() => _loop.Do(new AsyncUdpConnection<int>("udp://127.0.0.1:9").Connect),
            Throws.InvalidOperationException.With.Message.Contains("IProtocol<Int32>"));

    private AsyncUdpConnection<T> Make<T>(string address) => new(address)
    {
        OnConnect = _ => Note("connected"),
        OnMessage = (_, message) => Note($"message {message}"),
        OnClose = _ => Note("closed"),
        OnError = (_, error, reason) => Note($"error {error} {reason}"),
    };

    private void Note(string what) => _events.Enqueue(what);

    private (string Text, EndPoint From) ReceiveAtPeer()
    {
        byte[] buffer = new byte[70_000];
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        int count = _peer.ReceiveFrom(buffer, ref from);
        return (Encoding.UTF8.GetString(buffer, 0, count), from);
    }
}
