using Workerman.Connection;

namespace Workerman.Tests.Connection;

/// <summary>The addresses of clients and of proxies: what they are taken apart into, and what is refused.</summary>
internal sealed class ClientAddressTests
{
    [TestCase("tcp://127.0.0.1:9000", "tcp", "127.0.0.1", 9000, "/", "tcp://127.0.0.1:9000")]
    [TestCase("TCP://Example.test:1/", "tcp", "Example.test", 1, "/", "tcp://Example.test:1")]
    [TestCase("tcp://[::1]:65535", "tcp", "::1", 65535, "/", "tcp://[::1]:65535")]
    [TestCase("ws://a.test:80/chat?room=1", "ws", "a.test", 80, "/chat?room=1", "ws://a.test:80")]
    [TestCase("ws://a.test:80?room=1", "ws", "a.test", 80, "/?room=1", "ws://a.test:80")]
    [TestCase("tcp://bücher.test:1", "tcp", "xn--bcher-kva.test", 1, "/", "tcp://xn--bcher-kva.test:1")]
    [TestCase("tcp://my_host-1.local:1", "tcp", "my_host-1.local", 1, "/", "tcp://my_host-1.local:1")]
    [TestCase("tcp://BÜCHER.test:1", "tcp", "xn--bcher-kva.test", 1, "/", "tcp://xn--bcher-kva.test:1")]
    [TestCase("unix:///run/my app/größe#1.sock", "unix", "", 0, "/run/my app/größe#1.sock", "unix:///run/my app/größe#1.sock")]
    [TestCase("unix:///run/a.sock", "unix", "", 0, "/run/a.sock", "unix:///run/a.sock")]
    [TestCase("unix://relative.sock", "unix", "", 0, "relative.sock", "unix://relative.sock")]
    public void IsTakenApart(string text, string scheme, string host, int port, string uri, string written)
    {
        ClientAddress address = ClientAddress.Parse(text);
        Assert.That((address.Scheme, address.Host, address.Port, address.Uri, address.ToString()),
            Is.EqualTo((scheme, host, port, uri, written)));
    }

    /// <summary>
    /// RFC 6455 sections 3 and 4.1: where no port is said it is the scheme's, which is not said to the server either.
    /// </summary>
    [TestCase("ws://a.test/chat", 80, "a.test")]
    [TestCase("ws://a.test:80", 80, "a.test")]
    [TestCase("ws://a.test:443", 443, "a.test:443")]
    [TestCase("wss://a.test", 443, "a.test")]
    [TestCase("wss://[::1]", 443, "[::1]")]
    [TestCase("wss://[::1]:8443/x", 8443, "[::1]:8443")]
    [TestCase("tcp://a.test:80", 80, "a.test:80")]
    public void WebSocketsHaveAPortOfTheirOwn(string text, int port, string hostField)
    {
        ClientAddress address = ClientAddress.Parse(text);
        Assert.That((address.Port, address.HostField), Is.EqualTo((port, hostField)));
    }

    /// <summary>As a browser would ask for it; what is encoded already stays, and a fragment is not sent.</summary>
    [TestCase("ws://a.test/größe", "/gr%C3%B6%C3%9Fe")]
    [TestCase("ws://a.test/größe?maß=ä b&c='d'#größe", "/gr%C3%B6%C3%9Fe?ma%C3%9F=%C3%A4%20b&c=%27d%27")]
    [TestCase("ws://a.test/😀", "/%F0%9F%98%80")]
    [TestCase("ws://a.test/gr%c3%b6%C3%9Fe?x=%20%zz", "/gr%c3%b6%C3%9Fe?x=%20%zz")]
    [TestCase("ws://a.test/a b\u00a0c\u3000", "/a%20b%C2%A0c%E3%80%80")]
    [TestCase("ws://a.test/\"<>`{}^|[]'!$&()*+,;=:@~-._", "/%22%3C%3E%60%7B%7D%5E|[]'!$&()*+,;=:@~-._")]
    [TestCase("ws://a.test/?\"<>`{}^|[]'?/:@", "/?%22%3C%3E`{}^|[]%27?/:@")]
    [TestCase("text://a.test:1/?'", "/?'")]
    [TestCase("ws://a.test?größe", "/?gr%C3%B6%C3%9Fe")]
    [TestCase("ws://a.test#größe?x", "/")]
    [TestCase("ws://a.test/x#", "/x")]
    [TestCase("ws://a.test/x?", "/x?")]
    [TestCase("ws://a.test/a/./b/../c/%2E%2e/d/..", "/a/")]
    [TestCase("ws://a.test/../..", "/")]
    [TestCase("ws://a.test\\a\\b?c\\d", "/a/b?c\\d")]
    [TestCase("  ws://a.test/x  ", "/x")]
    [TestCase("tcp://a.test:1/größe", "/gr%C3%B6%C3%9Fe")]
    public void PathAndQueryAreEncoded(string text, string uri) => Assert.That(ClientAddress.Parse(text).Uri, Is.EqualTo(uri));

    [Test]
    public void HalfASurrogatePairIsReplaced() =>
        Assert.That(ClientAddress.Parse("ws://a.test/x\ud800?\udfff").Uri, Is.EqualTo("/x%EF%BF%BD?%EF%BF%BD"));

    /// <summary>With the cure for the scheme, and without the password.</summary>
    [TestCase("ws://user:secret@a.test/", "Authorization")]
    [TestCase("wss://secret@a.test", "Authorization")]
    [TestCase("ws://user:sec@ret@a.test/x@y", "Authorization")]
    [TestCase("ws://user:secret/more@a.test/", "Authorization")]
    [TestCase("ws://user:secret?more@a.test/", "Authorization")]
    [TestCase("tcp://user:secret@a.test:1", "OnConnect")]
    [TestCase("text://user:secret@[::1]:1", "OnConnect")]
    [TestCase("ssl://user:@a.test:1", "OnConnect")]
    public void UserIsToldWhatItIs(string text, string cure) =>
        Assert.That(Assert.Throws<ArgumentException>(() => ClientAddress.Parse(text))!.Message,
            Does.Contain("no place for a user").And.Contain(cure).And.Not.Contain("sec").And.Not.Contain("ret@"));

    [Test]
    public void AtSignsElsewhereAreNoUser() =>
        Assert.That(ClientAddress.Parse("ws://a.test:8/@me?mail=a@b.test").Uri, Is.EqualTo("/@me?mail=a@b.test"));

    [TestCase("127.0.0.1:80", "no scheme")]
    [TestCase("ws://a^b", "no host name")]
    [TestCase("ws://a%20b", "no host name")]
    [TestCase("tcp://a<b:1", "no host name")]
    [TestCase("://a:80", "no scheme")]
    [TestCase("tcp://a.test", "no port")]
    [TestCase("tcp://[::1]", "no port")]
    [TestCase("tcp://a.test:0", "no port (1 to 65535)")]
    [TestCase("tcp://a.test:65536", "no port (1 to 65535)")]
    [TestCase("tcp://a.test:+1", "no port (1 to 65535)")]
    [TestCase("tcp://:80", "no host")]
    [TestCase("tcp://::1:80", "brackets")]
    [TestCase("tcp://[::1:80", "no IPv6 address")]
    [TestCase("tcp://[127.0.0.1]:80", "no IPv6 address")]
    [TestCase("tcp://1:80", "no IPv4 address")]
    [TestCase("tcp://1.2.3.256:80", "no IPv4 address")]
    [TestCase("tcp://user@a.test:80", "no place for a user")]
    [TestCase("tcp://a b:80", "a space")]
    [TestCase("tcp://a\r\nX: y:80", "control character")]
    [TestCase("unix://", "no path")]
    public void IsRefusedWithReasonAndCure(string text, string reason) =>
        Assert.That(Assert.Throws<ArgumentException>(() => ClientAddress.Parse(text))!.Message,
            Does.Contain(reason).And.Contain("Cure: ").And.Not.Contain("\n"));

    [Test]
    public void TooLongANameOrPathIsRefused()
    {
        Assert.That(Assert.Throws<ArgumentException>(() => ClientAddress.Parse($"tcp://{new string('a', 256)}:1"))!.Message,
            Does.Contain("255"));
        Assert.That(Assert.Throws<ArgumentException>(() => ClientAddress.Parse($"unix:///{new string('a', 300)}"))!.Message,
            Does.Contain("too long"));
    }

    [TestCase("127.0.0.1:1080", null, null)]
    [TestCase("socks5://127.0.0.1:1080/", null, null)]
    [TestCase("tcp://127.0.0.1:1080", null, null)]
    [TestCase("me:secret@127.0.0.1:1080", "me", "secret")]
    [TestCase("socks5://m%40e:se%3Acr@et@127.0.0.1:1080", "m@e", "se:cr@et")]
    public void ProxyIsTakenApartAndPrintedWithoutItsPassword(string text, string? user, string? password)
    {
        ProxyAddress proxy = ProxyAddress.Parse(ProxyKind.Socks5, text);
        Assert.That((proxy.Server.Host, proxy.Server.Port, proxy.User, proxy.Password, proxy.ToString()),
            Is.EqualTo(("127.0.0.1", 1080, user, password, "socks5://127.0.0.1:1080")));
    }

    [TestCase("https://127.0.0.1:1", "not known")]
    [TestCase("127.0.0.1", "no port")]
    [TestCase("me@127.0.0.1:1", "1 to 255 bytes")]
    [TestCase(":secret@127.0.0.1:1", "1 to 255 bytes")]
    [TestCase("a\r\n:1", "control character")]
    public void BadProxyIsRefusedWithoutItsPassword(string text, string reason) =>
        Assert.That(Assert.Throws<ArgumentException>(() => ProxyAddress.Parse(ProxyKind.Socks5, text))!.Message,
            Does.Contain(reason).And.Not.Contain("secret"));

    [Test]
    public void CredentialsOfAnHttpProxyCannotBreakItsHeader()
    {
        Assert.Throws<ArgumentException>(() => ProxyAddress.Parse(ProxyKind.HttpConnect, "a%3Ab:c@127.0.0.1:1"));
        Assert.Throws<ArgumentException>(() => ProxyAddress.Parse(ProxyKind.HttpConnect, "a:b%0D@127.0.0.1:1"));
        Assert.That(ProxyAddress.Parse(ProxyKind.HttpConnect, "http://a:@127.0.0.1:1").Password, Is.Empty);
    }
}
