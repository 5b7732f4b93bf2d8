using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>A server as a process: banner, signals, exit codes, and what keeps it from starting.</summary>
[Platform("Linux,MacOSX")]
internal sealed class ProcessTests
{
    private const int Sigint = 2;
    private const int Sigterm = 15;

    private static readonly string[] LoopNames = OperatingSystem.IsLinux() ? ["epoll", "socket"] : ["socket"];

    [Test]
    public void BannerNamesVersionRuntimeLoopAndWorkers([ValueSource(nameof(LoopNames))] string loop)
    {
        using ServerProcess server = ServerProcess.Serve(["--port", "0", "--event-loop", loop]).WaitForStart();
        Assert.That(server.Output,
            Does.Contain("WORKERMAN").And.Contain("Workerman.Net version:").And.Contain($".NET version:{Environment.Version}")
            .And.Contain($"event-loop:{loop}").And.Contain($"http://{server.EndPoint}").And.Contain("[OK]"));
    }

    [TestCase(Sigint)]
    [TestCase(Sigterm)]
    public void SignalEndsItGracefullyThoughStreamsAreOpen(int signal)
    {
        foreach (string loop in LoopNames)
        {
            using ServerProcess server = ServerProcess.Serve(["--port", "0", "--sse-interval-ms", "20", "--event-loop", loop])
                .WaitForStart();
            using var stream = new RawClient(server.EndPoint);
            using var idle = new RawClient(server.EndPoint);
            stream.Send("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n").ReadUntil("data: hello\n\n");
            idle.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
            var clock = Stopwatch.StartNew();
            server.Signal(signal);
            Assert.That(server.WaitForExit(), Is.Zero, server.Output);
            Assert.That(clock.Elapsed, Is.LessThan(Worker.StopTimeout + TimeSpan.FromSeconds(1)));
            // Whole events, then an end in order.
            Assert.That(stream.ReadToEnd(), Does.Match("^(event: message\nid: 1\ndata: hello\n\n)*$"));
            Assert.That(idle.IsAtEnd());
        }
    }

    [ManualPage("faq/workerman-start-fail.md", Different = "one line with the cure, and exit code 1")]
    [Test]
    public void PortInUseIsOneLineAndExitCode1()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        string address = $"http://{taken.LocalEndpoint}";
        AssertRefused(ServerProcess.Serve(["--address", address]), address, "in use", "choose another port");
    }

    [ManualPage("faq/workerman-start-fail.md", Different = "one line with the cure, and exit code 1")]
    [TestCase("http://127.0.0.1:99999", "no port (0 to 65535)")]
    [TestCase("http://256.0.0.1:80", "no IPv4 address")]
    [TestCase("http://127.0.0.1", "no port")]
    [TestCase("http://[::zz]:80", "no IPv6 address")]
    [TestCase("127.0.0.1:80", "no scheme")]
    [TestCase("gopher://127.0.0.1:70", "the scheme gopher is not known")]
    [TestCase("http://192.0.2.1:8080", "no address of this machine")]
    [TestCase("http://no-such-host.invalid:8080", "not known")]
    public void BadAddressIsOneLineAndExitCode1(string address, string cause) =>
        AssertRefused(ServerProcess.Serve(["--address", address]), address, cause);

    [Test]
    public void PasswordInAnAddressIsNotQuoted()
    {
        using ServerProcess server = ServerProcess.Serve(["--address", "http://user:secret@127.0.0.1:8080"]);
        Assert.That(server.WaitForExit(), Is.EqualTo(1));
        Assert.That(server.Output, Does.Contain("Cannot listen on http://...: it has a user name").And.Not.Contain("secret"));
    }

    [Test]
    [Platform("Linux")]
    public void FullDiskBehindTheConsoleDoesNotStopTheServer()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var endPoint = (IPEndPoint)probe.LocalEndpoint;
        probe.Stop();
        using ServerProcess server =
            ServerProcess.Serve(["--address", $"http://{endPoint}"], "bash", "-c", "exec \"$@\" >/dev/full 2>&1", "bash");
        Wait.For(Wait.Until(() => Answers(endPoint), "an answer"));
        server.Signal(Sigterm);
        Assert.That(server.WaitForExit(), Is.Zero);
    }

    [ManualPage("faq/workerman-start-fail.md", Different = "one line with the cure, and exit code 1")]
    [Test]
    [Platform("Linux")]
    public void MissingPermissionIsOneLineAndExitCode1()
    {
        if (!int.TryParse(File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start"), out int first) || first <= 81)
            Assert.Ignore("every user may listen on every port here");
        // As somebody without privileges, if the tests themselves have some.
        string[] wrapper = Environment.IsPrivilegedProcess ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
        AssertRefused(ServerProcess.Serve(["--address", "http://127.0.0.1:81"], wrapper), "http://127.0.0.1:81",
            "does not let this user", "choose a higher port");
    }

    [Test]
    public async Task DescriptorsThatRunOutPauseAcceptingAndNothingSpins([ValueSource(nameof(LoopNames))] string loop)
    {
        using ServerProcess server = ServerProcess.Serve(["--port", "0", "--event-loop", loop], "bash", "-c",
            "ulimit -n 150; exec \"$@\"", "bash").WaitForStart();
        using var first = new RawClient(server.EndPoint);
        first.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        List<RawClient> crowd = [.. Enumerable.Range(0, 200).Select(_ => new RawClient(server.EndPoint))];
        await Wait.Until(() => server.Output.Contains("pauses accepting"), "the pause");
        TimeSpan before = CpuOf(server);
        var clock = Stopwatch.StartNew();
        for (int i = 0; i < 10; i++)
        {
            // Who is in stays served.
            Assert.That(first.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("Hello, World!"));
            await Task.Delay(100);
        }
        Assert.That((CpuOf(server) - before) / clock.Elapsed, Is.LessThan(0.5),
            "share of a core that is used for next to nothing");
        Assert.That(server.Output.Split("pauses accepting"), Has.Length.EqualTo(2), "said once");
        crowd.ForEach(client => client.Dispose());
        using var late = new RawClient(server.EndPoint);
        Assert.That(late.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("Hello, World!"));
        await Wait.Until(() => server.Output.Contains("accepts again"), "the resumption");
    }

    private static bool Answers(IPEndPoint endPoint)
    {
        try
        {
            using var client = new RawClient(endPoint);
            return client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Status == 200;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static TimeSpan CpuOf(ServerProcess server)
    {
        using var process = Process.GetProcessById(server.Id);
        return process.TotalProcessorTime;
    }

    private static void AssertRefused(ServerProcess server, params string[] parts)
    {
        using (server)
        {
            Assert.That(server.WaitForExit(), Is.EqualTo(1), server.Output);
            string line = server.Output.Trim();
            Assert.That(line.Split('\n'), Has.Length.EqualTo(1), line);
            foreach (string part in parts) Assert.That(line, Does.Contain(part));
        }
    }
}
