using System.Buffers;
using System.Text;
using Workerman.Protocols.Http;

namespace Workerman.Tests.Protocols.Http;

/// <summary>What a response becomes on the wire, and what it refuses to become.</summary>
internal sealed class ResponseTests
{
    private static readonly string[] LineBreaks = ["\r\n", "\n", "\r", "\0", "\x1b", "\x7f"];

    [Test]
    public void NameThatIsNullIsWrongUse()
    {
        var response = new Response();
        Assert.Throws<ArgumentNullException>(() => response.WithoutHeader(null!));
        Assert.Throws<ArgumentNullException>(() => response.GetHeader(null!));
    }

    [Test]
    public void WritesStatusHeadersAndBody()
    {
        Response response = new Response(404, new() { ["X-A"] = "1" }, "not here").WithHeader("x-b", "\u00e9")
            .WithStatus(404, "Gone Fishing");
        response.Headers.Add("X-A", "2");
        Assert.That(WithoutDate(response), Is.EqualTo(
            "HTTP/1.1 404 Gone Fishing\r\nX-A: 1\r\nx-b: \u00e9\r\nX-A: 2\r\nContent-Type: text/html;charset=utf-8\r\n"
            + "Connection: keep-alive\r\nContent-Length: 8\r\n\r\nnot here"));
    }

    [Test]
    public void LengthIsWrittenInDecimal(
        [Values(0, 7, 9, 10, 99, 100, 101, 110, 909, 999, 1000, 1001, 9999, 123_456)] int length) =>
        Assert.That(WithoutDate(new Response(200, null, new string('x', length))),
            Does.EndWith($"\r\nContent-Length: {length}\r\n\r\n{new string('x', length)}"));

    [Test]
    public void WithFamilyIsChainable()
    {
        Response response = new Response()
            .WithStatus(201).WithHeader("A", "1").WithHeaders(new Dictionary<string, string> { ["B"] = "2", ["C"] = "3" })
            .WithoutHeader("b").WithBody("text").WithProtocolVersion("1.0").Header("a", "4");
        Assert.That((response.StatusCode, response.ReasonPhrase, response.ProtocolVersion), Is.EqualTo((201, "Created", "1.0")));
        Assert.That((response.GetHeader("A"), response.GetHeader("B"), response.GetHeader("c")),
            Is.EqualTo(("4", (string?)null, "3")));
        Assert.That(WithoutDate(response), Does.StartWith("HTTP/1.0 201 Created\r\n").And.EndWith("\r\n\r\ntext"));
    }

    [Test]
    public void TakesADictionaryAndBytes()
    {
        var response =
            new Response(200, new Dictionary<string, string> { ["Content-Type"] = "image/png" }, new byte[] { 1, 2, 3 });
        Assert.That(WithoutDate(response),
            Does.Contain("Content-Type: image/png\r\n").And.Contain("Content-Length: 3\r\n").And.EndWith("\u0001\u0002\u0003"));
    }

    [Test]
    public void OwnDateAndUnknownStatusAreKept()
    {
        string text = Write(new Response(799, new() { ["date"] = "today" }));
        Assert.That(text, Does.StartWith("HTTP/1.1 799 \r\ndate: today\r\n").And.Not.Contain("Date: "));
    }

    [Test]
    public void NothingInjectsALine([ValueSource(nameof(LineBreaks))] string evil)
    {
        var response = new Response();
        Assert.Throws<ArgumentException>(() => response.WithHeader("X", $"a{evil}b"));
        Assert.Throws<ArgumentException>(() => response.WithHeader($"X{evil}", "a"));
        Assert.Throws<ArgumentException>(() => response.Headers.Add("X", $"a{evil}"));
        Assert.Throws<ArgumentException>(() => response.WithHeaders([new($"X{evil}", "a")]));
        Assert.Throws<ArgumentException>(() => response.WithStatus(200, $"OK{evil}"));
        Assert.Throws<ArgumentException>(() => response.Cookie($"a{evil}", "b"));
        Assert.Throws<ArgumentException>(() => response.Cookie("a", path: $"/{evil}"));
        Assert.Throws<ArgumentException>(() => response.Cookie("a", domain: $"x{evil}"));
        Assert.Throws<ArgumentException>(() => _ = new Response(200, new() { ["X"] = evil }));
        Assert.That(response.Headers, Is.Empty);
        response.Cookie("a", $"v{evil}");
        Assert.That(response.GetHeader("Set-Cookie"), Does.StartWith("a=v%"), "a value is encoded");
    }

    [TestCase("")]
    [TestCase("a b")]
    [TestCase("a:b")]
    [TestCase("\u00e9")]
    public void HeaderNameIsAToken(string name) => Assert.Throws<ArgumentException>(() => new Response().WithHeader(name, "x"));

    [TestCase(99)]
    [TestCase(1000)]
    [TestCase(-1)]
    public void StatusHasThreeDigits(int status)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new Response(status));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Response().WithStatus(status));
    }

    [Test]
    public void OnlyVersionsThatAreSpokenAreTaken() =>
        Assert.Throws<ArgumentException>(() => new Response().WithProtocolVersion("2"));

    [Test]
    public void CookiesWithTheirAttributes()
    {
        Response response = new Response()
            .Cookie("plain", "v; w")
            .Cookie("all", "1", maxAge: 60, path: "/p", domain: "example.org", secure: true, httpOnly: true,
                sameSite: SameSite.Strict)
            .Cookie("gone", maxAge: 0);
        Assert.That(response.Headers.GetValues("set-cookie"), Is.EqualTo(new[]
        {
            "plain=v%3B%20w",
            "all=1; Domain=example.org; Max-Age=60; Path=/p; Secure; HttpOnly; SameSite=Strict",
            "gone=; Max-Age=0",
        }));
        Assert.Throws<ArgumentException>(() => response.Cookie("a", path: "/; Secure"));
    }

    [Test]
    public void ResponseIsNotChangedByBeingSent()
    {
        var response = new Response(200, new() { ["A"] = "b" }, "body");
        string first = WithoutDate(response);
        string second = WithoutDate(response);
        Assert.That(second, Is.EqualTo(first));
        Assert.That(response.Headers, Has.Count.EqualTo(1));
    }

    private static string WithoutDate(Response response) =>
        string.Join("\r\n", Write(response).Split("\r\n").Where(line => !line.StartsWith("Date: ", StringComparison.Ordinal)));

    private static string Write(Response response)
    {
        var output = new ArrayBufferWriter<byte>();
        ResponseWriter.Write(response, new AnswerForm(IsHead: false, KeepAlive: true), output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
