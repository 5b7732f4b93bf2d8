using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>Files as answers: what the head says, conditions, ranges, HEAD, and what is not there.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class FileResponseTests(Type loopType)
{
    private const string Text = "0123456789";
    private const string Date = "Fri, 02 Jan 2026 03:04:05 GMT";

    private TemporaryFolder _folder = null!;

    private static Fragmentation[] AllFragmentations => Fragmentation.All;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public async Task FileIsSentWithTypeLengthDateAndTag([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        string path = _folder.Write("page.html", Text);
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(new Response().WithFile(path)));
        using RawClient client = server.Connect();
        client.Send(Request("GET") + Request("GET"), fragmentation);
        for (int i = 0; i < 2; i++)
        {
            (int status, string head, string body) = client.ReadResponse();
            Assert.That((status, body), Is.EqualTo((200, Text)));
            Assert.That(head, Does.Contain("\r\nContent-Type: text/html;charset=utf-8\r\n")
                .And.Contain("\r\nContent-Length: 10\r\n").And.Contain($"\r\nLast-Modified: {Date}\r\n")
                .And.Contain("\r\nAccept-Ranges: bytes\r\n").And.Contain("\r\nETag: \"")
                .And.Contain("\r\nConnection: keep-alive\r\n").And.Contain("\r\nDate: ").And.Not.Contain("Content-Disposition"));
        }
    }

    [Test]
    public async Task PipelinedRequestsWaitForTheFile([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        string path = _folder.Write("large.txt", new string('x', 3_000_000));
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/file") connection.Send(new Response().WithFile(path));
            else connection.Send(request.Path);
        });
        using RawClient client = server.Connect();
        client.Send(Request("GET", "/a") + Request("GET", "/file") + Request("GET", "/b") + Request("GET", "/file")
            + Request("GET", "/c"), fragmentation);
        Assert.That(client.ReadResponse().Body, Is.EqualTo("/a"));
        Assert.That(client.ReadResponse().Body, Has.Length.EqualTo(3_000_000));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("/b"));
        Assert.That(client.ReadResponse().Body, Has.Length.EqualTo(3_000_000));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("/c"));
    }

    [Test]
    public async Task UnknownTypeIsToBeSaved()
    {
        string path = _folder.Write("na\u00efve.x-y-z", Text);
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(new Response().WithFile(path)));
        using RawClient client = server.Connect();
        string head = client.Send(Request("GET")).ReadResponse().Head;
        Assert.That(head, Does.Contain("\r\nContent-Type: application/octet-stream\r\n")
            .And.Contain("\r\nContent-Disposition: attachment; filename=\"na_ve.x-y-z\"; filename*=UTF-8''na%C3%AFve.x-y-z\r\n"));
    }

    [Test]
    public async Task ApplicationsFieldsWin()
    {
        string path = _folder.Write("page.x-y-z", Text);
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send(new Response(200, new()
        {
            ["Content-Type"] = "text/x-own",
            ["ETag"] = "\"own\"",
            ["Last-Modified"] = "Thu, 01 Jan 1970 00:00:00 GMT",
            ["Content-Disposition"] = "inline",
            ["Accept-Ranges"] = "none",
        }).WithFile(path)));
        using RawClient client = server.Connect();
        string head = client.Send(Request("GET", "/", "Range: bytes=1-2")).ReadResponse().Head;
        Assert.That(head, Does.StartWith("HTTP/1.1 200").And.Contain("text/x-own").And.Contain("ETag: \"own\"")
            .And.Contain("Last-Modified: Thu, 01 Jan 1970").And.Contain("inline"));
        Assert.That(client.Send(Request("GET", "/", "If-None-Match: \"own\"")).ReadResponse().Status, Is.EqualTo(304));
    }

    [TestCase("If-None-Match: {tag}", 304)]
    [TestCase("If-None-Match: W/{tag}", 304)]
    [TestCase("If-None-Match: \"other\"", 200)]
    [TestCase("If-None-Match: \"other\"\r\nIf-Modified-Since: {date}", 200)]
    [TestCase("If-None-Match: \"a\"\r\nIf-None-Match: {tag}", 304)]
    [TestCase("If-Modified-Since: {date}", 304)]
    [TestCase("If-Modified-Since: Thu, 01 Jan 2026 03:04:05 GMT", 200)]
    [TestCase("If-Match: {tag}", 200)]
    [TestCase("If-Match: \"other\"", 412)]
    [TestCase("If-Unmodified-Since: {date}", 200)]
    [TestCase("If-Unmodified-Since: Thu, 01 Jan 2026 03:04:05 GMT", 412)]
    [TestCase("If-Match: \"other\"\r\nIf-None-Match: {tag}", 412)]
    [TestCase("Range: bytes=2-4", 206)]
    [TestCase("Range: bytes=2-4\r\nIf-None-Match: {tag}", 304)]
    [TestCase("Range: bytes=2-4\r\nIf-Range: {tag}", 206)]
    [TestCase("Range: bytes=2-4\r\nIf-Range: {date}", 206)]
    [TestCase("Range: bytes=2-4\r\nIf-Range: \"other\"", 200)]
    [TestCase("Range: bytes=2-4\r\nIf-Range: W/{tag}", 200)]
    [TestCase("Range: bytes=10-", 416)]
    [TestCase("Range: bytes=10-\r\nIf-Range: \"other\"", 200)]
    [TestCase("Range: bytes=0-1,3-4", 200)]
    [TestCase("Range: bytes=0-1\r\nRange: bytes=3-4", 200)]
    [TestCase("Range: lines=1-2", 200)]
    public async Task ConditionsAndRanges(string fields, int expected)
    {
        string path = _folder.Write("page.txt", Text);
        await using TestServer server = TestServer.Http(loopType,
            (connection, _) => connection.Send(new Response(200, new() { ["X-Own"] = "1" }).WithFile(path)));
        using RawClient client = server.Connect();
        string tag = Field(client.Send(Request("GET")).ReadResponse().Head, "ETag");
        client.Send(Request("GET", "/", fields.Replace("{tag}", tag).Replace("{date}", Date)));
        string head = client.ReadUntil("\r\n\r\n");
        Assert.That(head, Does.StartWith($"HTTP/1.1 {expected} ").And.Contain("X-Own: 1"));
        int length = int.Parse(Field(head, "Content-Length") is { Length: > 0 } number ? number : "0", null);
        string body = client.ReadExactly(length);
        switch (expected)
        {
            case 200:
                Assert.That(body, Is.EqualTo(Text));
                break;
            case 206:
                Assert.That((body, Field(head, "Content-Range"), Field(head, "ETag"), Field(head, "Content-Type")),
                    Is.EqualTo(("234", "bytes 2-4/10", tag, "text/plain;charset=utf-8")));
                break;
            case 304:
                Assert.That((Field(head, "Content-Length"), Field(head, "ETag"), Field(head, "Last-Modified")),
                    Is.EqualTo(("", tag, Date)));
                break;
            case 412:
                Assert.That((body, Field(head, "ETag")), Is.EqualTo(("", "")));
                break;
            default:
                Assert.That((body, Field(head, "Content-Range")), Is.EqualTo(("", "bytes */10")));
                break;
        }
        Assert.That(client.Send(Request("GET")).ReadResponse().Body, Is.EqualTo(Text), "the connection goes on");
    }

    [Test]
    public async Task HeadIsTheHeadOfGet()
    {
        string path = _folder.Write("page.txt", Text);
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(new Response().WithFile(path)));
        using RawClient client = server.Connect();
        string head = client.Send(Request("HEAD", "/", "Range: bytes=2-4")).ReadResponse(headOnly: true).Head;
        Assert.That(head, Does.StartWith("HTTP/1.1 200 ").And.Contain("\r\nContent-Length: 10\r\n"));
        Assert.That(client.Send(Request("HEAD", "/", "If-None-Match: *")).ReadResponse(headOnly: true).Status, Is.EqualTo(304));
        Assert.That(client.Send(Request("GET")).ReadResponse().Body, Is.EqualTo(Text));
    }

    [TestCase("POST", 200)]
    [TestCase("GET", 404)]
    public async Task OnlyA200ToGetOrHeadIsConditional(string method, int status)
    {
        string path = _folder.Write("page.txt", Text);
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(new Response(status).WithFile(path)));
        using RawClient client = server.Connect();
        client.Send(Request(method, "/", "If-None-Match: *\r\nRange: bytes=1-2"));
        (int read, _, string body) = client.ReadResponse();
        Assert.That((read, body), Is.EqualTo((status, Text)));
    }

    [TestCase(2, 3, 200, 206, "234", "bytes 2-4/10")]
    [TestCase(2, 3, 206, 206, "234", "bytes 2-4/10")]
    [TestCase(7, 0, 200, 206, "789", "bytes 7-9/10")]
    [TestCase(0, 4, 200, 206, "0123", "bytes 0-3/10")]
    [TestCase(8, 100, 200, 206, "89", "bytes 8-9/10")]
    [TestCase(0, 10, 200, 206, Text, "bytes 0-9/10")]
    [TestCase(0, 0, 200, 200, Text, "")]
    [TestCase(2, 3, 404, 404, "234", "")]
    public async Task OffsetAndLengthAreThePartThatIsSent(long offset, long length, int status, int expected, string body,
        string contentRange)
    {
        string path = _folder.Write("page.txt", Text);
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(new Response(status).WithFile(path, offset, length)));
        using RawClient client = server.Connect();
        foreach (string fields in new[] { "X: y", "Range: bytes=0-0", "Range: bytes=0-0\r\nIf-Range: \"other\"",
            "Range: bytes=99-" })
        {
            if (length == 0 && offset == 0 && fields != "X: y") continue;
            (int read, string head, string text) = client.Send(Request("GET", "/", fields)).ReadResponse();
            Assert.That((read, text, Field(head, "Content-Range")), Is.EqualTo((expected, body, contentRange)), fields);
            Assert.That(Field(head, "ETag").Length > 0, Is.EqualTo(expected != 404));
            string ofHead = client.Send(Request("HEAD", "/", fields)).ReadResponse(headOnly: true).Head;
            Assert.That((ofHead.Split(' ')[1], Field(ofHead, "Content-Length"), Field(ofHead, "Content-Range")),
                Is.EqualTo(($"{expected}", $"{body.Length}", contentRange)), fields);
        }
    }

    [Test]
    public async Task PartIsConditionalLikeTheWhole()
    {
        string path = _folder.Write("page.txt", Text);
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(new Response().WithFile(path, 2, 3)));
        using RawClient client = server.Connect();
        string tag = Field(client.Send(Request("GET")).ReadResponse().Head, "ETag");
        Assert.That(client.Send(Request("GET", "/", $"If-None-Match: {tag}")).ReadResponse(headOnly: true).Status,
            Is.EqualTo(304));
        Assert.That(client.Send(Request("GET", "/", $"If-Match: {tag}")).ReadResponse().Body, Is.EqualTo("234"));
        Assert.That(client.Send(Request("GET", "/", "If-Match: \"other\"")).ReadResponse().Status, Is.EqualTo(412),
            "a part of another version is of no use");
        Assert.That(client.Send(Request("POST", "/", "If-None-Match: *")).ReadResponse().Body, Is.EqualTo("234"));
    }

    [TestCase(200)]
    [TestCase(206)]
    public async Task PartOfNothingIsTheWhole(int status)
    {
        string path = _folder.Write("empty.txt", "");
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(new Response(status).WithFile(path, 0, 5)));
        using RawClient client = server.Connect();
        (int read, string head, _) = client.Send(Request("GET")).ReadResponse();
        Assert.That((read, Field(head, "Content-Range"), Field(head, "Content-Length")), Is.EqualTo((200, "", "0")));
    }

    [Test]
    public async Task OffsetBeyondTheEndIsA416(
        [Values(10L, 11L, long.MaxValue - 10, long.MaxValue - 9, long.MaxValue)] long offset)
    {
        string path = _folder.Write("page.txt", Text);
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(new Response().WithFile(path, offset)));
        using RawClient client = server.Connect();
        (int status, string head, _) = client.Send(Request("GET")).ReadResponse();
        Assert.That((status, Field(head, "Content-Range")), Is.EqualTo((416, "bytes */10")));
    }

    [Test]
    public async Task EmptyFileIsAnEmptyBody()
    {
        string path = _folder.Write("empty.txt", "");
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(new Response().WithFile(path)));
        using RawClient client = server.Connect();
        client.Send(Request("GET") + Request("GET", "/", "Range: bytes=0-") + Request("GET"));
        Assert.That(client.ReadResponse().Head, Does.StartWith("HTTP/1.1 200").And.Contain("\r\nContent-Length: 0\r\n"));
        Assert.That(client.ReadResponse().Status, Is.EqualTo(416));
        Assert.That(client.ReadResponse().Status, Is.EqualTo(200));
    }

    [Test]
    public async Task WhatIsNoFileIsA404()
    {
        string vanishing = _folder.Write("vanishing.txt", Text);
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            Response response = new Response().WithFile(request.Path switch
            {
                "/folder" => _folder.Path,
                "/vanishing" => vanishing,
                _ => _folder.PathOf("missing"),
            });
            if (request.Path == "/vanishing") File.Delete(vanishing);
            connection.Send(response);
        });
        using RawClient client = server.Connect();
        foreach (string path in new[] { "/missing", "/folder", "/vanishing" })
        {
            (int status, _, string body) = client.Send(Request("GET", path)).ReadResponse();
            Assert.That((status, body), Is.EqualTo((404, "<h3>404 Not Found</h3>")), path);
        }
    }

    [Test]
    [Platform("Linux")]
    public async Task PipesAndDevicesAreNeverOpened()
    {
        string pipe = _folder.PathOf("pipe.txt");
        using (var make = System.Diagnostics.Process.Start("mkfifo", pipe)) make.WaitForExit();
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
            connection.Send(new Response().WithFile(request.Path == "/pipe" ? pipe : "/dev/zero")));
        using RawClient client = server.Connect();
        Assert.That(client.Send(Request("GET", "/pipe")).ReadResponse().Status, Is.EqualTo(404));
        Assert.That(client.Send(Request("GET", "/device")).ReadResponse().Status, Is.EqualTo(404));
    }

    [Test]
    public async Task TagIsWeakWhileTheFileMayStillChangeUnnoticed()
    {
        string path = _folder.Write("page.txt", Text, DateTime.UtcNow.AddMinutes(1));
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(new Response().WithFile(path)));
        using RawClient client = server.Connect();
        string head = client.Send(Request("GET")).ReadResponse().Head;
        string tag = Field(head, "ETag");
        Assert.That(tag, Does.StartWith("W/\""));
        Assert.That(Field(head, "Last-Modified"), Is.LessThanOrEqualTo(Field(head, "Date")), "not later than the answer");
        Assert.That(client.Send(Request("GET", "/", $"If-None-Match: {tag}")).ReadResponse(headOnly: true).Status,
            Is.EqualTo(304));
        Assert.That(client.Send(Request("GET", "/", $"Range: bytes=1-2\r\nIf-Range: {tag}")).ReadResponse().Body,
            Is.EqualTo(Text), "parts of two versions are never joined");
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddHours(-1));
        string other = Field(client.Send(Request("GET")).ReadResponse().Head, "ETag");
        Assert.That(other, Does.StartWith("\"").And.Not.EqualTo(tag[2..]));
    }

    [Test]
    public async Task HttpClientGetsWholeAndParts()
    {
        string content = string.Concat(Enumerable.Range(0, 200_000).Select(i => $"{i}\n"));
        string path = _folder.Write("numbers.csv", content);
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(new Response().WithFile(path)));
        using var client = new HttpClient { BaseAddress = server.Uri };
        Assert.That(await client.GetStringAsync("/"), Is.EqualTo(content));
        using var request =
            new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { Range = new RangeHeaderValue(1000, 1999) } };
        using HttpResponseMessage part = await client.SendAsync(request);
        Assert.That((part.StatusCode, part.Content.Headers.ContentRange!.ToString(), await part.Content.ReadAsStringAsync()),
            Is.EqualTo(
                (HttpStatusCode.PartialContent, $"bytes 1000-1999/{Encoding.UTF8.GetByteCount(content)}", content[1000..2000])));
    }

    private static string Request(string method, string path = "/", string? fields = null) =>
        $"{method} {path} HTTP/1.1\r\nHost: a\r\n{(fields is null ? "" : fields + "\r\n")}\r\n";

    private static string Field(string head, string name) =>
        head.Split("\r\n")
            .FirstOrDefault(line => line.StartsWith(name + ": ", StringComparison.OrdinalIgnoreCase))?[(name.Length + 2)..] ?? "";
}
