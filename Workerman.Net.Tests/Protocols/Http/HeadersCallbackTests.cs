using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// <c>OnHeaders</c>: what it sees, what it may refuse, and what becomes of the body and of the connection then.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class HeadersCallbackTests(Type loopType)
{
    private const string Get = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";

    private static Fragmentation[] AllFragmentations => Fragmentation.All;

    [Test]
    public async Task SeesTheHeadAndLetsTheBodyCome([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        var seen = new List<string>();
        await using TestServer server = Serve((_, request) =>
        {
            seen.Add($"{request.Method} {request.Path} {request.Header("content-length") ?? "-"} {request.Header("token")} "
                + $"{request.BodyLength} {request.Post().Count}");
        });
        using RawClient client = server.Connect();
        client.Send("POST /a?b HTTP/1.1\r\nHost: a\r\nToken: t\r\nContent-Length: 3\r\n\r\na=1" + Get
            + "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=2\r\n0\r\n\r\n", fragmentation);
        string[] bodies = [client.ReadResponse().Body, client.ReadResponse().Body, client.ReadResponse().Body];
        Assert.That(bodies, Is.EqualTo(new[] { "POST 3 a=1 1 3", "GET 0  - -", "PUT 3 a=2 2 3" }));
        Assert.That(seen, Is.EqualTo(new[] { "POST /a 3 t 0 0", "PUT /c -  0 0" }),
            "a request without a body is not asked about");
    }

    [Test]
    public async Task RefusedBodyIsSkippedAndTheConnectionLivesOn(
        [ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        await using TestServer server = Serve(Refuse);
        using RawClient client = server.Connect();
        string body = new('x', 2000);
        client.Send($"POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n{body}" + Get, fragmentation);
        (int status, string head, string text) = client.ReadResponse();
        Assert.That((status, text), Is.EqualTo((403, "not you")));
        Assert.That(head, Does.Not.Contain("Connection: close"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("GET 0  - -"));
    }

    [TestCase("Content-Length: 262144", true)]
    [TestCase("Content-Length: 262145", false)]
    [TestCase("Transfer-Encoding: chunked", false)]
    [TestCase("Expect: 100-continue\r\nContent-Length: 3", false)]
    public async Task BodyThatIsNotSkippedEndsTheConnection(string fields, bool isSkipped)
    {
        await using TestServer server = Serve(Refuse);
        using RawClient client = server.Connect();
        client.Send($"POST /refused HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
        (int status, string head, _) = client.ReadResponse();
        Assert.That(status, Is.EqualTo(403));
        Assert.That(head.Contains("\r\nConnection: close\r\n", StringComparison.Ordinal), Is.EqualTo(!isSkipped));
        if (!isSkipped) Assert.That(client.IsAtEnd(), "no 100 Continue either");
        else Assert.That(client.Send(new string('x', 262144) + Get).ReadResponse().Body, Is.EqualTo("GET 0  - -"));
    }

    [Test]
    public async Task ContinueIsSentWhenTheBodyIsWanted()
    {
        await using TestServer server = Serve(Refuse);
        using RawClient client = server.Connect();
        client.Send("POST /wanted HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
        Assert.That(client.ReadUntil("\r\n\r\n"), Is.EqualTo("HTTP/1.1 100 Continue\r\n\r\n"));
        Assert.That(client.Send("a=1").ReadResponse().Body, Is.EqualTo("POST 3 a=1 1 3"));
        Assert.That(client.Send(Get).ReadResponse().Status, Is.EqualTo(200));
    }

    [Test]
    public async Task ExceptionIsAnswered()
    {
        await using TestServer server = Serve((_, request) =>
            throw (request.Path == "/mistake"
                ? new BadRequestException(413, "too much")
                : new InvalidOperationException("broken")));
        using RawClient client = server.Connect();
        (int status, _, string body) = client.Send(Post("/mistake")).ReadResponse();
        Assert.That((status, body), Is.EqualTo((413, "413 Content Too Large: too much\n")));
        Assert.That(client.Send(Post("/broken")).ReadResponse().Status, Is.EqualTo(500));
        Assert.That(client.Send(Get).ReadResponse().Status, Is.EqualTo(200));
    }

    [Test]
    public async Task ConnectionMayBeClosed()
    {
        await using TestServer server = Serve((connection, _) => connection.Close());
        using RawClient client = server.Connect();
        client.Send(Post("/"));
        Assert.That(client.ReadToEnd(), Is.Empty);
    }

    [Test]
    public async Task AnswerMayComeInChunks()
    {
        await using TestServer server = Serve((connection, _) =>
        {
            connection.Send(new Response(403).WithHeader("Transfer-Encoding", "chunked"));
            connection.Send(new Chunk("not "));
            connection.Send(new Chunk("you"));
            connection.Send(new Chunk(""));
        });
        using RawClient client = server.Connect();
        client.Send(Post("/") + Get);
        Assert.That(client.ReadUntil("0\r\n\r\n"), Does.StartWith("HTTP/1.1 403 ").And.EndWith("not \r\n3\r\nyou\r\n0\r\n\r\n"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("GET 0  - -"));
    }

    [Test]
    public async Task AnswerIsOfTheRightRequest()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            if (request.Path == "/head") connection.Send(new Response(403, null, "unseen"));
        });
        using RawClient client = server.Connect();
        client.Send("HEAD /head HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + Post("/wanted"));
        Assert.That(client.ReadResponse(headOnly: true).Status, Is.EqualTo(403));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("POST 3 a=1 1 3"));
    }

    [Test]
    public async Task NothingIsKeptOfARefusedBody()
    {
        var worker = new Worker("http://127.0.0.1:0")
        {
            Name = "test",
            OnHeaders = Refuse,
            OnMessage = (connection, _) => connection.Send("ok"),
        };
        worker.Options.Http.MaxBodyMemory = 0;
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        Assert.That(client.Send(Post("/refused")).ReadResponse().Status, Is.EqualTo(503), "there is no room for any body");
        worker.Options.Http.MaxBodyMemory = 3;
        using RawClient another = server.Connect();
        Assert.That(another.Send(Post("/refused")).ReadResponse().Status, Is.EqualTo(403));
        Assert.That(worker.Options.Http.Bodies.Memory, Is.Zero);
    }

    [Test]
    public void AsyncVoidIsRefused() => Assert.That(
        Assert.Throws<ArgumentException>(() => _ = new Worker { OnHeaders = async (_, _) => await Task.Yield() })!.Message,
        Does.Contain("OnHeaders is async"));

    private static string Post(string path) => $"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=1";

    private static void Refuse(TcpConnection connection, Request request)
    {
        if (request.Path == "/refused") connection.Send(new Response(403, null, "not you"));
    }

    private TestServer Serve(Action<TcpConnection, Request> onHeaders) => TestServer.Http(
        loopType,
        (connection, request) => connection.Send($"{request.Method} {request.BodyLength} {request.Body} "
            + (request.BodyLength == 0 ? "- -" : $"{request.Post("a")} {request.Header("content-length")}")),
        worker => worker.OnHeaders = onHeaders);
}
