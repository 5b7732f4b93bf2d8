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
        Assert.That((request.Host, request.HostWithoutPort, $"{request}"),
            Is.EqualTo(("example.org:8080", "example.org", "DELETE /a%20b/c?x=1&y=2")));
    }

    [TestCase("http://example.org/a/b?c", "/a/b", "c")]
    [TestCase("HTTP://example.org", "/", "")]
    [TestCase("http://example.org?c", "/", "c")]
    [TestCase("/", "/", "")]
    [TestCase("/?", "/", "")]
    [TestCase("//a", "//a", "")]
    public void PathAndQueryOfEachForm(string target, string path, string query)
    {
        Request request = Parse($"GET {target} HTTP/1.0\r\n\r\n");
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
        Assert.That(Parse("GET http://real.example:81/p HTTP/1.0\r\n\r\n").Host, Is.EqualTo("real.example:81"));

    [Test]
    public void PathOfAnAsteriskIsAnAsterisk() =>
        Assert.That(Parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").Path, Is.EqualTo("*"));

    [Test]
    public void RawHeadIsWhatWasSent() => Assert.That(
        Parse("\r\nGET /?a=%41 HTTP/1.1\r\nHoSt:  a \r\nX: \u00ff\r\n\r\n").RawHead,
        Is.EqualTo("GET /?a=%41 HTTP/1.1\r\nHoSt:  a \r\nX: \u00ff"));

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
    public void ValuesOfANameInTheirOrder()
    {
        Request request = Parse("GET /?a=1&b=2&a=3&A=4 HTTP/1.1\r\nHost: a\r\nX-V: 1\r\nx-v: 2\r\nCookie: c=1; d=2; c=3\r\n\r\n");
        Assert.That((request.Get("a"), request.GetValues("a"), request.GetValues("none")),
            Is.EqualTo(("3", new[] { "1", "3" }, Array.Empty<string>())));
        Assert.That(request.HeaderValues("X-v"), Is.EqualTo(new[] { "1", "2" }));
        Assert.That(request.CookieValues("c"), Is.EqualTo(new[] { "1", "3" }));
        Assert.That(request.Get().Fields.Select(f => f.Key + f.Value), Is.EqualTo(new[] { "a1", "b2", "a3", "A4" }));
        Assert.That((request.Get().Count, request.Get().Keys), Is.EqualTo((3, new[] { "a", "b", "A" })));
    }

    [TestCase("a[]=1&a[]=2&b=3", "a", "0=1|1=2")]
    [TestCase("a[k]=1&a[l]=2&a[k]=3", "a", "k=3|l=2")]
    [TestCase("a[5]=1&a[]=2&a[x]=3&a[]=4", "a", "5=1|6=2|x=3|7=4")]
    [TestCase("a[k][]=1&a[k][m]=2", "a[k]", "0=1|m=2")]
    [TestCase("a%5Bk%5D=1", "a", "k=1", TestName = "encoded brackets")]
    [TestCase("a[k=1&a]=2&a[k]x=3&ab[k]=4&a=5", "a", "", TestName = "no brackets, or broken ones")]
    public void BracketNamesAreArrays(string query, string name, string expected) => Assert.That(
        string.Join('|', Parse($"GET /?{query} HTTP/1.1\r\nHost: a\r\n\r\n").Get().GetArray(name)
            .Select(m => $"{m.Key}={m.Value}")), Is.EqualTo(expected));

    [Test]
    public void MembersAndCookiesHaveLimits()
    {
        var options = new HttpOptions { MaxQueryMembers = 3, MaxCookies = 2 };
        const string Frame = "GET /?{0} HTTP/1.1\r\nHost: a\r\nCookie: {1}\r\n\r\n";
        Request good = Parse(string.Format(null, Frame, "a&b&a&&", "a=1; b=2"), options);
        Assert.That((good.Get().Fields.Count, good.Cookie().Count), Is.EqualTo((3, 2)));
        Request bad = Parse(string.Format(null, Frame, "a&b&a&c", "a=1; a=2; a=3"), options);
        Assert.That(Assert.Throws<BadRequestException>(() => bad.Get("a"))!.StatusCode, Is.EqualTo(400));
        Assert.That(Assert.Throws<BadRequestException>(() => bad.Cookie("a"))!.StatusCode, Is.EqualTo(431));
        Assert.That(bad.Path, Is.EqualTo("/"), "the rest is there");
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
        Assert.That((request.Header("x-one"), request.Header("X-ONE"), request.Header("none"), request.Header("none", "d")),
            Is.EqualTo(("1", "1", (string?)null, "d")));
        Assert.That((request.Header("accept"), request.Header("x-u")), Is.EqualTo(("a, b", "\u00e9")));
        Assert.That(request.Header().Keys, Is.EqualTo(new[] { "host", "x-one", "accept", "x-u" }));
        Assert.That(request.Header()["Accept"], Is.EqualTo("a, b"));
    }

    [TestCase("a=1; b=2", "a=1|b=2")]
    [TestCase("a=1;b=2;", "a=1|b=2")]
    [TestCase("a=x%3By%20z; b=Zm9v+Yg==", "a=x;y z|b=Zm9v+Yg==")]
    [TestCase("a=\"q\"; =x; c", "a=q")]
    [TestCase("a=1; a=2", "a=2")]
    [TestCase("__Host-s=good; __%48ost-s=evil; a%3Db=c", "__Host-s=good|__%48ost-s=evil|a%3Db=c",
        TestName = "names are taken as they are")]
    [TestCase("\u00c3\u00a9=1; e=2; \u00ff=3", "\u00e9=1|e=2|\ufffd=3", TestName = "names are UTF-8")]
    [TestCase(";; a = 1 ;\tb=\"2\"; b=3", "a=1|b=3", TestName = "white space around names and values is left out")]
    public void Cookies(string field, string cookies)
    {
        string head = $"GET / HTTP/1.1\r\nHost: a\r\nCookie: {field}\r\n\r\n";
        Assert.That(string.Join('|', Parse(head).Cookie().Select(c => $"{c.Key}={c.Value}")), Is.EqualTo(cookies));
        // One by its name, which reads no other.
        Assert.That(string.Join('|', Parse(head).Cookie().Keys.Select(name => $"{name}={Parse(head).Cookie(name)}")),
            Is.EqualTo(cookies));
        Assert.That(Parse(head).Cookie(""), Is.Null);
    }

    [Test]
    public void CookieByNameOverSeveralFields()
    {
        Request request = Parse("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n");
        Assert.That((request.Cookie("a"), request.Cookie("b"), request.Cookie("c"), request.Cookie("c", "d")),
            Is.EqualTo(("1", "2", (string?)null, "d")));
    }

    [TestCase("", "a")]
    [TestCase("a", "a")]
    [TestCase("a=", "a")]
    [TestCase("a=1&a=2&b=3&a", "a")]
    [TestCase("&&=x&a=1=2&&", "a")]
    [TestCase("%61=1&a+b=2&a%20b=3", "a b")]
    [TestCase("aa=1&%C3%A9=2", "\u00e9")]
    [TestCase("%C3=2&%zz=3", "%zz")]
    [TestCase("A=1", "a")]
    [TestCase("a%5B%5D=1&a[]=2", "a[]")]
    public void OneMemberIsFoundAsAmongAll(string query, string name)
    {
        string line = $"GET /?{query} HTTP/1.1\r\nHost: a\r\n\r\n";
        string? expected = Parse(line).Get().TryGetValue(name, out string? value) ? value : null;
        Assert.That(Parse(line).Get(name), Is.EqualTo(expected));
        Request parsed = Parse(line);
        parsed.Get();
        Assert.That(parsed.Get(name), Is.EqualTo(expected));
    }

    [Test]
    public void MembersOfOtherTypesAreRead()
    {
        const string Query = "page=2&big=9223372036854775807&x=1.5&minus=-3&word=two&empty=&enc=%31%30";
        Request request = Parse($"GET /?{Query} HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That((request.Get("page", 1), request.Get("none", 7), request.Get("big", 0L), request.Get("x", 0.0),
            request.Get("minus", 0), request.Get("enc", 0)), Is.EqualTo((2, 7, long.MaxValue, 1.5, -3, 10)));
        foreach (string name in new[] { "word", "empty", "big", "x" })
        {
            Assert.That(() => request.Get(name, 1), Throws.InstanceOf<BadRequestException>()
                .With.Property(nameof(BadRequestException.StatusCode)).EqualTo(400).And.Message.Contains(name));
        }
        Assert.That(() => request.Get("minus", 1u), Throws.InstanceOf<BadRequestException>());
    }

    [Test]
    public void MembersAreCountedThoughOneIsAskedFor()
    {
        var options = new HttpOptions { MaxQueryMembers = 2 };
        Assert.That(Parse("GET /?a=1&b=2 HTTP/1.1\r\nHost: a\r\n\r\n", options).Get("a"), Is.EqualTo("1"));
        Request many = Parse("GET /?a=1&b=2&c=3 HTTP/1.1\r\nHost: a\r\n\r\n", options);
        Assert.That(() => many.Get("a"), Throws.InstanceOf<BadRequestException>());
        Assert.That(() => many.Get("a", 1), Throws.InstanceOf<BadRequestException>());
    }

    private static Request Parse(string text, HttpOptions? options = null)
    {
        options ??= new HttpOptions();
        HttpParser.TryParse(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(text)), options, out RequestHead head, out _);
        Assert.That(head.IsEmpty, Is.False, text);
        return new Request(head, options);
    }
}
