using System.Net;
using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>Whose request it is, as trusted proxies say, and how little strangers have to say.</summary>
internal sealed class RequestOriginTests
{
    private const string Proxy = "10.0.0.1";

    private const string Own = "10.0.0.1 http a";

    // X-Forwarded-For.
    [TestCase("X-Forwarded-For: 192.0.2.1", "192.0.2.1 http a")]
    [TestCase("x-forwarded-for:192.0.2.1", "192.0.2.1 http a")]
    [TestCase("X-Forwarded-For: 203.0.113.9, 192.0.2.1", "192.0.2.1 http a")]
    [TestCase("X-Forwarded-For: 192.0.2.1, 10.0.0.2", "192.0.2.1 http a")]
    [TestCase("X-Forwarded-For: 203.0.113.9, 192.0.2.1, 10.0.0.3,10.0.0.2", "192.0.2.1 http a")]
    [TestCase("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.0.0.2", "192.0.2.1 http a")]
    [TestCase("X-Forwarded-For: 10.0.0.9, 10.0.0.2", "10.0.0.9 http a")]
    [TestCase("X-Forwarded-For: 192.0.2.1:4711", "192.0.2.1 http a")]
    [TestCase("X-Forwarded-For: 192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1 http a")]
    [TestCase("X-Forwarded-For: ::ffff:192.0.2.1", "192.0.2.1 http a")]
    [TestCase("X-Forwarded-For: 2001:DB8::1", "2001:db8::1 http a")]
    [TestCase("X-Forwarded-For: [2001:db8::1]", "2001:db8::1 http a")]
    [TestCase("X-Forwarded-For: [2001:db8::1]:4711, fd00::2", "2001:db8::1 http a")]
    [TestCase("X-Forwarded-For: 192.0.2.1, , ,", "192.0.2.1 http a")]
    [TestCase("X-Forwarded-For:", Own)]
    [TestCase("X-Forwarded-For: ,", Own)]
    [TestCase("X-Forwarded-For: unknown", Own)]
    [TestCase("X-Forwarded-For: 192.0.2.1, unknown", Own)]
    [TestCase("X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.2", "10.0.0.2 http a")]
    [TestCase("X-Forwarded-For: unknown, 192.0.2.1", "192.0.2.1 http a")]
    [TestCase("X-Forwarded-For: <script>, 192.0.2.1", "192.0.2.1 http a")]
    [TestCase("X-Forwarded-For: \", 192.0.2.1", "192.0.2.1 http a")]
    [TestCase("X-Forwarded-For: 127.1", Own)]
    [TestCase("X-Forwarded-For: 3221225985", Own)]
    [TestCase("X-Forwarded-For: 192.0.2.1:port", Own)]
    [TestCase("X-Forwarded-For: 192.0.2.1 10.0.0.2", Own)]
    [TestCase("X-Forwarded-For: [192.0.2.1]", Own)]
    [TestCase("X-Forwarded-For: [2001:db8::1", Own)]
    [TestCase("X-Forwarded-For: fe80::1%eth0", Own)]
    // X-Forwarded-Proto and -Host: as many steps as there were addresses.
    [TestCase("X-Forwarded-Proto: https", "10.0.0.1 https a")]
    [TestCase("X-Forwarded-Proto: wss", "10.0.0.1 https a")]
    [TestCase("X-Forwarded-Proto: WS", "10.0.0.1 http a")]
    [TestCase("Forwarded: proto=wss", "10.0.0.1 https a")]
    [TestCase("X-Forwarded-Proto: HTTPS\r\nX-Forwarded-Host: example.org:8443", "10.0.0.1 https example.org:8443")]
    [TestCase("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https, http", "192.0.2.1 http a")]
    [TestCase("X-Forwarded-For: 203.0.113.9, 192.0.2.1, 10.0.0.2\r\nX-Forwarded-Proto: http, https, http", "192.0.2.1 https a")]
    [TestCase("X-Forwarded-For: 192.0.2.1, 10.0.0.2\r\nX-Forwarded-Proto: https", "192.0.2.1 https a")]
    [TestCase("X-Forwarded-For: 192.0.2.1, 10.0.0.2\r\nX-Forwarded-Host: example.org, inner", "192.0.2.1 http example.org")]
    [TestCase("X-Forwarded-Proto: javascript\r\nX-Forwarded-Host: a b", Own)]
    [TestCase("X-Forwarded-Host: \u00fc.example", Own)]
    // Forwarded.
    [TestCase("Forwarded: for=192.0.2.1", "192.0.2.1 http a")]
    [TestCase("Forwarded: For=\"192.0.2.1:4711\";Proto=https;by=10.0.0.1;Host=example.org", "192.0.2.1 https example.org")]
    [TestCase("Forwarded: for=\"[2001:db8::1]:4711\"", "2001:db8::1 http a")]
    [TestCase("Forwarded: for=\"[2001:db8::1]:_port\" ; proto=https", "2001:db8::1 https a")]
    [TestCase("Forwarded: for=192.0.2.1;host=\"example.org:8443\"", "192.0.2.1 http example.org:8443")]
    [TestCase("Forwarded: for=\"192\\.0.2.1\"", "192.0.2.1 http a")]
    [TestCase("Forwarded: for=203.0.113.9, for=192.0.2.1;proto=https, for=10.0.0.2;proto=http", "192.0.2.1 https a")]
    [TestCase("Forwarded: for=192.0.2.1, for=10.0.0.2;proto=https;host=b", "192.0.2.1 https b")]
    [TestCase("Forwarded: for=203.0.113.9\r\nForwarded: for=192.0.2.1\r\nForwarded: for=10.0.0.2", "192.0.2.1 http a")]
    [TestCase("Forwarded: for=\", for=192.0.2.1", "192.0.2.1 http a")]
    [TestCase("Forwarded: for=\"a, for=\"[fd00::2]\", for=10.0.0.2", "fd00::2 http a")]
    [TestCase("Forwarded: for=\"a\\\\\", for=192.0.2.1", "192.0.2.1 http a")]
    [TestCase("Forwarded: secret=\"a,b;c\\\",d\";for=192.0.2.1", "192.0.2.1 http a")]
    [TestCase("Forwarded: for=unknown;proto=https", "10.0.0.1 https a")]
    [TestCase("Forwarded: for=192.0.2.1, for=_hidden", Own)]
    [TestCase("Forwarded: for=192.0.2.1, for=unknown, for=10.0.0.2", "10.0.0.2 http a")]
    [TestCase("Forwarded: proto=https", "10.0.0.1 https a")]
    [TestCase("Forwarded: for=192.0.2.1;for=203.0.113.9", Own)]
    [TestCase("Forwarded: nonsense", Own)]
    [TestCase("Forwarded: for=", Own)]
    [TestCase("Forwarded:", Own)]
    [TestCase("Forwarded: for=192.0.2.1;;proto=ftp;host=\"a b\"", "192.0.2.1 http a")]
    // Both.
    [TestCase("Forwarded: for=192.0.2.1;proto=https\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https",
        "192.0.2.1 https a")]
    [TestCase("Forwarded: for=192.0.2.1\r\nX-Forwarded-For: 203.0.113.9", "400")]
    [TestCase("Forwarded: for=192.0.2.1;host=evil\r\nX-Forwarded-For: 192.0.2.1", "400")]
    [TestCase("", Own)]
    public void TrustedProxySaysWhoseRequestItIs(string fields, string expected)
    {
        Assert.That(OriginOf(Proxy, fields), Is.EqualTo(expected));
        Assert.That(OriginOf($"::ffff:{Proxy}", fields), Is.EqualTo(expected), "a mapped address is the same one");
    }

    [TestCase("192.0.2.77")]
    [TestCase("11.0.0.1")]
    [TestCase("::1")]
    public void StrangersSayNothing(string peer)
    {
        foreach (string fields in new[] { "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil",
            "Forwarded: for=1.2.3.4;proto=https;host=evil", "Forwarded: for=1.2.3.4\r\nX-Forwarded-For: 4.3.2.1" })
            Assert.That(OriginOf(peer, fields), Is.EqualTo($"{peer} http a"));
    }

    [Test]
    public void NobodyIsTrustedByDefault() =>
        Assert.That(OriginOf("127.0.0.1", "X-Forwarded-For: 1.2.3.4", new HttpOptions()), Is.EqualTo("127.0.0.1 http a"));

    [TestCase(ForwardedFields.XForwardedFor, "192.0.2.1 http a")]
    [TestCase(ForwardedFields.XForwardedFor | ForwardedFields.XForwardedProto, "192.0.2.1 https a")]
    [TestCase(ForwardedFields.Forwarded, "203.0.113.9 http evil")]
    [TestCase(ForwardedFields.None, Own)]
    [TestCase(ForwardedFields.All, "400")]
    public void OnlyTheNamedFieldsCount(ForwardedFields fields, string expected) => Assert.That(
        OriginOf(Proxy, "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
            + "Forwarded: for=203.0.113.9;host=evil", Trusting(fields)), Is.EqualTo(expected));

    [TestCase(true, "1.2.3.4 https a")]
    [TestCase(false, " https a")]
    public void UnixSocketIsTrustedByName(bool trusted, string expected)
    {
        var options = new HttpOptions();
        options.TrustedProxies.Add(trusted ? "unix:" : "0.0.0.0/0");
        using var protocol = new HttpProtocol(options, isSecure: true, isUnix: true);
        Assert.That(OriginOf(protocol, null, "X-Forwarded-For: 1.2.3.4"), Is.EqualTo(expected));
    }

    [Test]
    public void PeerThatIsGoneIsNotTrusted()
    {
        var options = new HttpOptions();
        foreach (string network in new[] { "unix:", "0.0.0.0/0", "::/0" }) options.TrustedProxies.Add(network);
        using var protocol = new HttpProtocol(options);
        Assert.That(OriginOf(protocol, null, "X-Forwarded-For: 1.2.3.4"), Is.EqualTo(" http a"));
    }

    private static HttpOptions Trusting(ForwardedFields fields = ForwardedFields.All)
    {
        var options = new HttpOptions { ForwardedFields = fields };
        options.TrustedProxies.Add("10.0.0.0/8");
        options.TrustedProxies.Add("fd00::/8");
        return options;
    }

    private static string OriginOf(string peer, string fields, HttpOptions? options = null)
    {
        using var protocol = new HttpProtocol(options ?? Trusting());
        return OriginOf(protocol, peer, fields);
    }

    private static string OriginOf(HttpProtocol protocol, string? peer, string fields)
    {
        protocol.OnAttached(new Peer(peer is null ? null : new IPEndPoint(IPAddress.Parse(peer), 1234)));
        var input = new System.Buffers.ReadOnlySequence<byte>(
            Encoding.UTF8.GetBytes($"GET / HTTP/1.1\r\nHost: a\r\n{(fields.Length == 0 ? "" : fields + "\r\n")}\r\n"));
        Assert.That(protocol.TryDecode(ref input, 1_000_000, out Request request), Is.EqualTo(Verdict.Message));
        try
        {
            Assert.That(request.Host, Is.EqualTo("a"), "what was sent stays what it is");
            return $"{request.ClientIp} {request.ClientScheme} {request.ClientHost}";
        }
        catch (BadRequestException e)
        {
            return $"{e.StatusCode}";
        }
    }

    private sealed class Peer(IPEndPoint? address) : IPeer
    {
        public IPEndPoint? RemoteAddress => address;
    }
}
