using System.Globalization;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>What is refused, too large or too slow: the answer reaches the client before the end.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class HttpLimitTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    private static Fragmentation[] AllFragmentations => Fragmentation.All;

    [TestCase("NONSENSE\r\n\r\n", 400)]
    [TestCase("GET / HTTP/1.1\r\n\r\n", 400)]
    [TestCase("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505)]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400)]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501)]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413)]
    public async Task RefusalReachesTheClientThoughItIsStillSending(string request, int expected)
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("must not come"),
            worker => worker.OnConnect = connection => connection.LingerTimeout = Wait.Limit);
        foreach (Fragmentation fragmentation in AllFragmentations)
        {
            using RawClient client = server.Connect();
            client.Send(request, fragmentation);
            // More than any buffer holds: without draining, the answer would be lost to a reset.
            Task sending = Task.Run(() =>
            {
                for (int i = 0; i < 64; i++) client.Send(new byte[16 * 1024]);
                client.HalfClose();
            });
            string answer = client.ReadToEnd();
            Assert.That(answer, Does.StartWith($"HTTP/1.1 {expected} ").And.Contain("\r\nConnection: close\r\n"));
            Assert.That(answer, Does.Not.Contain("must not come"));
            Wait.For(sending);
        }
    }

    [Test]
    public async Task ClientThatEndedItsSideIsNotWaitedForWithoutEnd()
    {
        var closed = new TaskCompletionSource();
        await using TestServer server = TestServer.Http(loopType, (_, _) => { }, worker =>
        {
            worker.OnConnect = connection => connection.HalfClosedTimeout = TimeSpan.FromMilliseconds(100);
            worker.OnClose = _ => closed.SetResult();
        });
        using RawClient client = server.Connect();
        client.Send(Get).HalfClose();
        Wait.For(closed.Task);
        Assert.That(client.IsAtEnd());
    }

    [Test]
    public async Task PauseIsNoFaultOfTheClient()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/")
            {
                connection.PauseRecv();
                Timer.Delay(1, connection.ResumeRecv);
            }
            connection.Send(request.Path);
        }, worker => worker.Options.Http.KeepAliveTimeout = worker.Options.Http.HeadTimeout = TimeSpan.FromMilliseconds(300));
        using RawClient client = server.Connect();
        client.Send(Get + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(client.ReadResponse().Body, Is.EqualTo("/"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("/next"));
    }

    [Test]
    public async Task EmptyLineBehindARequestIsNoBeginningOfTheNext()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"), worker =>
        {
            worker.Options.Http.HeadTimeout = TimeSpan.FromMilliseconds(100);
            worker.Options.Http.KeepAliveTimeout = TimeSpan.FromMilliseconds(500);
        });
        using RawClient client = server.Connect();
        client.Send(Get + "\r\n");
        Assert.That(client.ReadResponse().Body, Is.EqualTo("ok"));
        Assert.That(client.IsAtEnd(), "the idle connection is closed without a word");
    }

    /// <summary>Whoever meets a limit learns which setting it is.</summary>
    [Test]
    public async Task RefusalNamesTheSettingThatSetsItsLimit()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) => connection.Send(
            $"{request.Get().Count}{request.Cookie().Count}{request.Post().Count}"), worker =>
            {
                worker.OnConnect = connection => connection.MaxPackageSize = 20_000;
                worker.Options.Http.MaxHeaderCount = 5;
                worker.Options.Http.MaxQueryMembers = worker.Options.Http.MaxCookies = worker.Options.Http.MaxFormFields = 1;
                worker.Options.Http.MaxFormFieldsSize = 10;
            });
        const string Post = "POST / HTTP/1.1\r\nHost: a\r\n";
        const string Package = "HttpOptions.MaxRequestSize, TcpConnection.MaxPackageSize";
        foreach ((string request, int status, string setting) in new[]
        {
            ($"GET /{new string('a', 10_000)}", 414, "HttpOptions.MaxRequestLineSize"),
            ($"GET / HTTP/1.1\r\nX: {new string('a', 20_000)}", 431, "HttpOptions.MaxHeadSize"),
            ($"GET / HTTP/1.1\r\n{string.Concat(Enumerable.Repeat("A: b\r\n", 6))}", 431, "HttpOptions.MaxHeaderCount"),
            ($"{Post}Content-Length: 20000\r\n\r\n", 413, Package),
            ($"{Post}Transfer-Encoding: chunked\r\n\r\n4e20\r\n", 413, Package),
            ($"{Post}Transfer-Encoding: chunked\r\n\r\n0\r\n{string.Concat(Enumerable.Repeat("A: b\r\n", 6))}", 431,
                "HttpOptions.MaxHeaderCount"),
            ($"{Post}Transfer-Encoding: chunked\r\n\r\n0\r\nX: {new string('a', 20_000)}", 431, "HttpOptions.MaxHeadSize"),
            ("GET /?a&b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, "HttpOptions.MaxQueryMembers"),
            ("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1; b=2\r\nConnection: close\r\n\r\n", 431, "HttpOptions.MaxCookies"),
            ($"{Post}Connection: close\r\nContent-Length: 3\r\n\r\na&b", 413, "HttpOptions.MaxFormFields"),
            ($"{Post}Connection: close\r\nContent-Length: 13\r\n\r\na=12345678901", 413, "HttpOptions.MaxFormFieldsSize"),
        })
        {
            using RawClient client = server.Connect();
            client.Send(request);
            Assert.That(client.ReadToEnd(), Does.StartWith($"HTTP/1.1 {status} ").And.Contain($"({setting})"), setting);
        }
    }

    /// <summary>The same in each kind of form.</summary>
    [Test]
    public async Task NameOfAFieldTooLongIs413([Values("a={0}", "{0}=1", "{{\"{0}\":1}}",
        "--b\r\nContent-Disposition: form-data; name=\"{0}\"\r\n\r\n1\r\n--b--")] string form)
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) => connection.Send(
            request.Post().Keys.First()), worker => worker.Options.Http.MaxHeadSize = 512);
        string type = form.StartsWith("{{", StringComparison.Ordinal)
            ? "application/json"
            : form[0] == '-' ? "multipart/form-data; boundary=b" : "application/x-www-form-urlencoded";
        foreach ((int length, int status) in new[] { (450, 200), (513, form[0] == 'a' ? 200 : 413) })
        {
            string body = string.Format(CultureInfo.InvariantCulture, form, new string('x', length));
            using RawClient client = server.Connect();
            client.Send($"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: {type}\r\nContent-Length: {body.Length}\r\n"
                + $"Connection: close\r\n\r\n{body}");
            Assert.That(client.ReadToEnd(),
                Does.StartWith($"HTTP/1.1 {status} ").And.Contain(status == 200 ? "" : "(HttpOptions.MaxHeadSize)"), $"{length}");
        }
    }

    [Test]
    public async Task HeadTooLargeIs431()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"), worker =>
        {
            worker.Options.Http.MaxHeadSize = 512;
            // What comes behind the refusal is read, so that it finds no reset.
            worker.OnConnect = connection => connection.LingerTimeout = Wait.Limit;
        });
        foreach (Fragmentation fragmentation in AllFragmentations)
        {
            using RawClient client = server.Connect();
            client.Send($"GET / HTTP/1.1\r\nHost: a\r\nX: {new string('x', 600)}", fragmentation);
            Assert.That(client.ReadToEnd(), Does.StartWith("HTTP/1.1 431 "));
        }
    }

    [Test]
    public async Task MessageTooLargeIs413WhateverItsFraming()
    {
        await using TestServer server =
            TestServer.Http(loopType, (connection, request) => connection.Send($"{request.RawBody.Length}"),
            worker => worker.OnConnect = connection => connection.MaxPackageSize = 1000);
        string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n";
        using (RawClient client = server.Connect())
        {
            client.Send(head + new string('x', 900));
            Assert.That(client.ReadResponse().Body, Is.EqualTo("900"));
        }
        foreach (string request in new[]
        {
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n",
            $"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n{new string('x', 500)}\r\n1f4\r\n",
        })
        {
            using RawClient client = server.Connect();
            client.Send(request);
            Assert.That(client.ReadToEnd(), Does.StartWith("HTTP/1.1 413 "));
        }
    }

    [TestCase("GET / HTTP/1.1\r\nHo", "HTTP/1.1 408 ", "HeadTimeout", TestName = "slow head")]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel", "HTTP/1.1 408 ", "BodyTimeout",
        TestName = "stalled body")]
    [TestCase("", "", "", TestName = "no byte at all")]
    public async Task SlownessIs408(string request, string answer, string setting)
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"), worker =>
        {
            // The request has to have begun by then.
            worker.Options.Http.HeadTimeout = TimeSpan.FromMilliseconds(500);
            worker.Options.Http.BodyTimeout = TimeSpan.FromMilliseconds(500);
        });
        using RawClient client = server.Connect();
        client.Send(request);
        Assert.That(client.ReadToEnd(), Does.StartWith(answer).And.Contain(setting));
    }

    [Test]
    public async Task TrickledHeadIs408ThoughBytesKeepComing()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"), worker =>
            worker.Options.Http.HeadTimeout = TimeSpan.FromMilliseconds(300));
        using RawClient client = server.Connect();
        client.Send("GET / HTTP/1.1\r\nX: ");
        using var stop = new CancellationTokenSource();
        Task trickle = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                client.Send("x");
                await Task.Delay(20);
            }
        });
        Assert.That(client.ReadUntil("\r\n"), Does.StartWith("HTTP/1.1 408 "));
        await stop.CancelAsync();
        Wait.For(trickle);
    }

    [Test]
    public async Task IdleConnectionIsClosedWithoutAWord()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"), worker =>
            worker.Options.Http.KeepAliveTimeout = TimeSpan.FromMilliseconds(100));
        using RawClient client = server.Connect();
        client.Send(Get);
        client.ReadResponse();
        Assert.That(client.IsAtEnd());
    }

    [Test]
    public async Task WaitingForTheApplicationIsNoTimeout()
    {
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => Timer.Delay(0.8, () => connection.Send("late")), worker =>
            {
                worker.Options.Http.HeadTimeout = TimeSpan.FromMilliseconds(300);
                worker.Options.Http.KeepAliveTimeout = TimeSpan.FromMilliseconds(300);
            });
        using RawClient client = server.Connect();
        client.Send(Get);
        Assert.That(client.ReadResponse().Body, Is.EqualTo("late"));
    }

    [Test]
    public async Task LargeAnswersToPipelinedRequestsAreAllGivenThoughTheReaderIsSlow()
    {
        string large = new('x', 300_000);
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send(large), worker =>
            worker.OnConnect = connection => connection.MaxSendBufferSize = 100_000);
        using var client = new RawClient(server.EndPoint, receiveBufferSize: 16 * 1024);
        client.Send(string.Concat(Enumerable.Repeat(Get, 30)));
        for (int i = 0; i < 30; i++) Assert.That(client.ReadResponse().Body, Has.Length.EqualTo(large.Length));
    }
}
