using System.Net;
using System.Net.Http.Json;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>Bodies as they come from real clients, and what becomes of their temporary files.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class UploadTests(Type loopType)
{
    private const string FormHead = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n";
    private const string FilePart = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n";

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory().FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task HttpClientUploadsFilesAndFields([Values] bool chunked)
    {
        string kept = Path.Combine(_folder, "kept");
        await using TestServer server = Start((connection, request) =>
        {
            UploadedFile avatar = request.File("avatar")!;
            avatar.MoveTo(kept);
            connection.Send(
                $"{request.Post("name")} {avatar.Name} {avatar.ContentType} {avatar.Size} {request.FileValues("files[]").Count}");
        });
        byte[] content = new byte[300_000];
        new Random(1).NextBytes(content);
        using var client = new HttpClient();
        using var form = new MultipartFormDataContent { { new StringContent("J\u00e9rry"), "name" } };
        using var avatar = new ByteArrayContent(content);
        avatar.Headers.ContentType = new("image/png");
        form.Add(avatar, "avatar", "me \u00e9.png");
        form.Add(new ByteArrayContent([1]), "files[]", "a");
        form.Add(new ByteArrayContent([]), "files[]", "b");
        using var request = new HttpRequestMessage(HttpMethod.Post, server.Uri) { Content = form };
        request.Headers.TransferEncodingChunked = chunked;
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("J\u00e9rry me \u00e9.png image/png 300000 2"));
        Assert.That(await File.ReadAllBytesAsync(kept), Is.EqualTo(content));
        await Wait.Until(() => Directory.GetFiles(_folder).Length == 1, "all but the moved file vanish");
    }

    [Test]
    public async Task CurlUploadsAFile()
    {
        string source = Path.Combine(_folder, "source.txt");
        await File.WriteAllTextAsync(source, new string('x', 200_000));
        await using TestServer server = Start((connection, request) =>
        {
            if (request.Method == "PUT")
            {
                using Stream body = request.OpenBody();
                connection.Send($"{body.Length}");
                return;
            }
            UploadedFile file = request.File("file")!;
            connection.Send($"{file.Name} {file.Size} {File.ReadAllText(file.TmpName).Length} {request.Post("a")}");
        });
        string answer = await Curl.RunAsync("-sS", "-F", "a=1", "-F", $"file=@{source}", server.Uri.ToString());
        Assert.That(answer, Is.EqualTo("source.txt 200000 200000 1"));
        answer = await Curl.RunAsync("-sS", "-T", source, "-H", "Expect: 100-continue", server.Uri.ToString());
        Assert.That(answer, Is.EqualTo("200000"));
    }

    [Test]
    public async Task TemporaryFileIsThereUntilALateAnswerAndGoneAfterIt()
    {
        TcpConnection? waiting = null;
        UploadedFile? file = null;
        var arrived = new TaskCompletionSource();
        await using TestServer server = Start((connection, request) =>
        {
            waiting = connection;
            file = request.File("f");
            arrived.SetResult();
        });
        using RawClient client = server.Connect();
        client.Send($"{FormHead}Content-Length: {FilePart.Length + 2007}\r\n\r\n{FilePart}{new string('x', 2000)}\r\n--b--");
        Wait.For(arrived.Task);
        string path = file!.TmpName;
        Assert.That(File.ReadAllText(path), Has.Length.EqualTo(2000));
        waiting!.Send("done");
        Assert.That(client.ReadResponse().Body, Is.EqualTo("done"));
        await Wait.Until(() => !File.Exists(path), "the file vanishes with the answer");
        Assert.Throws<InvalidOperationException>(() => file.MoveTo(Path.Combine(_folder, "late")));
    }

    [Test]
    public async Task FormThatIsFirstReadAfterTheAnswerLeavesNoFileBehind()
    {
        var thrown = new TaskCompletionSource<Exception?>();
        await using TestServer server = Start((connection, request) =>
        {
            connection.Send("ok");
            try
            {
                _ = request.File("f")!.TmpName;
                thrown.SetResult(null);
            }
            catch (Exception e)
            {
                thrown.SetResult(e);
            }
        });
        using RawClient client = server.Connect();
        client.Send($"{FormHead}Content-Length: {FilePart.Length + 11}\r\n\r\n{FilePart}zzzz\r\n--b--");
        Assert.That(client.ReadResponse().Body, Is.EqualTo("ok"));
        Assert.That(Wait.For(thrown.Task), Is.InstanceOf<InvalidOperationException>());
        Assert.That(Directory.GetFiles(_folder), Is.Empty);
    }

    [Test]
    public async Task SmallMultipartBodyIsThereAsItCameHoweverItIsFramed()
    {
        await using TestServer server =
            Start((connection, request) => connection.Send($"{request.Body.Length} {request.Post("a")}"));
        using RawClient client = server.Connect();
        const string Body = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b--";
        client.Send($"{FormHead}Transfer-Encoding: chunked\r\n\r\n{Body.Length:x}\r\n{Body}\r\n0\r\n\r\n",
            Fragmentation.ByteByByte);
        Assert.That(client.ReadResponse().Body, Is.EqualTo($"{Body.Length} 1"));
    }

    [TestCase(false, TestName = "the client breaks off")]
    [TestCase(true, TestName = "the client resets")]
    public async Task TemporaryFilesVanishWithTheClient(bool reset)
    {
        await using TestServer server = Start((connection, _) => connection.Send("never"));
        using RawClient client = server.Connect();
        client.Send($"{FormHead}Content-Length: 100000\r\n\r\n{FilePart}{new string('x', 5000)}");
        await Wait.Until(() => Directory.GetFiles(_folder).Length == 1, "the part goes to a file");
        if (reset) client.Reset();
        else client.Socket.Close();
        await Wait.Until(() => Directory.GetFiles(_folder).Length == 0, "the file vanishes with the client");
    }

    [Test]
    public async Task TemporaryFilesVanishWhenTheRestOfTheBodyIsRefused()
    {
        await using TestServer server = Start((connection, _) => connection.Send("never"));
        using RawClient client = server.Connect();
        client.Send(
            $"{FormHead}Transfer-Encoding: chunked\r\n\r\n1388\r\n{FilePart}{new string('x', 5000 - FilePart.Length)}\r\n");
        await Wait.Until(() => Directory.GetFiles(_folder).Length == 1, "the part goes to a file");
        client.Send("nonsense");
        Assert.That(client.ReadToEnd(), Does.StartWith("HTTP/1.1 400 "));
        await Wait.Until(() => Directory.GetFiles(_folder).Length == 0, "the file vanishes with the connection");
    }

    [Test]
    public async Task MalformedBodyIs400AndTheConnectionGoesOn()
    {
        await using TestServer server = Start((connection, request) => connection.Send(request.Post("a") ?? "nothing"));
        using RawClient client = server.Connect();
        client.Send($"{FormHead}Content-Length: 3\r\n\r\n--x"
            + "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{"
            + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=1");
        Assert.That(client.ReadResponse() is (400, _, "400 Bad Request: malformed multipart body: it breaks off\n"));
        Assert.That(client.ReadResponse() is (400, _, "400 Bad Request: malformed JSON body\n"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("1"));
        Assert.That(server.Log.Text, Does.Contain("malformed JSON body").And.Not.Contain("[Error]"),
            "the client's mistake is no error of ours");
    }

    [Test]
    public async Task ApplicationMayAnswerAMalformedBodyItself()
    {
        await using TestServer server = Start((connection, request) =>
        {
            try
            {
                connection.Send(request.Post("a") ?? "");
            }
            catch (BadRequestException e)
            {
                connection.Send(new Response(e.StatusCode, null, "mine"));
            }
        });
        using var client = new HttpClient();
        using HttpResponseMessage response =
            await client.PostAsync(server.Uri, new StringContent("{", Encoding.UTF8, "application/json"));
        Assert.That((response.StatusCode, await response.Content.ReadAsStringAsync()),
            Is.EqualTo((HttpStatusCode.BadRequest, "mine")));
    }

    [Test]
    public async Task ContinueIsSentOnceWhenTheClientWaitsForIt()
    {
        await using TestServer server = Start((connection, request) => connection.Send(request.Body));
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using RawClient client = server.Connect();
            client.Send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", fragmentation);
            Assert.That(client.ReadUntil("\r\n\r\n"), Is.EqualTo("HTTP/1.1 100 Continue\r\n\r\n"));
            client.Send("h");
            client.Send("i");
            Assert.That(client.ReadResponse() is (200, _, "hi"), "and no second 100");
            client.Send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nTransfer-Encoding: chunked\r\n\r\n",
                fragmentation);
            Assert.That(client.ReadUntil("\r\n\r\n"), Is.EqualTo("HTTP/1.1 100 Continue\r\n\r\n"));
            client.Send("1\r\nx\r\n0\r\n\r\n", fragmentation);
            Assert.That(client.ReadResponse() is (200, _, "x"));
        }
    }

    [Test]
    public async Task ContinueIsNotSentWhereNobodyWaits()
    {
        await using TestServer server = Start((connection, request) => connection.Send(request.Body),
            worker => worker.OnConnect = c => c.MaxPackageSize = 1000);
        using RawClient client = server.Connect();
        client.Send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
        Assert.That(client.ReadResponse() is (200, _, "hi"), "the body came along");
        client.Send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n");
        Assert.That(client.ReadResponse() is (200, _, ""), "no body");
        client.Send("POST / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
        client.Send("hi");
        Assert.That(client.ReadResponse() is (200, _, "hi"), "HTTP/1.0 knows no 100");
        client.Send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n");
        Assert.That(client.ReadToEnd(), Does.StartWith("HTTP/1.1 413 "), "the answer is known already");
    }

    [Test]
    public async Task HttpClientWaitsForContinue()
    {
        await using TestServer server = Start((connection, request) => connection.Send($"{request.BodyLength}"));
        using var client = new HttpClient(new SocketsHttpHandler { Expect100ContinueTimeout = Wait.Limit });
        using var request =
            new HttpRequestMessage(HttpMethod.Post, server.Uri) { Content = new ByteArrayContent(new byte[100_000]) };
        request.Headers.ExpectContinue = true;
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("100000"));
    }

    [Test]
    public async Task TrailersReachTheApplication()
    {
        await using TestServer server = Start((connection, request) =>
            connection.Send(
                $"{request.Trailers.GetValueOrDefault("digest")}|{request.Header("digest")}|{request.Trailers.Count}"));
        using RawClient client = server.Connect();
        client.Send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nDigest: abc\r\n\r\n",
            Fragmentation.ByteByByte);
        Assert.That(client.ReadResponse().Body, Is.EqualTo("abc||1"));
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(client.ReadResponse().Body, Is.EqualTo("||0"));
    }

    [Test]
    public async Task JsonFromHttpClient()
    {
        await using TestServer server =
            Start((connection, request) => connection.Send($"{request.Post("name")} {request.Post("age")}"));
        using var client = new HttpClient();
        using HttpResponseMessage response = await client.PostAsJsonAsync(server.Uri, new { name = "tom", age = 12 });
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("tom 12"));
    }

    private TestServer Start(Action<TcpConnection, Request> onMessage, Action<Worker>? setUp = null) =>
        TestServer.Http(loopType, onMessage, worker =>
        {
            worker.Options.Http.UploadFolder = _folder;
            worker.Options.Http.BodyMemoryThreshold = 1000;
            worker.Options.Http.FileMemoryThreshold = 100;
            setUp?.Invoke(worker);
        });
}
