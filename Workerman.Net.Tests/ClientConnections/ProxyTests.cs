using System.Net;
using System.Text;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.ClientConnections;

/// <summary>
/// Client connections through proxies made of plain sockets, whose words come whole, byte by byte and cut at random.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[Parallelizable]
internal sealed class ProxyTests(Type loopType)
{
    private LoopRunner _loop = null!;
    private EventQueue _events = null!;
    private Peer _proxy = null!;

    private static Fragmentation[] Cuts => Fragmentation.All;

    [SetUp]
    public void SetUp()
    {
        _events = new EventQueue();
        _proxy = new Peer();
        _loop = new LoopRunner(loopType);
    }

    [TearDown]
    public void TearDown()
    {
        _loop.Dispose();
        Assert.That(_loop.Errors, Is.Empty);
        _events.Dispose();
        _proxy.Dispose();
    }

    [TestCaseSource(nameof(Cuts))]
    public void Socks5OpensTheWay(Fragmentation cut)
    {
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection =
            Clients.Connect(_loop, "tcp://target.test:8080", _events, connection =>
            {
                connection.ProxySocks5 = $"me:secret@{_proxy.EndPoint}";
                connection.Send("early");
            });
        using RawClient proxy = _proxy.Accept();
        Assert.That(proxy.ReadExactly(4), Is.EqualTo("\u0005\u0002\0\u0002"));
        proxy.Send("\u0005\u0002", cut);
        Assert.That(proxy.ReadExactly(11), Is.EqualTo("\u0001\u0002me\u0006secret"));
        proxy.Send("\u0001\0", cut);
        Assert.That(proxy.ReadExactly(18), Is.EqualTo("\u0005\u0001\0\u0003\u000btarget.test\u001f\u0090"));
        Assert.That((_events.Count, connection.Status), Is.EqualTo((0, ConnectionStatus.Connecting)));
        proxy.Send("\u0005\0\0\u0001\u007f\0\0\u0001\u0004\u0038", cut);
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        Assert.That(proxy.ReadExactly(5), Is.EqualTo("early"));
        proxy.Send("from the target");
        Assert.That(_events.Next(), Is.EqualTo("from the target"));
        connection.Close("bye");
        Assert.That(proxy.ReadToEnd(), Is.EqualTo("bye"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
    }

    [TestCaseSource(nameof(Cuts))]
    public void HttpConnectOpensTheWay(Fragmentation cut)
    {
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Connect(_loop, "tcp://[2001:db8::1]:25", _events,
            connection => connection.ProxyHttp = $"a:b@{_proxy.EndPoint}");
        using RawClient proxy = _proxy.Accept();
        Assert.That(proxy.ReadUntil("\r\n\r\n"),
            Is.EqualTo("CONNECT [2001:db8::1]:25 HTTP/1.1\r\nHost: [2001:db8::1]:25\r\nProxy-Authorization: Basic YTpi\r\n\r\n"));
        proxy.Send("HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n", cut);
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        connection.Send("EHLO");
        Assert.That(proxy.ReadExactly(4), Is.EqualTo("EHLO"));
    }

    [TestCaseSource(nameof(Cuts))]
    public void WhatComesBehindTheProxysLastWordIsTheApplications(Fragmentation cut)
    {
        var received = new StringBuilder();
        Clients.Connect(_loop, "tcp://target.test:25", _events, connection =>
        {
            connection.ProxyHttp = $"{_proxy.EndPoint}";
            connection.OnMessage = (self, bytes) =>
            {
                received.Append(Encoding.Latin1.GetString(bytes.Span));
                if (received.Length == 11) _events.Add($"{received} {self.BytesRead}");
            };
        });
        using RawClient proxy = _proxy.Accept();
        proxy.ReadUntil("\r\n\r\n");
        proxy.Send("HTTP/1.1 200 \r\n\r\n220 ready\r\n", cut);
        Assert.That((_events.Next(), _events.Next()), Is.EqualTo(("connect Established", "220 ready\r\n 11")));
    }

    [Test]
    public void RefusalIsAnErrorWithTheProxysWordsAndNotItsPassword()
    {
        Clients.Connect(_loop, "tcp://target.test:25", _events,
            connection => connection.ProxyHttp = $"me:secret@{_proxy.EndPoint}");
        using (RawClient proxy = _proxy.Accept())
        {
            proxy.Send("HTTP/1.1 407 Proxy Authentication Required\r\n");
            proxy.Send("Content-Length: 3\r\n\r\nno!");
            Assert.That(_events.Next(),
                Does.StartWith("error ConnectFail").And.EndsWith("the proxy: 407 Proxy Authentication Required")
                .And.Contain($"tcp://target.test:25 through http://{_proxy.EndPoint}").And.Not.Contain("secret"));
        }
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        Clients.Connect(_loop, "tcp://target.test:25", _events, connection => connection.ProxySocks5 = $"{_proxy.EndPoint}");
        using (RawClient proxy = _proxy.Accept())
        {
            proxy.Send("\u0005\0\u0005\u0005");
            Assert.That(_events.Next(), Does.EndWith("the proxy: connection refused"));
        }
    }

    [Test]
    public void ProxyThatClosesOrBreaksOffIsAnError([Values] bool reset)
    {
        Clients.Connect(_loop, "tcp://target.test:25", _events, connection => connection.ProxySocks5 = $"{_proxy.EndPoint}");
        using RawClient proxy = _proxy.Accept();
        proxy.ReadExactly(3);
        if (reset) proxy.Reset();
        else proxy.Dispose();
        Assert.That(_events.Next(),
            Does.EndWith(reset ? "the proxy: it broke the connection off" : "the proxy: it closed the connection"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
    }

    [Test]
    public void ProxyThatNeverAnswersIsGivenUpAfterConnectTimeout()
    {
        Clients.Connect(_loop, "tcp://target.test:25", _events, connection =>
        {
            connection.ProxySocks5 = $"{_proxy.EndPoint}";
            connection.ConnectTimeout = TimeSpan.FromMilliseconds(100);
        });
        using RawClient proxy = _proxy.Accept();
        Assert.That(_events.Next(), Does.EndWith("no answer within ConnectTimeout, while the proxy opened the way"));
        proxy.ReadExactly(3);
        Assert.That(proxy.ReadToEnd(), Is.Empty, "and closed");
    }

    [Test]
    public void AnswerWithoutAnEndIsCutOff()
    {
        Clients.Connect(_loop, "tcp://target.test:25", _events, connection => connection.ProxyHttp = $"{_proxy.EndPoint}");
        using RawClient proxy = _proxy.Accept();
        proxy.ReadUntil("\r\n\r\n");
        proxy.Send("HTTP/1.1 200 OK\r\n" + string.Concat(Enumerable.Repeat("A: b\r\n", 2731)));
        Assert.That(_events.Next(), Does.EndWith("the proxy: its answer has no end within 16384 bytes"));
    }

    [Test]
    public void DestroyedWhileTheProxyIsAskedItIsClosedOnce()
    {
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection =
            Clients.Connect(_loop, "tcp://target.test:25", _events, connection => connection.ProxySocks5 = $"{_proxy.EndPoint}");
        using RawClient proxy = _proxy.Accept();
        proxy.ReadExactly(3);
        connection.Destroy();
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        Assert.That(proxy.ReadToEnd(), Is.Empty);
        Assert.That(_events.Count, Is.Zero);
    }

    [Test]
    public void ReconnectAsksTheProxyAgain()
    {
        Clients.Connect(_loop, "tcp://target.test:25", _events, connection =>
        {
            connection.ProxyHttp = $"proxy.test:{_proxy.Port}";
            connection.LookUp = host => Task.FromResult(host == "proxy.test" ? new[] { IPAddress.Loopback } : []);
            connection.OnClose = self => self.Reconnect();
        });
        for (int life = 0; life < 3; life++)
        {
            using RawClient proxy = _proxy.Accept();
            proxy.ReadUntil("\r\n\r\n");
            proxy.Send("HTTP/1.1 200 OK\r\n\r\n");
            Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        }
    }
}
