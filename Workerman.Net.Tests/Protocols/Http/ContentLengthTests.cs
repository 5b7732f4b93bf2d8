using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>The Content-Length that an application gives: where it counts, and that it never frames a body (RFC 9110 section
/// 8.6).</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ContentLengthTests(Type loopType)
{
    private static Fragmentation[] AllFragmentations => Fragmentation.All;

    [Test]
    public async Task HeadWithoutABodyHasTheLengthThatTheApplicationGives(
        [ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        await using TestServer server = Answering(request => request.Path
            == "/next" ? new Response(200, null, "next") : new Response(200, new() { ["Content-Length"] = "12345" }));
        using RawClient client = server.Connect();
        client.Send(Request("HEAD") + Request("HEAD") + Request("GET", "/next"), fragmentation);
        for (int i = 0; i < 2; i++) Assert.That(LengthOf(client.ReadResponse(headOnly: true).Head), Is.EqualTo("12345"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("next"), "no body came between");
    }

    [TestCase("HEAD", 200, "12345", "", "12345")]
    [TestCase("HEAD", 200, " 12345\t", "", "12345")]
    [TestCase("HEAD", 200, "0", "", "0")]
    [TestCase("HEAD", 200, "9223372036854775807", "", "9223372036854775807")]
    [TestCase("HEAD", 404, "12345", "", "12345")]
    [TestCase("HEAD", 206, "12345", "", "12345")]
    [TestCase("HEAD", 200, null, "", "0")]
    [TestCase("HEAD", 200, "12345", "body", "4")]
    [TestCase("HEAD", 200, null, "body", "4")]
    [TestCase("HEAD", 204, "12345", "", null)]
    [TestCase("HEAD", 205, "12345", "", "0")]
    [TestCase("HEAD", 304, "12345", "", "12345")]
    [TestCase("HEAD", 304, null, "", null)]
    [TestCase("GET", 304, "12345", "", "12345")]
    [TestCase("GET", 304, "12345", "body", "12345")]
    [TestCase("GET", 304, null, "body", null)]
    [TestCase("GET", 204, "12345", "body", null)]
    [TestCase("GET", 205, "12345", "body", "0")]
    [TestCase("GET", 200, "12345", "", "0")]
    [TestCase("GET", 200, "12345", "body", "4")]
    [TestCase("POST", 200, "1", "body", "4")]
    public async Task LengthOnTheWire(string method, int status, string? given, string body, string? expected)
    {
        await using TestServer server = Answering(request =>
        {
            if (request.Path == "/next") return new Response(200, null, "next");
            var response = new Response(status, null, body);
            return given is null ? response : response.WithHeader("content-length", given);
        });
        using RawClient client = server.Connect();
        client.Send(Request(method) + Request("GET", "/next"));
        string head = client.ReadUntil("\r\n\r\n");
        Assert.That(LengthOf(head), Is.EqualTo(expected));
        if (method != "HEAD" && status == 200) Assert.That(client.ReadExactly(body.Length), Is.EqualTo(body));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("next"), "what follows is framed right");
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task OldClientsGetTheLengthToo(bool keepAlive)
    {
        await using TestServer server = Answering(_ => new Response(200, new() { ["Content-Length"] = "12345" }));
        using RawClient client = server.Connect();
        client.Send($"HEAD / HTTP/1.0\r\n{(keepAlive ? "Connection: keep-alive\r\n" : "")}\r\n");
        Assert.That(LengthOf(client.ReadUntil("\r\n\r\n")), Is.EqualTo("12345"));
        if (keepAlive) client.Send("HEAD / HTTP/1.0\r\n\r\n").ReadUntil("\r\n\r\n");
        Assert.That(client.IsAtEnd(), Is.True);
    }

    [Test]
    public async Task ChunksHaveNoLength()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.Send(new Response(200, new() { ["Content-Length"] = "12345", ["Transfer-Encoding"] = "chunked" }));
            connection.Send(new Chunk(""));
        });
        using RawClient client = server.Connect();
        foreach (string version in new[] { "1.1", "1.0" })
        {
            string head = client.Send($"HEAD / HTTP/{version}\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
            Assert.That(LengthOf(head), Is.Null, "RFC 9112 section 6.2");
            Assert.That(head.Contains("Transfer-Encoding"), Is.EqualTo(version == "1.1"));
        }
    }

    [Test]
    public async Task CompressionChangesNoLengthOfABodyThatIsNotThere()
    {
        await using TestServer server = TestServer.Http(
            loopType, (connection, _) => connection.Send(new Response(200, new() { ["Content-Length"] = "12345" })), worker =>
                worker.Options.Http.Compression = true);
        using RawClient client = server.Connect();
        string head = client.Send(Request("HEAD", "/", "Accept-Encoding: gzip\r\n")).ReadResponse(headOnly: true).Head;
        Assert.That((LengthOf(head), head.Contains("Content-Encoding")), Is.EqualTo(("12345", false)));
    }

    [TestCase(200, "", "4")]
    [TestCase(205, "", "0")]
    [TestCase(304, "", null)]
    [TestCase(200, "If-Match: \"other\"\r\n", "0")]
    [TestCase(200, "If-None-Match: *\r\n", null)]
    public async Task FileHasItsOwnLength(int status, string fields, string? expected)
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("a.txt", "file");
        await using TestServer server = Answering(request =>
            request.Path == "/next"
            ? new Response(200, null, "next")
            : new Response(status, new() { ["Content-Length"] = "12345" }).WithFile(path));
        using RawClient client = server.Connect();
        foreach (string method in new[] { "HEAD", "GET" })
        {
            client.Send(Request(method, "/", fields) + Request("GET", "/next"));
            Assert.That(LengthOf(client.ReadUntil("\r\n\r\n")), Is.EqualTo(expected), method);
            if (method == "GET" && expected == "4") client.ReadExactly(4);
            Assert.That(client.ReadResponse().Body, Is.EqualTo("next"), "what follows is framed right");
        }
    }

    [Test]
    public async Task HeadOfAMissingFileHasTheLengthOfItsAnswer()
    {
        await using TestServer server =
            Answering(_ => new Response(200, new() { ["Content-Length"] = "12345" }).WithFile("/nowhere/at/all"));
        using RawClient client = server.Connect();
        Assert.That(LengthOf(client.Send(Request("HEAD")).ReadResponse(headOnly: true).Head), Is.EqualTo("22"));
    }

    [TestCase("")]
    [TestCase("-1")]
    [TestCase("+1")]
    [TestCase("1.5")]
    [TestCase("1,000")]
    [TestCase("1, 1")]
    [TestCase("0x10")]
    [TestCase("\u0661\u0662")]
    [TestCase("many")]
    [TestCase("9223372036854775808")]
    public void WhatIsNoNumberThrows(string value)
    {
        var response = new Response();
        Assert.Throws<ArgumentException>(() => response.WithHeader("Content-Length", value));
        Assert.Throws<ArgumentException>(() => response.WithAddedHeader("content-length", value));
        Assert.Throws<ArgumentException>(() => response.Headers["CONTENT-LENGTH"] = value);
        Assert.Throws<ArgumentException>(
            () => response.WithHeaders(new Dictionary<string, string> { ["Content-Length"] = value }));
        Assert.Throws<ArgumentException>(
            () => _ = new Response(200, new Dictionary<string, string> { ["Content-Length"] = value }));
        Assert.That(response.Headers, Is.Empty);
    }

    [Test]
    public void SecondLengthThatDiffersThrows()
    {
        Response response = new Response().WithHeader("Content-Length", "1").WithHeader("Content-Length", "2")
            .WithAddedHeader("Content-Length", "2");
        Assert.Throws<ArgumentException>(() => response.WithAddedHeader("content-length", "3"));
        Assert.Throws<ArgumentException>(() => response.WithHeader("Content-Length", ["1", "2"]));
        Assert.That(response.GetHeader("Content-Length"), Is.EqualTo("2"));
    }

    private TestServer Answering(Func<Request, Response> answer) =>
        TestServer.Http(loopType, (connection, request) => connection.Send(answer(request)));

    private static string? LengthOf(string head) =>
        head.Split("\r\n").SingleOrDefault(line => line.StartsWith("Content-Length: ", StringComparison.Ordinal))?[16..];

    private static string Request(string method, string path = "/", string fields = "") =>
        $"{method} {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n";
}
