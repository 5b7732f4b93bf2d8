using System.Net;
using System.Net.Sockets;
using System.Text;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>The generic host's sample as a program of its own: configuration, health, logs, signals, systemd.</summary>
[Platform("Linux,MacOSX")]
internal sealed class GenericHostTests
{
    private const int Sigterm = 15;
    private const string Get = "GET /?name=you HTTP/1.1\r\nHost: a\r\n\r\n";

    /// <summary>Starts a program with a socket to tell things to, and hands the signal that it gets itself on.</summary>
    private const string Systemd = """
        export NOTIFY_SOCKET=$1 SYSTEMD_EXEC_PID=; shift
        trap 'kill -TERM $child' TERM
        "$@" &
        child=$!
        wait
        wait $child
        """;

    [Test]
    public void ServesByItsConfigurationAndEndsInOrder()
    {
        var web = new IPEndPoint(IPAddress.Loopback, Peer.UnusedPort());
        var chat = new IPEndPoint(IPAddress.Loopback, Peer.UnusedPort());
        using ServerProcess server = Start(web, chat, "--Greeting=Good day");
        using var client = new RawClient(web);
        Assert.That(client.Send(Get).ReadResponse().Body, Is.EqualTo("Good day, you!\n"));
        (int status, _, string body) = client.Send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        Assert.That((status, body), Is.EqualTo((200, "Healthy\n")));
        Assert.That(RawClient.CanConnect(chat));
        server.Signal(Sigterm);
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(server.Output, Does.Contain($"Worker web listens on http://{web}").And.Contain("Stopped"));
    }

    [Test]
    public void PortInUseKeepsItFromStarting()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        using ServerProcess server = Run((IPEndPoint)taken.LocalEndpoint, new IPEndPoint(IPAddress.Loopback, Peer.UnusedPort()));
        Assert.That(server.WaitForExit(), Is.Not.Zero);
        Assert.That(server.Output, Does.Contain("Hosting failed to start").And.Contain("WorkerStartException: Cannot listen on"));
    }

    /// <summary>systemd's own words (sd_notify(3)): ready once the workers listen, and stopping.</summary>
    [Test]
    [Platform("Linux")]
    public void SystemdIsToldWhenItIsReadyAndWhenItStops()
    {
        using var folder = new TemporaryFolder();
        string path = folder.PathOf("notify");
        using var notify = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        notify.Bind(new UnixDomainSocketEndPoint(path));
        notify.ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds;
        var web = new IPEndPoint(IPAddress.Loopback, Peer.UnusedPort());
        // .NET's package goes by the name of the program that has started this one; a shell has that name here.
        File.CreateSymbolicLink(folder.PathOf("systemd"), "/bin/bash");
        using ServerProcess server = Run(web, new IPEndPoint(IPAddress.Loopback, Peer.UnusedPort()), wrapper:
            [folder.PathOf("systemd"), "-c", Systemd, "systemd", path]);
        Assert.That(Receive(notify), Is.EqualTo("READY=1"));
        using (var client = new RawClient(web)) Assert.That(client.Send(Get).ReadResponse().Status, Is.EqualTo(200));
        server.Signal(Sigterm);
        Assert.That(Receive(notify), Is.EqualTo("STOPPING=1"));
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(server.Output, Does.Match("(?m)^<6>Workerman"), "the journal's levels");
    }

    private static string Receive(Socket socket)
    {
        byte[] buffer = new byte[1024];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }

    private static ServerProcess Start(IPEndPoint web, IPEndPoint chat, params string[] arguments)
    {
        ServerProcess server = Run(web, chat, arguments);
        Wait.For(Wait.Until(() => server.Output.Contains("Application started"), "the start"));
        return server;
    }

    private static ServerProcess Run(IPEndPoint web, IPEndPoint chat, string[]? arguments = null, string[]? wrapper = null)
    {
        string program = Repository.ProgramOf(Path.Combine("samples", "GenericHost"), "GenericHost");
        return ServerProcess.Run([.. wrapper ?? [], "dotnet", program, $"--contentRoot={Path.GetDirectoryName(program)}",
            $"--Workerman:Workers:web:Address=http://{web}", $"--Workerman:Workers:chat:Address=websocket://{chat}",
            .. arguments ?? []]);
    }
}
