using System.Net.Sockets;
using System.Text;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>Workers on Unix sockets: what they speak, and what becomes of the socket's file.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class UnixSocketTests(Type loopType)
{
    private TemporaryFolder _folder = null!;

    private string SocketPath => _folder.PathOf("app.sock");

    private string Address => $"unix://{SocketPath}";

    [SetUp]
    public void SetUp()
    {
        if (!Socket.OSSupportsUnixDomainSockets) Assert.Ignore("this system has no Unix sockets");
        _folder = new TemporaryFolder();
    }

    [TearDown]
    public void TearDown() => _folder?.Dispose();

    [Test]
    public async Task HttpOverAUnixSocketIsSpokenWithCurl()
    {
        await using (TestServer.Start(loopType, new Worker(Address)
        {
            OnMessage = (connection, request) => connection.Send($"{request.Method} {request.Path} '{connection.RemoteIp}' "
                + $"{connection.RemotePort} {connection.RemoteAddress is null} {connection.LocalAddress is null} "
                + $"{connection.IsIpV4} {connection.IsIpV6}"),
        }))
        {
            string answer =
                await Curl.RunAsync("-s", "--unix-socket", SocketPath, "http://localhost/hello", "http://localhost/again");
            Assert.That(answer, Is.EqualTo("GET /hello '' 0 True True False FalseGET /again '' 0 True True False False"));
        }
        Assert.That(File.Exists(SocketPath), Is.False, "it is gone with the worker");
    }

    [Test]
    public async Task SpeaksWebSocket()
    {
        var worker = new Worker<WebSocketMessage>(Address) { OnMessage = (connection, message) => connection.Send(message) };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new FrameClient(new UnixDomainSocketEndPoint(worker.LocalPath!));
        Assert.That(client.Send(FrameClient.TextFrame("hello")).ReadText(), Is.EqualTo("hello"));
        Assert.That(client.Send(FrameClient.CloseFrame(1000)).ReadClose().Code, Is.EqualTo(1000));
    }

    [Test]
    public async Task WithoutAProtocolAMessageIsWhatHasArrived()
    {
        await using (TestServer.Start(loopType, new Worker<ReadOnlyMemory<byte>>(Address)
        {
            OnMessage = (connection, bytes) => connection.Send(bytes)
        }))
        {
            using RawClient client = Connect();
            Assert.That(client.Send("bytes").ReadExactly(5), Is.EqualTo("bytes"));
        }
        await using (TestServer.Start(loopType, new Worker<string>(Address)
        {
            OnMessage = (connection, text) => connection.Close(text)
        }))
        {
            using RawClient client = Connect();
            Assert.That(client.Send("text").ReadToEnd(), Is.EqualTo("text"));
        }
    }

    [Test]
    public async Task ProtocolIsSetAsInPhp()
    {
        await using TestServer server = TestServer.Start(loopType, new Worker<string>(Address)
        {
            Protocol = () => new TextProtocol(),
            OnConnect = connection => connection.MaxPackageSize = 100,
            OnMessage = (connection, line) => connection.Send($"[{line}]"),
        });
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using RawClient client = Connect();
            Assert.That(client.Send("one\r\ntwo\n", fragmentation).ReadExactly(12), Is.EqualTo("[one]\n[two]\n"));
        }
        using RawClient evil = Connect();
        Assert.That(evil.Send(new string('x', 100)).ReadToEnd(), Is.Empty);
        Assert.That(server.Log.Text, Does.Contain($"from {Address} is closed: a line without an end"));
    }

    [Test]
    public async Task AnswerThatIsLargerThanTheSocketsBufferArrivesWhole()
    {
        string body = new('x', 3_000_000);
        await using TestServer server =
            TestServer.Start(loopType, new Worker(Address) { OnMessage = (connection, _) => connection.Send(body) });
        string answer = await Curl.RunAsync("-s", "--unix-socket", SocketPath, "http://localhost/");
        Assert.That(answer, Has.Length.EqualTo(body.Length));
    }

    [Test]
    public async Task AllLoopsAcceptFromOneSocket()
    {
        var ids = new System.Collections.Concurrent.ConcurrentDictionary<int, bool>();
        var worker = new Worker<string>(Address) { Count = 2 };
        worker.OnMessage = (connection, text) =>
        {
            ids[worker.Id] = true;
            connection.Send(text);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        await Wait.Until(() =>
        {
            using RawClient client = Connect();
            client.Send("a").ReadExactly(1);
            return ids.Count == 2;
        }, "both loops have had a connection");
    }

    [Test]
    public async Task TellsWhereItListens()
    {
        var worker = new Worker<string>(Address) { OnMessage = (_, _) => { } };
        Assert.That(worker.LocalPath, Is.Null);
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That((worker.LocalPath, worker.LocalEndPoint), Is.EqualTo((SocketPath, default(System.Net.IPEndPoint))));
        Assert.That(server.Log.Text, Does.Contain($"listens on {Address}"));
    }

    [TestCase(UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    [TestCase(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite)]
    public async Task ModeOfTheFileIsSetBeforeAnybodyCanConnect(UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows()) return;
        var worker = new Worker<string>(Address, new WorkerOptions { UnixFileMode = mode }) { OnMessage = (_, _) => { } };
        worker.Listen();
        Assert.That(File.GetUnixFileMode(SocketPath), Is.EqualTo(mode));
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(File.GetUnixFileMode(SocketPath), Is.EqualTo(mode));
    }

    [Test]
    public async Task FileOfADeadServerIsReplaced()
    {
        // Bound by a descriptor of the system's own, so that closing leaves the file, as a server that was killed does.
        if (!OperatingSystem.IsLinux()) return;
        UnixSocketFile.Bind(SocketPath, _ => { }).Dispose();
        Assert.That(File.Exists(SocketPath));
        await using TestServer server =
            TestServer.Start(loopType, new Worker<string>(Address) { OnMessage = (connection, text) => connection.Send(text) });
        using RawClient client = Connect();
        Assert.That(client.Send("a").ReadExactly(1), Is.EqualTo("a"));
    }

    [Test]
    public async Task SocketThatSomebodyListensOnIsLeftAlone()
    {
        await using TestServer server =
            TestServer.Start(loopType, new Worker<string>(Address) { OnMessage = (connection, text) => connection.Send(text) });
        Assert.That(Refusal(new Worker<string>(Address) { OnMessage = (_, _) => { } }),
            Does.Contain("another program listens").And.Contain(SocketPath).And.Contain("Cure: "));
        using RawClient client = Connect();
        Assert.That(client.Send("a").ReadExactly(1), Is.EqualTo("a"));
    }

    /// <summary>A full backlog is not a dead server.</summary>
    [Test]
    public void SocketWhoseServerIsBusyIsLeftAlone()
    {
        using var busy = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        busy.Bind(new UnixDomainSocketEndPoint(SocketPath));
        busy.Listen(0);
        using var first = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        first.Connect(new UnixDomainSocketEndPoint(SocketPath));
        Assert.That(Refusal(new Worker<string>(Address) { OnMessage = (_, _) => { } }), Does.Contain("another program listens"));
        Assert.That(File.Exists(SocketPath));
    }

    [Test]
    public void SocketOfAnotherKindIsLeftAlone()
    {
        using var datagrams = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        datagrams.Bind(new UnixDomainSocketEndPoint(SocketPath));
        Assert.That(Refusal(new Worker<string>(Address) { OnMessage = (_, _) => { } }), Does.Contain("another program listens"));
    }

    [Test]
    public void FileThatIsNoSocketIsLeftAlone()
    {
        _folder.Write("app.sock", "precious");
        Assert.That(Refusal(new Worker<string>(Address) { OnMessage = (_, _) => { } }),
            Does.Contain("is no socket").And.Contain("Cure: "));
        Assert.That(File.ReadAllText(SocketPath), Is.EqualTo("precious"));
        File.Delete(SocketPath);
        File.CreateSymbolicLink(SocketPath, _folder.PathOf("elsewhere"));
        Assert.That(Refusal(new Worker<string>(Address) { OnMessage = (_, _) => { } }), Does.Contain("is no socket"),
            "nor is a link followed");
    }

    [Test]
    public async Task FileThatIsSomebodyElsesByNowIsLeftAlone()
    {
        await using (TestServer.Start(loopType, new Worker<string>(Address) { OnMessage = (_, _) => { } }))
        {
            File.Delete(SocketPath);
            File.WriteAllText(SocketPath, "another's");
        }
        Assert.That(File.ReadAllText(SocketPath), Is.EqualTo("another's"));
    }

    [Test]
    public async Task UnlistenRemovesTheFileAndListenMakesItAgain()
    {
        await using TestServer server = TestServer.Start(loopType,
            new Worker<string>(Address) { Count = 2, OnMessage = (connection, text) => connection.Send(text) });
        using RawClient open = Connect();
        open.Send("a").ReadExactly(1);
        server.Main.Unlisten();
        await Wait.Until(() => !File.Exists(SocketPath), "the file is gone");
        Assert.That(open.Send("b").ReadExactly(1), Is.EqualTo("b"));
        server.Main.Listen();
        using RawClient client = Connect();
        Assert.That(client.Send("c").ReadExactly(1), Is.EqualTo("c"));
    }

    [Test]
    public void WhatCannotWorkIsToldWithItsCure()
    {
        string tooLong = "/tmp/" + new string('x', 120);
        foreach ((string address, string cause) in new[]
        {
            ("unix://", "it has no path"),
            ($"unix://{tooLong}", "its path has 125 bytes, and a socket's at most 107"),
            ($"unix://{_folder.PathOf("missing/app.sock")}", $"the folder {_folder.PathOf("missing")} does not exist"),
            ($"unix://{_folder.Write("file", "")}/app.sock", "is no folder"),
            ($"unix://{_folder.Path}", "is a folder"),
            ($"unix://{_folder.Path}/", "it names a folder"),
        })
        {
            if (OperatingSystem.IsLinux() || !cause.Contains("107", StringComparison.Ordinal))
                Assert.That(Refusal(new Worker<string>(address) { OnMessage = (_, _) => { } }),
                    Does.Contain(cause).And.Contain("Cure: "), address);
        }
        Assert.That(UnixPath.Refusal("unix:///run/a", "/run/a", 13, "").Message,
            Does.Contain("does not let this user").And.Contain("/run").And.Contain("Cure: "));
        Assert.That(UnixPath.Refusal("unix:///run/a", "/run/a", 30, "").Message, Does.Contain("cannot be written to"));
        Assert.That(UnixPath.Refusal("unix:///run/a", "/run/a", 98, "").Message,
            Does.Contain("/run/a is there and this user cannot remove it"));
    }

    [Test]
    public void LongestPathIsTaken()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("others are shorter");
        string path = _folder.PathOf(new string('x', 107 - Encoding.UTF8.GetByteCount(_folder.Path) - 1));
        var worker = new Worker<string>($"unix://{path}") { OnMessage = (_, _) => { } };
        worker.Listen();
        using (new RawClient(new UnixDomainSocketEndPoint(path)))
        {
            Assert.That(worker.LocalPath, Is.EqualTo(path));
        }
        worker.Unlisten();
        Assert.That(File.Exists(path), Is.False);
        Wait.For(TestServer.RunAsync(loopType, new CancellationToken(canceled: true), worker));
    }

    [Test]
    public void ReusePortIsRefused()
    {
        var worker = new Worker<string>(Address) { ReusePort = true, OnMessage = (_, _) => { } };
        Assert.That(() => TestServer.RunAsync(loopType, default, worker),
            Throws.InvalidOperationException.With.Message.Contains("ReusePort"));
    }

    private string Refusal(WorkerBase worker) => TestServer.Refusal(loopType, worker);

    private RawClient Connect() => new(new UnixDomainSocketEndPoint(SocketPath));
}
