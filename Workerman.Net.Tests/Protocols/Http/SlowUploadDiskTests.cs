using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Uploads whose disk is slow, or fails: the loop does not wait for it, no more is taken in than a bound, and the request is
/// handed on when its files are written. The disk is the test's.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class SlowUploadDiskTests(Type loopType)
{
    private const int Length = 8_000_000;

    private ConcurrentQueue<Action> _disk = new();

    [SetUp]
    public void MakeDisk() => _disk = new ConcurrentQueue<Action>();

    private static byte[] Body { get; } = Bytes(Length);

    [Test]
    public async Task LoopGoesOnAndTheClientWaits([Values] bool isForm)
    {
        using var folder = new TemporaryFolder();
        TcpConnection? uploading = null;
        await using TestServer server = Serve(folder, (connection, request) =>
        {
            if (request.Path == "/quick")
            {
                connection.Send("quick");
                return;
            }
            using Stream stream = isForm ? request.File("f")!.OpenRead() : request.OpenBody();
            connection.Send(Convert.ToHexString(SHA256.HashData(stream)));
        }, connection => uploading ??= connection);
        using RawClient client = server.Connect();
        client.Socket.SendBufferSize = 64 * 1024;
        byte[] part = isForm ? Encoding.ASCII.GetBytes("--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n") : [];
        byte[] end = isForm ? Encoding.ASCII.GetBytes("\r\n--b--") : [];
        Task sending = Task.Run(() => client.Send("POST / HTTP/1.1\r\nHost: a\r\n"
            + "Content-Type: multipart/" + (isForm ? "form-data" : "mixed") + "; boundary=b\r\n"
            + $"Content-Length: {part.Length + Length + end.Length}\r\n\r\n").Send([.. part, .. Body, .. end]));
        await Wait.Until(() => !_disk.IsEmpty && uploading is { BytesRead: > 600_000 }, "the bound is reached");
        await LoopTurns.PassUntilStill(uploading!.Loop, () => client.IsHeldUp, () => uploading.BytesRead);
        Assert.That(uploading.BytesRead, Is.LessThan(4_000_000));
        Assert.That(sending.IsCompleted, Is.False);
        using RawClient other = server.Connect();
        Assert.That(other.Send("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("quick"));
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty, "not even the file was made on the loop");
        using (Working()) Assert.That(client.ReadResponse().Body, Is.EqualTo(Convert.ToHexString(SHA256.HashData(Body))));
        await sending;
    }

    [Test]
    public async Task DiskThatFailsIsAnsweredWith500AndAllComesBack()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        var gone = new HttpOptions();
        await using TestServer server = Serve(null, (connection, _) => connection.Send("taken"), _ => { }, worker =>
        {
            worker.Options.Http.UploadFolder = folder;
            gone = worker.Options.Http;
        });
        Directory.Delete(folder);
        using RawClient client = server.Connect();
        using IDisposable working = Working();
        client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n").Send(new byte[2_000_000]);
        Assert.That(client.ReadResponse().Status, Is.EqualTo(500));
        Assert.That(client.IsAtEnd());
        Assert.That((gone.Bodies.Memory, gone.Bodies.Disk), Is.EqualTo((0L, 0L)));
    }

    [Test]
    public async Task FullDiskIsAnsweredWith503UntilThereIsRoom(
        [Values("kept", "chunked", "form", "gathered", "gathered in silence")] string how)
    {
        using SmallDisk disk = SmallDisk.MountOrIgnore(512 * 1024);
        int length = 3_000_000;
        var worker = new Worker("http://127.0.0.1:0") { Name = "test" };
        worker.Options.Http.UploadFolder = disk.Path;
        worker.Options.Http.FileMemoryThreshold = worker.Options.Http.BodyMemoryThreshold = 1000;
        worker.Options.Http.StreamBodies = how.StartsWith("gathered", StringComparison.Ordinal);
        worker.OnMessageAsync = async (connection, request) =>
        {
            try
            {
                await request.ReadBodyAsync();
                connection.Send("taken");
            }
            catch (IOException) when (how == "gathered in silence")
            {
                // As if the client were gone.
            }
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        string part = "--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n", end = "\r\n--b--";
        string Request(int size) => "POST / HTTP/1.1\r\nHost: a\r\n" + how switch
        {
            "chunked" => $"Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{new string('x', size)}\r\n0\r\n\r\n",
            "form" => "Content-Type: multipart/form-data; boundary=b\r\n"
                + $"Content-Length: {part.Length + size + end.Length}\r\n\r\n{part}{new string('x', size)}{end}",
            _ => $"Content-Length: {size}\r\n\r\n{new string('x', size)}",
        };
        using (RawClient client = server.Connect())
        {
            Task sending = Task.Run(() =>
            {
                try
                {
                    client.Send(Request(length));
                }
                catch (SocketException)
                {
                    // It was told, and the connection has ended.
                }
            });
            (int status, _, string body) = client.ReadResponse();
            Assert.That((status, body.Trim()), Is.EqualTo((503, "503 Service Unavailable: no space is left for request bodies")));
            await sending;
        }
        await Wait.Until(() => Directory.GetFiles(disk.Path).Length == 0, "the file is gone");
        string told = $"no space is left in {disk.Path}";
        await Wait.Until(() => server.Log.Text.Contains(told, StringComparison.Ordinal), "the log says so");
        BodyTotals totals = worker.Options.Http.Bodies;
        await Wait.Until(() => (totals.Memory, totals.Disk) == (0, 0), "all comes back");
        using RawClient next = server.Connect();
        Assert.That(next.Send(Request(100_000)).ReadResponse().Body, Is.EqualTo("taken"));
    }

    [Test]
    public async Task ClientThatIsGoneLeavesNoFile()
    {
        using var folder = new TemporaryFolder();
        await using TestServer server = Serve(folder, (_, _) => { }, _ => { });
        using (RawClient client = server.Connect())
        {
            client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n").Send(new byte[2_000_000]);
            await Wait.Until(() => !_disk.IsEmpty, "there is something to write");
        }
        using IDisposable working = Working();
        await Wait.Until(() => server.Main.Connections.Count == 0, "the connection is gone");
        await Wait.Until(() => Directory.GetFiles(folder.Path).Length == 0, "so is the file");
        Assert.That(server.Main.Options.Http.Bodies.Disk, Is.Zero);
    }

    /// <summary>The last block is written, and before the loop hears of it the client ends its side.</summary>
    [Test]
    public void ClientMayEndItsSideWhileTheFileIsWritten()
    {
        using var folder = new TemporaryFolder();
        var options = new HttpOptions { BodyMemoryThreshold = 100, UploadFolder = folder.Path };
        MemoryConnection peer =
            MemoryConnection.Http((connection, request) => connection.Send($"{request.Body.Length}"), options);
        options.RunOnDisk = _disk.Enqueue;
        peer.Socket.Arrive($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n{new string('x', 2000)}");
        peer.Loop.TurnUntilNothingHappens();
        Assert.That(peer.Socket.Sent, Is.Empty);
        peer.Loop.IsCurrent = false;
        while (_disk.TryDequeue(out Action? work)) work();
        peer.Loop.IsCurrent = true;
        peer.Socket.ArriveEnd();
        peer.Loop.TurnUntilNothingHappens();
        Assert.That(peer.Socket.Sent, Does.StartWith("HTTP/1.1 200 ").And.EndWith("2000"));
    }

    /// <summary>The disk works until this is disposed of.</summary>
    private DiskThread Working() => new(_disk);

    private TestServer Serve(TemporaryFolder? folder, Action<TcpConnection, Request> handle, Action<TcpConnection> connected,
        Action<Worker>? setUp = null) =>
        TestServer.Http(loopType, handle, worker =>
        {
            worker.OnConnect = connection => connected(connection);
            worker.Options.Http.FileMemoryThreshold = 1000;
            worker.Options.Http.RunOnDisk = _disk.Enqueue;
            if (folder is not null) worker.Options.Http.UploadFolder = folder.Path;
            setUp?.Invoke(worker);
        });

    private static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }

    private sealed class DiskThread : IDisposable
    {
        private readonly ConcurrentQueue<Action> _disk;
        private readonly Thread _thread;
        private volatile bool _ends;

        public DiskThread(ConcurrentQueue<Action> disk)
        {
            _disk = disk;
            _thread = new Thread(Work);
            _thread.Start();
        }

        public void Dispose()
        {
            _ends = true;
            _thread.Join();
        }

        private void Work()
        {
            while (!_ends)
            {
                if (_disk.TryDequeue(out Action? work)) work();
                else Thread.Yield();
            }
        }
    }
}
