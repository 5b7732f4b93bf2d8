using System.Buffers;
using System.Text;
using Workerman.Protocols.Http;

namespace Workerman.Tests.Protocols.Http;

/// <summary>What a request tells of itself.</summary>
internal sealed class RequestTests
{
    [Test]
    public void TellsItsLine()
    {
        Request request = Parse("DELETE /a%20b/c?x=1&y=2 HTTP/1.1\r\nHost: example.org:8080\r\n\r\n");
        Assert.That((request.Method, request.Uri, request.Path, request.QueryString, request.ProtocolVersion),
            Is.EqualTo(("DELETE", "/a%20b/c?x=1&y=2", "/a%20b/c", "x=1&y=2", "1.1")));
        Assert.That((request.Host, request.HostWithoutPort, $"{request}"), Is.EqualTo(("example.org:8080", "example.org", "DELETE /a%20b/c?x=1&y=2")));
    }

    [TestCase("http://example.org/a/b?c", "/a/b", "c")]
    [TestCase("HTTPS://example.org", "/", "")]
    [TestCase("http://example.org?c", "/", "c")]
    [TestCase("/", "/", "")]
    [TestCase("/?", "/", "")]
    [TestCase("//a", "//a", "")]
    public void PathAndQueryOfEachForm(string target, string path, string query)
    {
        Request request = Parse($"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That((request.Uri, request.Path, request.QueryString), Is.EqualTo((target, path, query)));
    }

    [TestCase("a", "a")]
    [TestCase("a:1", "a")]
    [TestCase("[::1]", "[::1]")]
    [TestCase("[::1]:80", "[::1]")]
    public void HostWithoutPort(string host, string expected) =>
        Assert.That(Parse($"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").HostWithoutPort, Is.EqualTo(expected));

    [Test]
    public void HostOfAnAbsoluteTargetIsTheTargets() =>
        Assert.That(Parse("GET http://real.example:81/p HTTP/1.1\r\nHost: evil.example\r\n\r\n").Host, Is.EqualTo("real.example:81"));

    [TestCase("a=1&b=2", "a=1|b=2", TestName = "two members")]
    [TestCase("a=1&a=2", "a=2", TestName = "the last wins")]
    [TestCase("a", "a=", TestName = "no value")]
    [TestCase("a=&=b&&", "a=", TestName = "no name, no member")]
    [TestCase("a=b=c", "a=b=c", TestName = "a second equals sign")]
    [TestCase("a+b=c+d%2B", "a b=c d+", TestName = "plus is a space")]
    [TestCase("n=%D0%BF%C3%A9", "n=\u043f\u00e9", TestName = "UTF-8")]
    [TestCase("a=%&b=%4&c=%zz&d=%%34", "a=%|b=%4|c=%zz|d=%4", TestName = "broken escapes stay")]
    [TestCase("a=%ff%41", "a=\ufffdA", TestName = "what is not UTF-8 is replaced")]
    [TestCase("a[]=1&b[k]=2", "a[]=1|b[k]=2", TestName = "brackets are part of the name")]
    public void Get(string query, string members)
    {
        Request request = Parse($"GET /?{query} HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(string.Join('|', request.Get().Select(member => $"{member.Key}={member.Value}")), Is.EqualTo(members));
    }

    [Test]
    public void GetByName()
    {
        Request request = Parse("GET /?a=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That((request.Get("a"), request.Get("b"), request.Get("b", "c")), Is.EqualTo(("1", (string?)null, "c")));
        Assert.That(Parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n").Get(), Is.Empty);
    }

    [Test]
    public void HeaderInAnyCaseWithDefaultAndJoined()
    {
        Request request = Parse("GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nAccept: a\r\naccept: b\r\nX-U: \u00c3\u00a9\r\n\r\n");
        Assert.That((request.Header("x-one"), request.Header("X-ONE"), request.Header("none"), request.Header("none", "d")), Is.EqualTo(("1", "1", (string?)null, "d")));
        Assert.That((request.Header("accept"), request.Header("x-u")), Is.EqualTo(("a, b", "\u00e9")));
        Assert.That(request.Header().Keys, Is.EqualTo(new[] { "host", "x-one", "accept", "x-u" }));
        Assert.That(request.Header()["Accept"], Is.EqualTo("a, b"));
    }

    [TestCase("a=1; b=2", "a=1|b=2")]
    [TestCase("a=1;b=2;", "a=1|b=2")]
    [TestCase("a=x%3By%20z; b=Zm9v+Yg==", "a=x;y z|b=Zm9v+Yg==")]
    [TestCase("a=\"q\"; =x; c", "a=q")]
    [TestCase("a=1; a=2", "a=2")]
    public void Cookies(string field, string cookies) => Assert.That(
        string.Join('|', Parse($"GET / HTTP/1.1\r\nHost: a\r\nCookie: {field}\r\n\r\n").Cookie().Select(c => $"{c.Key}={c.Value}")), Is.EqualTo(cookies));

    [Test]
    public void CookieByNameOverSeveralFields()
    {
        Request request = Parse("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n");
        Assert.That((request.Cookie("a"), request.Cookie("b"), request.Cookie("c"), request.Cookie("c", "d")), Is.EqualTo(("1", "2", (string?)null, "d")));
    }

    private static Request Parse(string text)
    {
        HttpParser.TryParse(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(text)), new HttpOptions(), out RequestHead? head, out _);
        Assert.That(head, Is.Not.Null, text);
        return new Request(head!, ReadOnlyMemory<byte>.Empty);
    }
}
