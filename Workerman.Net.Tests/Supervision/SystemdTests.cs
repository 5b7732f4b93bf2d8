using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text.Json;
using Workerman.Supervision;
using Workerman.Tests.Support;

namespace Workerman.Tests.Supervision;

/// <summary>What systemd hears of a program, and what it gives to it (sd_notify(3), sd_listen_fds(3)). Linux.</summary>
[Platform("Linux")]
[SupportedOSPlatform("linux")]
[Parallelizable(ParallelScope.All)]
internal sealed class SystemdTests
{
    /// <summary>In the foreground, without commands, and with a master.</summary>
    private static readonly string[] Forms = ["start", "plain", "start -d"];

    [Test]
    public void IsToldOfStartReloadAndStop([Values(false, true)] bool isAbstract)
    {
        using var daemon = new Daemon();
        using var systemd = new NotifySocket(isAbstract ? $"@{daemon.Folder.Path}" : daemon.Folder.PathOf("notify"));
        using ServerProcess master = Run(daemon, systemd, "start -d");
        (int process, string text) = systemd.WaitFor("READY=1");
        Assert.That(text, Is.EqualTo($"READY=1\nMAINPID={master.Id}\nSTATUS=serving"));
        long before = Monotonic();
        daemon.Do("reload");
        string reloading = systemd.WaitFor("RELOADING=1").Text;
        Assert.That(long.Parse(reloading["RELOADING=1\nMONOTONIC_USEC=".Length..], CultureInfo.InvariantCulture),
            Is.InRange(before, Monotonic()));
        Assert.That(systemd.WaitFor("READY=1", 2).Text, Does.EndWith("STATUS=serving"));
        daemon.Folder.Write("fail", "");
        Assert.That(daemon.Run("reload").Code, Is.EqualTo(1));
        Assert.That(systemd.WaitFor("READY=1", 3).Text, Does.Contain("STATUS=serving; the last reload failed: ")
            .And.Contain("as asked for"));
        daemon.Do("stop");
        systemd.WaitFor("STOPPING=1");
        Assert.That(master.WaitForExit(), Is.Zero);
        Assert.That(systemd.Messages.Select(one => one.Process), Is.All.EqualTo(master.Id), "NotifyAccess=main");
        Assert.That(process, Is.EqualTo(master.Id));
    }

    [Test]
    public async Task EachFormSaysThatItIsReadyAliveAndStops([ValueSource(nameof(Forms))] string form)
    {
        using var daemon = new Daemon();
        using var systemd = new NotifySocket(daemon.Folder.PathOf("notify"));
        using ServerProcess server = Run(daemon, systemd, form, "WATCHDOG_USEC=400000");
        systemd.WaitFor("READY=1");
        systemd.WaitFor("WATCHDOG=1", 4);
        using HttpClient client = daemon.Client(form == "plain" ? server.EndPoint : null);
        string environment = await client.GetStringAsync("/environment");
        Assert.That(environment, Does.Not.Contain("NOTIFY_SOCKET").And.Not.Contain("WATCHDOG_")
            .And.Not.Contain("WORKERMAN_ROLE"));
        server.Signal(15);
        Assert.That(server.WaitForExit(), Is.Zero);
        systemd.WaitFor("STOPPING=1");
        Assert.That(systemd.Messages.Select(one => one.Process), Is.All.EqualTo(server.Id));
    }

    [Test]
    public async Task LoopThatHangsLongerThanTheWatchdogIsNotCalledAlive()
    {
        using var daemon = new Daemon();
        using var systemd = new NotifySocket(daemon.Folder.PathOf("notify"));
        using ServerProcess server = Run(daemon, systemd, "start", "WATCHDOG_USEC=300000");
        systemd.WaitFor("WATCHDOG=1", 2);
        using HttpClient client = daemon.Client();
        Task<string> blocked = client.GetStringAsync("/block?ms=4000");
        await Wait.Until(() => Busy(daemon) > 500, "a loop that hangs");
        int alive = systemd.Messages.Length;
        await Wait.Until(() => Busy(daemon) > 2000, "a loop that hangs longer");
        Assert.That(systemd.Messages, Has.Length.EqualTo(alive));
        Assert.That(await blocked, Is.EqualTo("done"));
        systemd.WaitFor("WATCHDOG=1", alive);
        daemon.Do("stop");
    }

    private static double Busy(Daemon daemon) => daemon.Status().GetProperty("processes")[0].GetProperty("loops").EnumerateArray()
        .Max(static loop => loop.GetProperty("busyMilliseconds").GetDouble());

    [TestCase("a\nMAINPID=1\r\nb", "a MAINPID=1  b")]
    [TestCase("", "")]
    public void StatusIsOneLine(string text, string status) => Assert.That(Systemd.StatusOf(text), Is.EqualTo(status));

    [Test]
    public void StatusIsCut()
    {
        Assert.That(Systemd.StatusOf(new string('x', 500)), Has.Length.EqualTo(500).And.EndsWith("x"));
        Assert.That(Systemd.StatusOf(new string('x', 501)), Has.Length.EqualTo(500).And.EndsWith("…"));
    }

    [Test]
    public async Task SocketsOfSystemdAreUsed([ValueSource(nameof(Forms))] string form)
    {
        using var daemon = new Daemon();
        daemon.Folder.Write("unix", "");
        int port = Peer.UnusedPort();
        string path = daemon.Folder.PathOf("lines.sock");
        string sockets = $"127.0.0.1:{port},{path},127.0.0.1:{Peer.UnusedPort()}";
        using ServerProcess server = Activate(daemon, form, port, sockets, "self");
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        Assert.That(await client.GetStringAsync("/"), Is.EqualTo("1"));
        Assert.That(await client.GetStringAsync("/environment"), Does.Not.Contain("LISTEN_"));
        Assert.That(Echo(path), Is.EqualTo("a\n"));
        string log = daemon.Log;
        Assert.That(log, Does.Match(@"No worker listens on systemd:5 other at 127\.0\.0\.1:\d+: it is closed"));
        Assert.That(log.Split("No worker listens"), Has.Length.EqualTo(2), "once");
        if (form == "start -d")
        {
            int worker = daemon.Worker;
            Daemon.Signal(worker, 9);
            await Wait.Until(() => !Daemon.IsAlive(worker), "its end");
            // Not over the connection that has died with it.
            using var next = new HttpClient { BaseAddress = client.BaseAddress, Timeout = Wait.Limit };
            Assert.That(await next.GetStringAsync("/"), Is.EqualTo("1"), "the next process has them, too");
            daemon.Do("reload");
            Assert.That(await next.GetStringAsync("/"), Is.EqualTo("1"));
            Assert.That(Echo(path), Is.EqualTo("a\n"));
        }
        server.Signal(15);
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(File.Exists(path), "systemd's file stays");
        Assert.That(daemon.Log, Does.Not.Contain("cannot").IgnoreCase);
    }

    /// <summary><c>ListenStream=8080</c> is bound to [::].</summary>
    [Test]
    public async Task SocketForBothFamiliesIsThatOfAWorkerForOne()
    {
        using var daemon = new Daemon();
        daemon.Folder.Write("host", "0.0.0.0");
        int port = Peer.UnusedPort();
        using ServerProcess server = Activate(daemon, "start", port, $"[::]:{port}", "self");
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        Assert.That(await client.GetStringAsync("/"), Is.EqualTo("1"));
        server.Signal(15);
        Assert.That(server.WaitForExit(), Is.Zero);
    }

    /// <summary>The variables are meant for another process: it opens the address itself, and that is taken.</summary>
    [Test]
    public void SocketsOfAnotherProcessAreNotTaken([Values("start", "start -d")] string form)
    {
        using var daemon = new Daemon();
        int port = Peer.UnusedPort();
        using ServerProcess server = Activate(daemon, form, port, $"127.0.0.1:{port}", "1", starts: false);
        Assert.That(server.WaitForExit(), Is.EqualTo(1));
        Assert.That(server.Output + daemon.Log, Does.Contain($"Cannot listen on http://127.0.0.1:{port}"));
    }

    [Test]
    public void UnitStartsTheProgram()
    {
        using var daemon = new Daemon();
        string unit = daemon.Do("install").Output;
        string[] lines = unit.Split('\n');
        string start = lines.Single(line => line.StartsWith("ExecStart=", StringComparison.Ordinal))["ExecStart=".Length..];
        Assert.That(lines, Has.Some.EqualTo("Type=notify-reload").And.Some.EqualTo("NotifyAccess=main"));
        Assert.That(start, Does.StartWith("/").And.EndWith(" start -d"));
        using var systemd = new NotifySocket(daemon.Folder.PathOf("notify"));
        using ServerProcess server =
            ServerProcess.Run("sh", "-c", $"NOTIFY_SOCKET='{systemd.Name}' exec {start}").WaitForStart();
        Assert.That(systemd.WaitFor("READY=1").Text, Does.Contain($"MAINPID={server.Id}\n"));
        server.Signal(12);
        systemd.WaitFor("RELOADING=1");
        systemd.WaitFor("READY=1", 2);
        server.Signal(15);
        Assert.That(server.WaitForExit(), Is.Zero);
        string file = daemon.Folder.Write("shop.service", unit);
        if (Shell.Run("systemd-analyze", "--version") != 0) return;
        Assert.That(Shell.Run("systemd-analyze", "verify", file), Is.Zero);
    }

    /// <summary>systemd waits for a reload that began after its signal: none may be lost.</summary>
    [Test]
    public void SignalDuringAReloadIsFollowedByAnother()
    {
        using var daemon = new Daemon();
        using var systemd = new NotifySocket(daemon.Folder.PathOf("notify"));
        using ServerProcess server = Run(daemon, systemd, "start -d");
        systemd.WaitFor("READY=1");
        daemon.Folder.Write("hang", "");
        server.Signal(12);
        systemd.WaitFor("RELOADING=1");
        server.Signal(12);
        Wait.For(Wait.Until(() => daemon.Log.Contains("another one follows it", StringComparison.Ordinal), "what the log says"));
        File.Delete(daemon.Folder.PathOf("hang"));
        int hanging = daemon.Status().GetProperty("processes").EnumerateArray()
            .Single(static one => one.GetProperty("state").GetString() == "starting").GetProperty("id").GetInt32();
        Daemon.Signal(hanging, 9);
        systemd.WaitFor("RELOADING=1", 2);
        systemd.WaitFor("READY=1", 3);
        daemon.Do("stop");
    }

    private static ServerProcess Run(Daemon daemon, NotifySocket systemd, string form, params string[] variables)
    {
        if (form == "plain") daemon.Folder.Write("plain", "");
        string[] command = form == "plain" ? [] : form.Split(' ');
        return ServerProcess.Run(["env", $"NOTIFY_SOCKET={systemd.Name}", .. variables, .. daemon.CommandLine, .. command])
            .WaitForStart();
    }

    private static ServerProcess Activate(Daemon daemon, string form, int port, string sockets, string owner, bool starts = true)
    {
        if (form == "plain") daemon.Folder.Write("plain", "");
        string[] notify = starts ? ["env", $"NOTIFY_SOCKET={daemon.Folder.PathOf("nobody")}"] : [];
        string[] command = form == "plain" ? [] : form.Split(' ');
        string[] activate = ["dotnet", typeof(SystemdTests).Assembly.Location, "activate", "web:lines:other", owner, sockets];
        var server = ServerProcess.Run([.. notify, .. activate, .. daemon.CommandLine[..^1],
            port.ToString(CultureInfo.InvariantCulture), .. command]);
        return starts ? server.WaitForStart() : server;
    }

    private static string Echo(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        socket.Send("a\n"u8);
        using var reader = new StreamReader(new NetworkStream(socket));
        return Wait.For(reader.ReadLineAsync()) + "\n";
    }

    private static long Monotonic() => (long)Stopwatch.GetElapsedTime(0).TotalMicroseconds;
}
