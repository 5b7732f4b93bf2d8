using System.Text;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>Files on their way: slow readers, ends of all kinds, files that change, and that no descriptor stays open.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class FileSendingTests(Type loopType)
{
    private const long Huge = 2L * 1024 * 1024 * 1024;
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    /// <summary>
    /// The head fills the outbox, whose flush calls back, and the callback ends the connection that the file is for.
    /// </summary>
    [Test]
    [Platform("Linux")]
    public async Task FileOfAConnectionThatEndsWithTheFlushOfItsHeadIsClosed()
    {
        string path = _folder.WriteSparse("file.bin", 1024 * 1024);
        TcpConnection? stalled = null;
        var ended = new TaskCompletionSource();
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/stall")
            {
                stalled = connection;
                connection.MaxSendBufferSize = int.MaxValue;
                connection.Send(new byte[32 * 1024 * 1024]);
                return;
            }
            stalled!.MaxSendBufferSize = (int)stalled.SendBufferQueueSize + 1;
            stalled.OnBufferFull = _ => connection.Destroy();
            stalled.SendRaw(new byte[64 * 1024 - 50]);
            connection.Send(new Response().WithFile(path));
            ended.SetResult();
        });
        using var slow = new RawClient(server.EndPoint, receiveBufferSize: 8 * 1024);
        slow.Send("GET /stall HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        using RawClient client = server.Connect();
        client.Send(Get);
        Wait.For(ended.Task);
        client.ReadToEnd();
        await Wait.Until(() => OpenFiles.CountOf(path) == 0, "the file to be closed");
    }

    // Alone: it measures the memory of the process.
    [Test]
    [NonParallelizable]
    [Platform("Linux")]
    public async Task HugeFileToSlowReadersCostsNoMemoryAndKeepsNobodyWaiting()
    {
        const int Readers = 8;
        string path = _folder.WriteSparse("huge.bin", Huge);
        await using TestServer server = Serve(path);
        (long managed, long resident) = Memory();
        RawClient[] slow =
            [.. Enumerable.Range(0, Readers).Select(_ => new RawClient(server.EndPoint, receiveBufferSize: 16 * 1024))];
        foreach (RawClient client in slow)
        {
            string head = client.Send(Get).ReadUntil("\r\n\r\n");
            Assert.That(head, Does.Contain($"\r\nContent-Length: {Huge}\r\n"));
            client.ReadExactly(64 * 1024);
        }
        using RawClient other = server.Connect();
        for (int i = 0; i < 100; i++)
            Assert.That(other.Send("GET /other HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("other"));
        (long managedNow, long residentNow) = Memory();
        // With the clients' own buffers, which are in this process too.
        Assert.That(managedNow - managed, Is.LessThan(Readers * 1024 * 1024));
        Assert.That(residentNow - resident, Is.LessThan(64 * 1024 * 1024), "loosely: the collector's own room is in it");
        Assert.That(OpenFiles.CountOf(path), Is.EqualTo(Readers), "one descriptor each");
        foreach (RawClient client in slow) client.Dispose();
        await Wait.Until(() => OpenFiles.CountOf(path) == 0, "the files to be closed");
    }

    [Test]
    public async Task EveryByteArrives()
    {
        byte[] content = new byte[5_000_011];
        new Random(1).NextBytes(content);
        string path = _folder.PathOf("random.bin");
        File.WriteAllBytes(path, content);
        await using TestServer server = Serve(path);
        using var client = new RawClient(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send(Get);
        client.ReadUntil("\r\n\r\n");
        byte[] received = Encoding.Latin1.GetBytes(client.ReadExactly(content.Length));
        Assert.That(received.AsSpan().SequenceEqual(content));
        Assert.That(client.Send("GET /other HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("other"));
    }

    [Test]
    public async Task FileFollowsWhatWaitsBeforeIt()
    {
        string path = _folder.Write("file.txt", "the file");
        var result = new TaskCompletionSource<(SendResult, SendResult, bool)>();
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/large") connection.Send(new Response(200, null, new byte[12_000_000]));
            else result.SetResult((SendResult.Dropped, connection.Send(new Response().WithFile(path)), connection.BufferIsEmpty));
        }, worker => worker.OnConnect = connection => connection.MaxSendBufferSize = int.MaxValue);
        using var client = new RawClient(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n" + Get);
        Assert.That(Wait.For(result.Task), Is.EqualTo((SendResult.Dropped, SendResult.Queued, false)));
        Assert.That(client.ReadResponse().Body, Has.Length.EqualTo(12_000_000));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("the file"));
    }

    [Test]
    public async Task AnyThreadMaySendAFile()
    {
        string path = _folder.Write("file.txt", "from afar");
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
            Task.Run(() => Assert.That(connection.Send(new Response().WithFile(path)), Is.EqualTo(SendResult.Queued))));
        using RawClient client = server.Connect();
        client.Send(Get + Get);
        Assert.That(client.ReadResponse().Body, Is.EqualTo("from afar"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("from afar"));
    }

    [Test]
    public async Task NothingElseIsSentWithinAFile()
    {
        string path = _folder.Write("file.txt", "whole");
        var told = new List<string>();
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.OnError = (_, _, reason) => told.Add(reason);
            connection.Send(new Response().WithFile(path));
            Assert.That((connection.SendRaw("raw"), connection.Send("again")),
                Is.EqualTo((SendResult.Dropped, SendResult.Dropped)));
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send(Get).ReadResponse().Body, Is.EqualTo("whole"));
        Assert.That(told, Is.EqualTo(new[]
        {
            "A file is being sent on this connection, and bytes of your own would land within it; send them after it.",
            "The request has its answer, and its file is still being sent.",
        }));
    }

    [TestCase("HTTP/1.0\r\n\r\n")]
    [TestCase("HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")]
    public async Task ConnectionEndsAfterTheFileIfItIsTheLastAnswer(string rest)
    {
        string path = _folder.Write("file.txt", new string('x', 1_000_000));
        await using TestServer server = Serve(path);
        using RawClient client = server.Connect();
        Assert.That(client.Send("GET / " + rest).ReadToEnd(), Does.EndWith("xxx").And.Length.GreaterThan(1_000_000));
    }

    [TestCase("close")]
    [TestCase("end")]
    [TestCase("half-closed peer")]
    [TestCase("stop")]
    public async Task FileIsSentToItsEndWhen(string what)
    {
        const int Size = 20_000_000;
        string path = _folder.WriteSparse("large.bin", Size);
        var begun = new TaskCompletionSource<TcpConnection>();
        TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.Send(new Response().WithFile(path));
            begun.SetResult(connection);
        });
        using var client = new RawClient(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send(Get);
        TcpConnection begunOn = Wait.For(begun.Task);
        client.ReadUntil("\r\n\r\n");
        Task stopped = Task.CompletedTask;
        if (what == "close") begunOn.Close();
        else if (what == "end") begunOn.End();
        else if (what == "stop") stopped = server.DisposeAsync().AsTask();
        else client.HalfClose();
        Assert.That(client.ReadToEnd(), Has.Length.EqualTo(Size));
        // So that nobody lingers for it.
        client.Dispose();
        await stopped;
        if (what != "stop") await server.DisposeAsync();
        if (OperatingSystem.IsLinux()) Assert.That(OpenFiles.CountOf(path), Is.Zero);
    }

    [TestCase("destroy")]
    [TestCase("reset")]
    [TestCase("stall")]
    [TestCase("abort")]
    [Platform("Linux")]
    public async Task FileIsClosedWhenTheConnectionEndsBy(string what)
    {
        string path = _folder.WriteSparse("huge.bin", Huge);
        var begun = new TaskCompletionSource<TcpConnection>();
        var closed = new TaskCompletionSource();
        // What a stop does to those who do not come to an end in time.
        TimeSpan? timeout = what == "abort" ? TimeSpan.FromMilliseconds(50) : null;
        TestServer server = TestServer.Http(TestServer.Settings(loopType, timeout), (connection, _) =>
        {
            if (what == "stall") connection.SendTimeout = TimeSpan.FromMilliseconds(100);
            connection.Send(new Response().WithFile(path));
            begun.SetResult(connection);
        }, worker => worker.OnClose = _ => closed.SetResult());
        using var client = new RawClient(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send(Get);
        client.ReadExactly(100_000);
        Assert.That(OpenFiles.CountOf(path), Is.EqualTo(1));
        if (what == "destroy") Wait.For(begun.Task).Destroy();
        if (what == "reset") client.Reset();
        if (what == "abort") await server.DisposeAsync();
        Wait.For(closed.Task);
        await Wait.Until(() => OpenFiles.CountOf(path) == 0, "the file to be closed");
        if (what != "abort") await server.DisposeAsync();
    }

    [Test]
    public async Task FileThatShrinksEndsTheConnection()
    {
        const int Size = 50_000_000;
        string path = _folder.WriteSparse("shrinking.bin", Size);
        var error = new TaskCompletionSource<(ConnectionError, string)>();
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(new Response().WithFile(path)),
            worker => worker.OnError = (_, kind, reason) => error.TrySetResult((kind, reason)));
        using var client = new RawClient(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send(Get);
        client.ReadUntil("\r\n\r\n");
        using (FileStream file = File.OpenWrite(path)) file.SetLength(1000);
        Assert.That(client.ReadToEnd(), Has.Length.LessThan(Size));
        Assert.That(Wait.For(error.Task),
            Is.EqualTo((ConnectionError.SendFail, "the file became shorter, or cannot be read, while it is sent")));
    }

    [Test]
    [Platform("Linux")]
    public async Task FileThatIsDeletedIsSentToItsEnd()
    {
        const int Size = 20_000_000;
        string path = _folder.WriteSparse("deleted.bin", Size);
        await using TestServer server = Serve(path);
        using var client = new RawClient(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send(Get);
        client.ReadUntil("\r\n\r\n");
        File.Delete(path);
        Assert.That(client.ReadExactly(Size), Has.Length.EqualTo(Size));
    }

    [Test]
    [Platform("Linux")]
    public async Task AnswersWithoutABodyLeaveNoFileOpen()
    {
        string path = _folder.Write("file.txt", "text");
        await using TestServer server = Serve(path);
        using RawClient client = server.Connect();
        client.Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse(headOnly: true);
        foreach (string field in new[] { "If-None-Match: *", "If-Match: \"x\"", "Range: bytes=99-" })
            client.Send($"GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n").ReadResponse();
        client.Send(Get).ReadResponse();
        await Wait.Until(() => OpenFiles.CountOf(path) == 0, "the file to be closed");
    }

    private TestServer Serve(string path) => TestServer.Http(loopType, (connection, request) =>
    {
        if (request.Path == "/other") connection.Send("other");
        else connection.Send(new Response().WithFile(path));
    });

    /// <summary>What is reachable, and what the process has in memory for itself alone.</summary>
    private static (long Managed, long Resident) Memory()
    {
        long managed = GC.GetTotalMemory(forceFullCollection: true);
        string line = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
        return (managed, long.Parse(line.AsSpan(8, line.Length - 11), null) * 1024);
    }
}
