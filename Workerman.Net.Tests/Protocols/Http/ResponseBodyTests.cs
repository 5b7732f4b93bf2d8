using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>Bodies that are written when the response is sent, on the wire.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed partial class ResponseBodyTests(Type loopType)
{
    private static readonly int[] Sizes = [0, 1, 9, 10, 98, 99, 100, 4096, 70_000, 300_000];

    [Test]
    public async Task JsonIsWrittenWithTheContract([Values] bool compressed)
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            var item = new Item { Name = new string('n', request.Get("size", 0)) };
            connection.Send(Response.Json(item, Contract.Default.Item, 201));
        }, worker => worker.Options.Http.Compression = compressed);
        using RawClient client = server.Connect();
        foreach (int size in Sizes)
        {
            string json = $"{{\"name\":\"{new string('n', size)}\"}}";
            client.Send($"GET /?size={size} HTTP/1.1\r\nHost: a\r\n\r\n");
            string head = client.ReadUntil("\r\n\r\n");
            Assert.That(head, Does.StartWith("HTTP/1.1 201 Created\r\nDate: ")
                .And.Contain("\r\nContent-Type: application/json\r\n")
                .And.Contain($"\r\nContent-Length: {json.Length}\r\n").And.Contain("\r\nConnection: keep-alive\r\n"));
            Assert.That(client.ReadExactly(json.Length), Is.EqualTo(json));
        }
        client.Send("HEAD /?size=5 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
        Assert.That(client.ReadUntil("\r\n\r\n"), Does.Contain("\r\nContent-Length: 16\r\n"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("{\"name\":\"\"}"));
    }

    [Test]
    public async Task CallbackWritesTheBodyOfAnyResponse()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            var response = new Response(request.Get("status", 200));
            if (request.Get("kind") == "fields") response.WithHeader("X-A", "1").WithHeader("Content-Type", "a/b");
            if (request.Get("kind") == "chunks") response.WithHeader("Transfer-Encoding", "chunked");
            connection.Send(response.WithBody(output => output.Write(Encoding.ASCII.GetBytes("hello"))));
            if (request.Get("kind") == "chunks") connection.Send(new Chunk(""));
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("hello"));
        client.Send("GET /?kind=fields HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(client.ReadUntil("hello"),
            Does.Contain("\r\nX-A: 1\r\nContent-Type: a/b\r\n").And.Contain("Content-Length: 5\r\n"));
        client.Send("GET /?kind=chunks HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(client.ReadUntil("0\r\n\r\n"), Does.EndWith("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
        client.Send("GET /?status=204 HTTP/1.1\r\nHost: a\r\n\r\nGET /?status=205 HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(client.ReadUntil("\r\n\r\n"), Does.StartWith("HTTP/1.1 204 ").And.Not.Contain("Content-Length"));
        Assert.That(client.ReadUntil("\r\n\r\n"), Does.StartWith("HTTP/1.1 205 ").And.Contain("Content-Length: 0\r\n"));
        client.Send("GET / HTTP/1.0\r\n\r\n");
        Assert.That(client.ReadToEnd(), Does.EndWith("Connection: close\r\nContent-Length: 5\r\n\r\nhello"));
    }

    [Test]
    public async Task FaultOfTheWriterIsAnsweredAndNothingOfTheBodyIsSent()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/json")
                connection.Send(Response.Json(new Item { Fails = true, Name = "a" }, Contract.Default.Item));
            else if (request.Path == "/callback") connection.Send(new Response().WithBody(output =>
            {
                output.Write("half"u8);
                throw new InvalidOperationException("no more");
            }));
            else connection.Send(Response.Json(new Item { Name = "b" }, Contract.Default.Item));
        });
        foreach (string path in new[] { "/json", "/callback" })
        {
            using RawClient client = server.Connect();
            client.Send($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
            Assert.That(client.ReadUntil("\r\n\r\n"), Does.StartWith("HTTP/1.1 500 "));
            using RawClient next = server.Connect();
            Assert.That(next.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("{\"name\":\"b\"}"));
        }
    }

    [Test]
    public async Task WriterThatSendsItselfMixesNothingUp()
    {
        TcpConnection? other = null;
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/wait")
            {
                other = connection;
                return;
            }
            connection.Send(new Response().WithBody(output =>
            {
                output.Write("before "u8);
                other!.Send(Response.Json(new Item { Name = "other" }, Contract.Default.Item));
                output.Write("after"u8);
            }));
        });
        using RawClient waiting = server.Connect();
        waiting.Send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
        await Wait.Until(() => other is not null, "the request");
        using RawClient client = server.Connect();
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("before after"));
        Assert.That(waiting.ReadResponse().Body, Is.EqualTo("{\"name\":\"other\"}"));
    }

    [Test]
    public void TextIsPlainAndIsUtf8()
    {
        var response = Response.Text("h\u00e9", 404);
        Assert.That(response.ToString(), Does.StartWith("HTTP/1.1 404 Not Found\r\n")
            .And.Contain("\r\nContent-Type: text/plain;charset=utf-8\r\n").And.EndWith("Content-Length: 3\r\n\r\nh\u00e9"));
        Assert.That(new Response().WithBody(output => output.Write("a"u8)).RawBody.ToArray(), Is.EqualTo("a"u8.ToArray()));
        Assert.That(new Response().WithBody(output => output.Write("a"u8)).WithBody("b").ToString(), Does.EndWith("\r\n\r\nb"));
    }

    /// <summary>A head that is kept is the same as one that is made each time.</summary>
    [Test]
    public void KeptHeadsAreWhatTheyWouldBe([Values(200, 201, 404, 299, 503)] int status,
        [Values(null, "text/plain", "application/json; charset=\"\u00e9\"")] string? type)
    {
        static string WithoutDate(string text) => text.Remove(text.IndexOf("Date:", StringComparison.Ordinal), 37);
        var kept = new Response(status, null, "body");
        var made = new Response(status, null, "body");
        if (type is not null)
        {
            kept.WithHeader("Content-Type", type);
            made.WithHeader("Content-Type", type);
        }
        string expected = made.WithHeader("X-A", "1").ToString().Replace("X-A: 1\r\n", "", StringComparison.Ordinal);
        for (int i = 0; i < 3; i++) Assert.That(WithoutDate(kept.ToString()), Is.EqualTo(WithoutDate(expected)));
    }

    [Test]
    public async Task RequestSizeIsASettingOfHttpToo()
    {
        await using TestServer server = TestServer.Http(loopType,
            (connection, request) => connection.Send($"{request.BodyLength}"),
            worker => worker.Options.Http.MaxRequestSize = 100);
        const string Head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ";
        int room = 100 - Head.Length - 2 - 4;
        using RawClient fits = server.Connect();
        fits.Send($"{Head}{room}\r\n\r\n{new string('x', room)}");
        Assert.That(fits.ReadResponse().Body, Is.EqualTo($"{room}"));
        using RawClient exceeds = server.Connect();
        exceeds.Send($"{Head}{room + 1}\r\n\r\n");
        Assert.That(exceeds.ReadToEnd(), Does.StartWith("HTTP/1.1 413 ").And.Contain("HttpOptions.MaxRequestSize"));
        Assert.That(() => new HttpOptions { MaxRequestSize = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    internal sealed class Item
    {
        public string Name { get; set; } = "";

        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? More => Fails ? throw new InvalidOperationException("no more") : null;

        [JsonIgnore]
        public bool Fails { get; set; }
    }

    [JsonSerializable(typeof(Item))]
    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    internal sealed partial class Contract : JsonSerializerContext;
}
