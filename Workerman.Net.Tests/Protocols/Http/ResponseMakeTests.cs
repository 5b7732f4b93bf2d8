using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Ready-made responses, several values for a name, cookies that browsers would not take, and responses as text.
/// </summary>
internal sealed class ResponseMakeTests
{
    [TestCase("/path?a=1#b", "/path?a=1#b")]
    [TestCase("https://example.org/%C3%A9", "https://example.org/%C3%A9")]
    [TestCase("/caf\u00e9 \u20ac", "/caf%C3%A9%20%E2%82%AC")]
    [TestCase("/a\"<b>\\c^`{|}", "/a%22%3Cb%3E%5Cc%5E%60%7B%7C%7D")]
    [TestCase("/\\evil.example", "/%5Cevil.example")]
    public void LocationIsEncoded(string location, string expected)
    {
        var response = Response.Redirect(location);
        Assert.That((response.StatusCode, response.GetHeader("Location")), Is.EqualTo((302, expected)));
    }

    [TestCase("")]
    [TestCase("/a\r\nSet-Cookie: b=c")]
    [TestCase("/a\nb")]
    [TestCase("/a\0")]
    [TestCase("/a\u0085")]
    public void LocationWithControlCharactersThrows(string location) =>
        Assert.Throws<ArgumentException>(() => Response.Redirect(location));

    [TestCase(301, true)]
    [TestCase(303, true)]
    [TestCase(307, true)]
    [TestCase(308, true)]
    [TestCase(200, false)]
    [TestCase(304, false)]
    [TestCase(300, false)]
    public void OnlyRedirectionsRedirect(int status, bool redirects)
    {
        if (redirects) Assert.That(Response.Redirect("/", status).StatusCode, Is.EqualTo(status));
        else Assert.Throws<ArgumentException>(() => Response.Redirect("/", status));
    }

    [Test]
    public void MethodNotAllowedSaysWhatIsAllowed()
    {
        Assert.That(Response.MethodNotAllowed("GET", "HEAD").ToString(),
            Does.StartWith("HTTP/1.1 405 Method Not Allowed\r\n").And.Contain("\r\nAllow: GET, HEAD\r\n"));
        Assert.That(Response.MethodNotAllowed().GetHeader("Allow"), Is.Empty);
        Assert.Throws<ArgumentException>(() => Response.MethodNotAllowed("GET", "P\u00d6ST"));
        Assert.Throws<ArgumentException>(() => Response.MethodNotAllowed("GET, HEAD"));
    }

    [Test]
    public void NameMayHaveSeveralValues()
    {
        Response response = new Response().WithHeader("Link", "</old>").WithHeader("link", ["</a>", "</b>"])
            .WithAddedHeader("LINK", "</c>");
        Assert.That(response.Headers.GetValues("Link"), Is.EqualTo(new[] { "</a>", "</b>", "</c>" }));
        Assert.That(response.ToString(), Does.Contain("\r\nlink: </a>\r\nlink: </b>\r\nLINK: </c>\r\n"));
        Assert.Throws<ArgumentException>(() => response.WithHeader("Link", ["fine", "bad\r\n"]));
        Assert.That(response.Headers.GetValues("Link"), Has.Count.EqualTo(3), "unchanged by the failure");
    }

    [TestCase(204)]
    [TestCase(304)]
    [TestCase(205)]
    public void StatusWithoutABodyHasNone(int status)
    {
        string text = new Response(status, null, "never").ToString();
        Assert.That(text, Does.EndWith("\r\n\r\n"));
        Assert.That(text.Contains("Content-Length: 0\r\n"), Is.EqualTo(status == 205), "RFC 9110 section 15.3.6");
        Assert.That(text.Contains("Content-Length"), Is.EqualTo(status == 205));
    }

    [Test]
    public void CookieWithEveryAttribute()
    {
        Response response = new Response()
            .Cookie("__Host-id", "1", maxAge: 60, path: "/", secure: true, httpOnly: true, sameSite: SameSite.None,
                expires: new DateTimeOffset(2026, 8, 1, 14, 0, 0, TimeSpan.FromHours(2)), partitioned: true);
        Assert.That(response.GetHeader("Set-Cookie"), Is.EqualTo("__Host-id=1; Expires=Sat, 01 Aug 2026 12:00:00 GMT; "
            + "Max-Age=60; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"));
    }

    [Test]
    public void CookieThatBrowsersWouldDropThrowsAndSaysWhy()
    {
        var response = new Response();
        Refused(() => response.Cookie("a", sameSite: SameSite.None), "SameSite=None only with Secure");
        Refused(() => response.Cookie("a", partitioned: true), "Partitioned only with Secure");
        Refused(() => response.Cookie("__Secure-a"), "prefix only with Secure");
        Refused(() => response.Cookie("__host-a", path: "/"), "prefix only with Secure");
        Refused(() => response.Cookie("__Host-a", secure: true), "__Host- only with the path /");
        Refused(() => response.Cookie("__Host-a", secure: true, path: "/x"), "__Host- only with the path /");
        Refused(() => response.Cookie("__Host-a", secure: true, path: "/", domain: "example.org"), "without a domain");
        Refused(() => response.Cookie("a", path: "x"), "begin with a slash");
        Refused(() => response.Cookie("a", domain: "b\u00fccher.example"), "Punycode");
        Assert.That(response.Headers, Is.Empty);
        response.Cookie("__Secure-a", secure: true).Cookie("__Host-a", secure: true, path: "/")
            .Cookie("b", sameSite: SameSite.None, secure: true);
        Assert.That(response.Headers, Has.Count.EqualTo(3));

        static void Refused(Action set, string reason) =>
            Assert.That(Assert.Throws<ArgumentException>(set)!.Message, Does.Contain(reason));
    }

    [Test]
    public void ResponseAsText()
    {
        using var folder = new TemporaryFolder();
        string text = new Response(201, new() { ["X"] = "\u00e9" }, "b\u00f6dy").WithProtocolVersion("1.0").ToString();
        Assert.That(text, Does.StartWith("HTTP/1.0 201 Created\r\n").And.Contain("\r\nX: \u00e9\r\n")
            .And.Contain("\r\nContent-Length: 5\r\n").And.EndWith("\r\n\r\nb\u00f6dy"));
        string head = new Response().WithFile(folder.Write("a.css", "p {}")).ToString();
        Assert.That(head, Does.Contain("\r\nContent-Type: text/css;charset=utf-8\r\n").And.Contain("\r\nContent-Length: 4\r\n")
            .And.EndWith("\r\n\r\n"));
    }

    [Test]
    public void BodyAndFileTakeEachOthersPlace()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("a.txt", "file");
        Assert.That(new Response(200, null, "text").WithFile(path).ToString(),
            Does.EndWith("\r\n\r\n").And.Contain("Content-Length: 4"));
        Assert.That(new Response().WithFile(path).WithBody("other").ToString(), Does.EndWith("\r\n\r\nother"));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Response().WithFile(path, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Response().WithFile(path, 0, -1));
        Assert.Throws<ArgumentException>(() => new Response().WithFile(""));
    }
}
