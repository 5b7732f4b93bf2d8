using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// A file that was opened to see how a request is answered, and files of every size behind one another: what is sent of them, and
/// that none stays open.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class KeptFileTests(Type loopType)
{
    private static readonly int[] Sizes = [0, 1, 16 * 1024, 16 * 1024 + 1, 300_000, 512 * 1024, 512 * 1024 + 1, 2_000_000];

    private TemporaryFolder _folder = null!;

    private static Fragmentation[] AllFragmentations => Fragmentation.All;

    [SetUp]
    public void MakeFolder()
    {
        _folder = new TemporaryFolder();
        foreach (int size in Sizes) _folder.Write($"{size}", Content(size));
        _folder.Write("a.txt", "a file");
    }

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public async Task FilesOfEverySizeFollowOneAnother([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        await using TestServer server = Serve((connection, _, response) => connection.Send(response));
        using RawClient client = server.Connect();
        int[] order = [.. Sizes, .. Sizes.Reverse(), 1, 1, 300_000, 300_000, 1];
        var sending = Task.Run(() => client.Send(string.Concat(order.Select(size => Get($"/{size}"))), fragmentation));
        foreach (int size in order)
        {
            (int status, _, string body) = client.ReadResponse();
            Assert.That((status, body.Length, body == Content(size)), Is.EqualTo((200, size, true)));
        }
        await sending;
    }

    [Test]
    public async Task AnyThreadMayServeAndSend()
    {
        await using TestServer server = Serve((connection, request, _) =>
            Task.Run(() => connection.Send(new StaticFiles(_folder.Path).Serve(request))));
        using RawClient client = server.Connect();
        foreach (int size in Sizes) Assert.That(client.Send(Get($"/{size}")).ReadResponse().Body, Is.EqualTo(Content(size)));
        await NoneIsOpen();
    }

    [Test]
    public async Task WhatIsServedLaterIsTheFileAsItIsThen()
    {
        await using TestServer server = Serve((connection, _, response) => Timer.Delay(0.02, () =>
        {
            File.WriteAllText(_folder.PathOf("a.txt"), "b");
            connection.Send(response);
        }));
        using RawClient client = server.Connect();
        (_, string head, string body) = client.Send(Get("/a.txt")).ReadResponse();
        Assert.That(body, Is.EqualTo("b"));
        Assert.That(head, Does.Contain("\r\nContent-Length: 1\r\n").And.Contain("-1\"\r\n"), "and so is its tag");
    }

    [Test]
    public async Task FileThatIsNotSentIsClosedWithTheAnswer(
        [Values("other", "twice", "bytes", "chunks", "stream", "fault", "head")] string how)
    {
        await using TestServer server = Serve((connection, request, response) =>
        {
            switch (how)
            {
                case "other": connection.Send(new Response(404, null, "none")); break;
                case "twice": connection.Send(new StaticFiles(_folder.Path).Serve(request)); break;
                case "bytes": connection.Send("bytes"); break;
                case "chunks":
                    connection.Send(new Response().WithHeader("Transfer-Encoding", "chunked"));
                    connection.Send(new Chunk(""));
                    break;
                case "stream": connection.Send(new Response().WithHeader("Content-Type", "text/event-stream")); break;
                case "fault": throw new InvalidOperationException("as asked for");
                default: connection.Send(response); break;
            }
        });
        using RawClient client = server.Connect();
        string get = Get("/a.txt");
        client.Send(how == "head" ? get.Replace("GET", "HEAD", StringComparison.Ordinal) : get).ReadUntil("\r\n\r\n");
        await NoneIsOpen();
    }

    [Test]
    public async Task FileOfARequestThatIsNeverAnsweredIsClosedWithItsConnection()
    {
        var served = new TaskCompletionSource();
        await using TestServer server = Serve((_, _, _) => served.TrySetResult());
        using (RawClient client = server.Connect())
        {
            client.Send(Get("/a.txt"));
            await served.Task.WaitAsync(Wait.Limit);
            client.Reset();
        }
        await NoneIsOpen();
    }

    [Test]
    public async Task ResponseThatIsSentTwiceIsTheFileTwice()
    {
        Response? kept = null;
        await using TestServer server = Serve((connection, _, response) => connection.Send(kept ??= response));
        using RawClient client = server.Connect();
        for (int i = 0; i < 3; i++) Assert.That(client.Send(Get("/a.txt")).ReadResponse().Body, Is.EqualTo("a file"));
        await NoneIsOpen();
    }

    [Test]
    public async Task ConnectionThatIsClosedBehindAFileSendsAllOfIt([Values(1, 300_000, 2_000_000)] int size)
    {
        await using TestServer server = Serve((connection, _, response) => connection.Close(response));
        using RawClient client = server.Connect();
        Assert.That(client.Send(Get($"/{size}")).ReadToEnd(), Does.EndWith("\r\n\r\n" + Content(size)));
    }

    private static string Content(int size) => string.Create(size, size, (text, seed) =>
    {
        for (int i = 0; i < text.Length; i++) text[i] = (char)('a' + (i + seed) % 26);
    });

    private static string Get(string path) => $"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n";

    private Task NoneIsOpen() => OperatingSystem.IsLinux()
        ? Wait.Until(() => OpenFiles.CountOf(_folder.Path) == 0, "the files to be closed")
        : Task.CompletedTask;

    private TestServer Serve(Action<TcpConnection, Request, Response> answer)
    {
        var files = new StaticFiles(_folder.Path);
        return TestServer.Http(loopType, (connection, request) => answer(connection, request, files.Serve(request)));
    }
}
