using System.Net.Sockets;
using System.Text.RegularExpressions;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>
/// A process whose descriptors others use up, in each way that a peer can: whoever is beyond is refused, and when they have gone
/// all is as it was.
/// </summary>
[Platform("Linux")]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Parallelizable(ParallelScope.All)]
internal sealed partial class DescriptorTests
{
    private const int Large = 30_000_000;

    private static readonly Dictionary<string, string> Attacks = new()
    {
        ["file"] = Ask("/file"),
        ["static"] = Ask("/large"),
        ["session"] = Ask("/session"),
        ["fault"] = Ask("/fault"),
        ["connect"] = Ask("/connect"),
        ["datagrams"] = Ask("/datagrams"),
        ["upload"] = "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1200000\r\n\r\n" + new string('x', 1_150_000),
    };

    private static readonly string[] LoopNames = ["epoll", "socket"];

    private string _folder = null!;

    private static IEnumerable<string> AttackNames => Attacks.Keys;

    [SetUp]
    public void SetUp()
    {
        _folder = Directory.CreateTempSubdirectory("scarce").FullName;
        using FileStream large = File.Create(Path.Combine(_folder, "large"));
        large.SetLength(Large);
    }

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task AfterAnAttackAllIsAsItWas([ValueSource(nameof(AttackNames))] string attack,
        [ValueSource(nameof(LoopNames))] string loop)
    {
        using ServerProcess server = Serve(loop, 300);
        await Attack(server, attack, 400);
        await AssertServes(server);
        string name = "System.Xml.XPath.XDocument";
        Assert.That(Get(server, $"/load?name={name}").Body, Is.EqualTo(name), "what the runtime has not needed before");
        Assert.That(server.Output, Does.Contain("pauses accepting"));
        if (attack is "session" or "fault") return;
        await Wait.Until(() => Refusals().IsMatch(server.Output), "the line with the count");
    }

    /// <summary>Cold: no request has come before, and the limit leaves the runtime little.</summary>
    [Test]
    public async Task AColdServerSurvivesAnyLimitThatItStartsUnder([Values(64, 100, 128, 1024)] int limit)
    {
        using ServerProcess server = Start("epoll", limit, "");
        if (!await server.HasStarted())
        {
            Assert.That(server.WaitForExit(), Is.EqualTo(1), "one line says why");
            Assert.That(server.Output.Trim().Split('\n'), Has.Length.EqualTo(1));
            Assert.That(server.Output, Does.Contain("ulimit -n"));
            return;
        }
        await Attack(server, "file", limit + 60);
        await Attack(server, "session", limit + 60);
        await AssertServes(server);
    }

    [Test]
    public async Task StandardStreamsThatAreClosedAreHeldOpen([Values("0<&-", "0<&- 2>&-", "0<&- 1>&- 2>&-")] string closed)
    {
        // The address cannot be read off an output that is closed.
        int port = Peer.UnusedPort();
        using ServerProcess server = Start("epoll", 300, closed, $"{port}");
        using RawClient client = await ConnectWhenOpen(port);
        Assert.That(client.Send(Ask("/")).ReadResponse().Body, Is.EqualTo("Hello, World!"));
        for (int i = 0; i <= 2; i++)
        {
            string target = new FileInfo($"/proc/{server.Id}/fd/{i}").LinkTarget!;
            Assert.That(target, Does.Not.Contain("socket:").And.Not.Contain("anon_inode"));
        }
        Assert.That(client.Send(Ask("/file")).ReadUntil("\r\n\r\n"), Does.StartWith("HTTP/1.1 200"));
    }

    /// <summary>The next descriptor has the number 0.</summary>
    [Test]
    public async Task ConnectionThatGetsTheNumberOfTheStandardInputIsServedAndMoved([ValueSource(nameof(LoopNames))] string loop)
    {
        using ServerProcess server = Serve(loop, 300);
        using var first = new RawClient(server.EndPoint);
        foreach (string path in (string[])["/close-input", "/close-input", "/close-input"])
        {
            Assert.That(first.Send(Ask(path)).ReadResponse().Body, Is.EqualTo("closed"));
            List<RawClient> clients = [.. Enumerable.Range(0, 3).Select(_ => new RawClient(server.EndPoint))];
            foreach (RawClient client in clients)
                Assert.That(client.Send(Ask("/")).ReadResponse().Body, Is.EqualTo("Hello, World!"));
            // The runtime may have been quicker, with a file of its own.
            Assert.That(new FileInfo($"/proc/{server.Id}/fd/0").LinkTarget ?? "", Does.Not.StartWith("socket:"));
            clients.ForEach(client => client.Dispose());
        }
        await AssertServes(server);
    }

    [Test]
    public void DescriptorZeroIsADescriptor()
    {
        var none = default(ConnectedSocket);
        Assert.That(none.Handle, Is.EqualTo((nint)(-1)));
        Assert.That(none.ToSocket, Throws.InvalidOperationException);
        none.Dispose();
        var zero = new ConnectedSocket(0, default);
        Assert.That(zero.Handle, Is.EqualTo((nint)0));
    }

    private static string Ask(string path) => $"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n";

    private static (int Status, string Head, string Body) Get(ServerProcess server, string path)
    {
        using var client = new RawClient(server.EndPoint);
        return client.Send(Ask(path)).ReadResponse(headOnly: path is "/file" or "/large");
    }

    /// <summary>Fills the process up, has each connection ask for something, and leaves.</summary>
    private static async Task Attack(ServerProcess server, string attack, int clients)
    {
        int before = CountOf(server);
        List<Socket> crowd = [];
        for (int i = 0; i < clients; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(server.EndPoint);
            socket.Blocking = false;
            crowd.Add(socket);
        }
        await Wait.Until(() => server.Output.Contains("pauses accepting", StringComparison.Ordinal), "the pause");
        byte[] request = System.Text.Encoding.ASCII.GetBytes(Attacks[attack]);
        int[] sent = new int[clients];
        // What is answered is not read. Some are refused, which closes them; others wait in the backlog and take nothing.
        for (int round = 0; round < 50; round++)
        {
            for (int i = 0; i < clients; i++) TrySend(crowd[i], request, ref sent[i]);
            await Task.Delay(1);
        }
        crowd.ForEach(socket => socket.Dispose());
        await Wait.Until(() => CountOf(server) <= before + 1, "the attackers' descriptors to be given back");
    }

    private static void TrySend(Socket socket, byte[] request, ref int sent)
    {
        if (sent >= request.Length) return;
        int count = socket.Send(request.AsSpan(sent), SocketFlags.None, out SocketError error);
        if (error == SocketError.Success) sent += count;
        else if (error != SocketError.WouldBlock) sent = request.Length;
    }

    private async Task AssertServes(ServerProcess server)
    {
        Assert.That(Get(server, "/").Body, Is.EqualTo("Hello, World!"));
        Assert.That(Get(server, "/file").Status, Is.EqualTo(200));
        // The attack may have begun as many sessions as a second has room for.
        await Wait.Until(() => Get(server, "/session").Body == "1", "a session");
        Assert.That(Get(server, "/fault").Status, Is.EqualTo(500));
        Assert.That(Get(server, "/connect").Body, Is.EqualTo("open"));
        await Wait.Until(() => Directory.GetFiles(_folder).Length == 1, "the end of the temporary files");
    }

    /// <summary>
    /// What is open, but for assemblies and their symbols, which the runtime loads when it needs them and keeps, and a loop's
    /// ring.
    /// </summary>
    private static int CountOf(ServerProcess server) => new DirectoryInfo($"/proc/{server.Id}/fd").GetFileSystemInfos()
        .Count(descriptor => TargetOf(descriptor) is not ("" or "anon_inode:[io_uring]") and var target
            && !target.EndsWith(".dll", StringComparison.Ordinal) && !target.EndsWith(".pdb", StringComparison.Ordinal));

    private static string TargetOf(FileSystemInfo descriptor)
    {
        try
        {
            return descriptor.LinkTarget ?? "";
        }
        catch (IOException)
        {
            // Closed meanwhile.
            return "";
        }
    }

    [GeneratedRegex(@"\[warn\] \d+ times in the last second a connection, file, upload or session was refused")]
    private static partial Regex Refusals();

    private static async Task<RawClient> ConnectWhenOpen(int port)
    {
        var endPoint = new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, port);
        await Wait.Until(() => RawClient.CanConnect(endPoint), "the server");
        return new RawClient(endPoint);
    }

    private ServerProcess Serve(string loop, int limit) => Start(loop, limit, "").WaitForStart();

    private ServerProcess Start(string loop, int limit, string redirections, string port = "0") => ServerProcess.Run("bash", "-c",
        $"ulimit -n {limit}; exec \"$@\" {redirections}", "bash", "dotnet", typeof(DescriptorTests).Assembly.Location, "scarce",
        loop, _folder, port);
}
