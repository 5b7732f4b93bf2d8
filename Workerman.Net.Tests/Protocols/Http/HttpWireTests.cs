using System.Net;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>HTTP as it goes over the wire: every exchange whole, byte by byte and cut at random places.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class HttpWireTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    private static Fragmentation[] AllFragmentations => Fragmentation.All;

    [Test]
    public async Task TextIsA200WithLengthDateAndType([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("h\u00e9llo"));
        using RawClient client = server.Connect();
        client.Send(Get, fragmentation);
        (int status, string head, string body) = client.ReadResponse();
        Assert.That((status, body), Is.EqualTo((200, "h\u00c3\u00a9llo")));
        Assert.That(head, Does.StartWith("HTTP/1.1 200 OK\r\n")
            .And.Contain("\r\nContent-Type: text/html;charset=utf-8\r\n").And.Contain("\r\nContent-Length: 6\r\n")
            .And.Contain("\r\nConnection: keep-alive\r\n"));
        string date = head.Split("\r\n").Single(line => line.StartsWith("Date: ", StringComparison.Ordinal))[6..];
        Assert.That(DateTime.UtcNow - DateTime.ParseExact(date, "R", null),
            Is.LessThan(TimeSpan.FromSeconds(5)).And.GreaterThan(TimeSpan.FromSeconds(-2)));
    }

    [Test]
    public async Task BodiesArriveWhole([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        await using TestServer server =
            TestServer.Http(loopType, (connection, request) => connection.Send($"{request.Method} {request.Body}"));
        using RawClient client = server.Connect();
        client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
            + "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwor\r\n2;x\r\nld\r\n0\r\nT: u\r\n\r\n" + Get,
            fragmentation);
        Assert.That(client.ReadResponse().Body, Is.EqualTo("POST hello"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("PUT world"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("GET "));
    }

    [Test]
    public async Task PipelinedRequestsAreAnsweredInOrderThoughTheFirstIsSlowest(
        [ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        var worker = new Worker("http://127.0.0.1:0")
        {
            OnMessageAsync = async (connection, request) =>
            {
                switch (request.Path)
                {
                    case "/timer":
                        Timer.Delay(0.03, () => connection.Send("timer"));
                        break;
                    case "/await":
                        await Timer.Sleep(0.02);
                        connection.Send("await");
                        break;
                    case "/thread":
                        await Task.Run(() => Thread.Yield()).ConfigureAwait(false);
                        connection.Send("thread");
                        break;
                    default:
                        connection.Send("now");
                        break;
                }
            },
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        string[] order = ["timer", "await", "now", "thread", "now", "timer", "thread"];
        client.Send(string.Concat(order.Select(path => $"GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n")), fragmentation);
        Assert.That(order.Select(_ => client.ReadResponse().Body), Is.EqualTo(order));
    }

    [Test]
    public async Task OptionsWithAnAsteriskIsAnswerable()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
            connection.Send(
                new Response(request is { Method: "OPTIONS", Path: "*" } ? 204 : 400, new() { ["Allow"] = "GET, HEAD" })));
        using RawClient client = server.Connect();
        client.Send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Fragmentation.ByteByByte);
        Assert.That(client.ReadResponse(headOnly: true).Head,
            Does.StartWith("HTTP/1.1 204 No Content\r\n").And.Contain("\r\nAllow: GET, HEAD\r\n"));
    }

    [TestCase("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "close", false)]
    [TestCase("GET / HTTP/1.0\r\n\r\n", "close", false)]
    [TestCase("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive", true)]
    [TestCase("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "keep-alive", true)]
    public async Task ConnectionGoesOnOrEndsAsAsked(string request, string connectionField, bool goesOn)
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"));
        using RawClient client = server.Connect();
        // A second request right behind: it must not be answered on a connection that ends.
        client.Send(request + Get);
        (_, string head, string body) = client.ReadResponse();
        Assert.That((head.Contains($"\r\nConnection: {connectionField}\r\n"), body), Is.EqualTo((true, "ok")));
        if (goesOn) Assert.That(client.ReadResponse().Body, Is.EqualTo("ok"));
        else Assert.That(client.IsAtEnd());
    }

    [Test]
    public async Task ApplicationMayEndTheConnection()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/header") connection.Send(new Response(200, new() { ["Connection"] = "close" }, "a"));
            else if (request.Path == "/close") connection.Close("b");
            else connection.End(new Response(200, null, "c"));
        });
        foreach ((string path, string body) in new[] { ("/header", "a"), ("/close", "b"), ("/end", "c") })
        {
            using RawClient client = server.Connect();
            client.Send($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
            (_, string head, string read) = client.ReadResponse();
            Assert.That(read, Is.EqualTo(body));
            Assert.That(head, Does.Contain("\r\nConnection: close\r\n").And.Not.Contain("keep-alive"));
            Assert.That(client.IsAtEnd(), path);
        }
    }

    [Test]
    public async Task HeadHasTheHeadOfGetWithoutABody()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/response") connection.Send(new Response(200, null, "hello"));
            else connection.Send("hello");
        });
        using RawClient client = server.Connect();
        foreach (string path in new[] { "/", "/response" })
        {
            client.Send($"HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n");
            Assert.That(client.ReadResponse(headOnly: true).Head, Does.Contain("\r\nContent-Length: 5\r\n"));
        }
        client.Send(Get);
        Assert.That(client.ReadResponse().Body, Is.EqualTo("hello"));
    }

    [TestCase(204)]
    [TestCase(304)]
    public async Task StatusesWithoutABodyHaveNeitherLengthNorBody(int status)
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
            connection.Send(request.Path == "/" ? new Response(200, null, "next") : new Response(status, null, "never sent")));
        using RawClient client = server.Connect();
        client.Send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n" + Get);
        (int read, string head, _) = client.ReadResponse(headOnly: true);
        Assert.That(read, Is.EqualTo(status));
        Assert.That(head, Does.Not.Contain("Content-Length").And.Not.Contain("Content-Type"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("next"));
    }

    [Test]
    public async Task InterimAnswerIsFollowedByTheFinalOne()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.Send(new Response(103, new() { ["Link"] = "</a.css>; rel=preload" }));
            connection.Send("final");
        });
        using RawClient client = server.Connect();
        client.Send(Get);
        Assert.That(client.ReadUntil("\r\n\r\n"), Is.EqualTo("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("final"));
        using RawClient old = server.Connect();
        old.Send("GET / HTTP/1.0\r\n\r\n");
        Assert.That(old.ReadResponse().Status, Is.EqualTo(200), "HTTP/1.0 knows no interim answers");
    }

    [Test]
    public async Task ApplicationCannotContradictTheFraming()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send(
            new Response(200, new() { ["Content-Length"] = "999", ["Transfer-Encoding"] = "gzip, chunked" }, "four")));
        using RawClient client = server.Connect();
        client.Send(Get + Get);
        for (int i = 0; i < 2; i++)
        {
            (_, string head, string body) = client.ReadResponse();
            Assert.That((head.Contains("Transfer-Encoding"), body), Is.EqualTo((false, "four")));
        }
    }

    [Test]
    public async Task FaultOfAHandlerIsA500AndTheConnectionGoesOn()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/") connection.Send("fine");
            else throw new InvalidOperationException("boom");
        });
        using RawClient client = server.Connect();
        client.Send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n" + Get);
        (int status, _, string body) = client.ReadResponse();
        Assert.That(status, Is.EqualTo(500));
        Assert.That(body, Does.Not.Contain("boom"), "what failed is not the client's business");
        Assert.That(client.ReadResponse().Body, Is.EqualTo("fine"));
        Assert.That(server.Log.Text, Does.Contain("boom").And.Contain("for connection"));
    }

    [Test]
    public async Task FaultAfterAnAwaitIsA500()
    {
        var worker = new Worker("http://127.0.0.1:0")
        {
            OnMessageAsync = async (_, _) =>
            {
                await Timer.Sleep(0.01);
                throw new InvalidOperationException("later boom");
            },
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        client.Send(Get);
        Assert.That(client.ReadResponse().Status, Is.EqualTo(500));
        Assert.That(server.Log.Text, Does.Contain("later boom"));
    }

    [Test]
    public async Task LateFaultIsNoAnswerToTheNextRequest()
    {
        var failed = new TaskCompletionSource();
        var worker = new Worker("http://127.0.0.1:0")
        {
            OnMessageAsync = async (connection, request) =>
            {
                if (request.Path == "/next")
                {
                    await failed.Task;
                    await Timer.Sleep(0.02);
                    connection.Send("its own answer");
                    return;
                }
                connection.Send("answered");
                await Timer.Sleep(0.02);
                failed.SetResult();
                throw new BadRequestException("of the first request");
            },
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        client.Send(Get + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(client.ReadResponse().Body, Is.EqualTo("answered"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("its own answer"));
    }

    [TestCase("HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n", 400)]
    [TestCase("HEAD / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417)]
    [TestCase("HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx", 400)]
    public async Task RefusalOfHeadHasNoBody(string request, int status)
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("never"));
        foreach (Fragmentation fragmentation in AllFragmentations)
        {
            using RawClient client = server.Connect();
            client.Send(request, fragmentation);
            Assert.That(client.ReadToEnd(), Does.StartWith($"HTTP/1.1 {status} ").And.EndWith("\r\n\r\n"), $"{fragmentation}");
        }
    }

    [Test]
    public async Task YesToConnectBeginsATunnel([Values] bool raw)
    {
        TcpConnection? tunnel = null;
        var open = new TaskCompletionSource();
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            Assert.That(request.Method, Is.EqualTo("CONNECT"), "nothing within the tunnel is a request");
            if (raw) connection.SendRaw("HTTP/1.1 200 OK\r\n\r\n");
            else connection.Send(new Response(200, null, "no body"));
            tunnel = connection;
            open.SetResult();
        }, worker => worker.Options.Http.AllowConnect = true);
        using RawClient client = server.Connect();
        client.Send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n" + Get);
        Assert.That(client.ReadUntil("\r\n\r\n"),
            Does.StartWith("HTTP/1.1 200 OK\r\n").And.Not.Contain("Content-Length").And.Not.Contain("Transfer-Encoding"));
        Wait.For(open.Task);
        tunnel!.Pipe(tunnel);
        Assert.That(client.ReadExactly(Get.Length), Is.EqualTo(Get),
            "what came with the request waits for whoever takes the tunnel");
    }

    [Test]
    public async Task FaultAfterTheAnswerIsOnlyReported()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.Send("answered");
            throw new InvalidOperationException("too late");
        });
        using RawClient client = server.Connect();
        client.Send(Get + Get);
        Assert.That(client.ReadResponse().Body, Is.EqualTo("answered"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("answered"));
        Assert.That(server.Log.Text, Does.Contain("too late"));
    }

    [Test]
    public async Task FaultOfASendThatWasHandedOverIsA500()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            request.Session.Set("new", true);
            Task.Run(() => connection.SendRaw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        }, worker => worker.Options.Http.Session.Handler = new Workerman.Protocols.Http.Sessions.MemorySessionHandler());
        using RawClient client = server.Connect();
        client.Send(Get + Get);
        Assert.That(client.ReadResponse().Status, Is.EqualTo(500));
        Assert.That(client.ReadResponse().Status, Is.EqualTo(500));
        Assert.That(server.Log.Text, Does.Contain("which SendRaw cannot do").And.Contain("for connection"));
    }

    [Test]
    public async Task WorkerWithoutAHandlerAnswers500AndSaysWhy()
    {
        await using TestServer server = TestServer.Start(loopType, new Worker("http://127.0.0.1:0"));
        using RawClient client = server.Connect();
        client.Send(Get);
        Assert.That(client.ReadResponse().Status, Is.EqualTo(500));
        Assert.That(server.Log.Text, Does.Contain("has no OnMessage"));
    }

    [Test]
    public async Task SecondAnswerToOneRequestIsDroppedAndTold()
    {
        var results = new List<SendResult>();
        string error = "";
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.Send("first");
            results.Add(connection.Send("second"));
        }, worker => worker.OnError = (_, kind, reason) => error = $"{kind} {reason}");
        using RawClient client = server.Connect();
        client.Send(Get + Get);
        Assert.That(client.ReadResponse().Body, Is.EqualTo("first"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("first"));
        Assert.That(results, Is.EqualTo(new[] { SendResult.Dropped, SendResult.Dropped }));
        Assert.That(error, Does.StartWith("SendFail ").And.Contain("has had one already"));
    }

    [Test]
    public async Task RawAnswerCountsAsTheAnswer()
    {
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.SendRaw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nraw"));
        using RawClient client = server.Connect();
        client.Send(Get + Get);
        Assert.That(client.ReadResponse().Body, Is.EqualTo("raw"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("raw"));
    }

    [TestCase("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")]
    [TestCase("GET / HTTP/1.0\r\n\r\n")]
    public async Task RawAnswerInPartsIsNotCutOff(string request)
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.SendRaw("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
            Timer.Delay(0.01, () => connection.SendRaw("abc"));
            Timer.Delay(0.02, () => connection.Close("def", raw: true));
        });
        using RawClient client = server.Connect();
        client.Send(request);
        Assert.That(client.ReadToEnd(), Does.EndWith("\r\n\r\nabcdef"));
    }

    [Test]
    public async Task RequestIsTheApplicationsToKeep()
    {
        var kept = new List<Request>();
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            kept.Add(request);
            connection.Send("ok");
        });
        using RawClient client = server.Connect();
        for (int i = 0; i < 20; i++)
            client.Send($"POST /{i}?q={i} HTTP/1.1\r\nHost: a\r\nX: {i}\r\nContent-Length: 2\r\n\r\n{i:00}").ReadResponse();
        for (int i = 0; i < 20; i++)
            Assert.That((kept[i].Path, kept[i].Get("q"), kept[i].Header("x"), kept[i].Body),
                Is.EqualTo(($"/{i}", $"{i}", $"{i}", $"{i:00}")));
    }

    [Test]
    public async Task HttpClientAgrees()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
            connection.Send(new Response(201, new() { ["X-Method"] = request.Method }, request.Body)));
        using var client = new HttpClient { BaseAddress = server.Uri };
        for (int i = 0; i < 20; i++)
        {
            using var request =
                new HttpRequestMessage(HttpMethod.Post, "/path") { Content = new StringContent(new string('x', i * 1000)) };
            if (i % 2 == 0) request.Headers.TransferEncodingChunked = true;
            using HttpResponseMessage response = await client.SendAsync(request);
            Assert.That((response.StatusCode, response.Headers.GetValues("X-Method").Single()),
                Is.EqualTo((HttpStatusCode.Created, "POST")));
            Assert.That((await response.Content.ReadAsStringAsync()).Length, Is.EqualTo(i * 1000));
        }
        Assert.That(server.Main.Connections, Has.Count.EqualTo(1), "one connection serves them all");
    }
}
