using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of Workerman's manual about workers: the folder worker, getting-started, development and what the FAQ says of
/// starting them, in C#. Those of a program's files, commands and user are in the tests of Supervision and Logging.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed partial class WorkerPageTests(Type loopType)
{
    private const string Threads = "loops are threads of one process";

    /// <summary>construct, simple-example: HTTP, WebSocket and TCP; before-development: what runs where.</summary>
    [ManualPage("worker/construct.md")]
    [ManualPage("getting-started/simple-example.md", Different = Threads)]
    [ManualPage("development/before-development.md", Different = Threads)]
    [ManualPage("development/standard.md", Different = "names are written as .NET writes them")]
    [ManualPage("faq/processes-count.md", Different = Threads)]
    [ManualPage("faq/protocols.md", Different = "UDP is a class, UdpWorker")]
    [ManualPage("faq/client-connect-fail.md")]
    [Test]
    public async Task HttpWebSocketAndTcp([Values(1, 4)] int count)
    {
        var httpWorker = new Worker("http://127.0.0.1:0") { Count = count };
        httpWorker.OnMessage = (connection, request) =>
        {
            connection.Send("hello world");
        };
        var wsWorker = new Worker<string>("websocket://127.0.0.1:0") { Count = count };
        wsWorker.OnMessage = (connection, data) =>
        {
            connection.Send("hello " + data);
        };
        var tcpWorker = new Worker<string>("tcp://127.0.0.1:0") { Count = count };
        tcpWorker.OnMessage = (connection, data) =>
        {
            connection.Send("hello " + data);
        };
        var udpWorker = new UdpWorker<string>("udp://127.0.0.1:0");
        udpWorker.OnMessage = (connection, data) => connection.Send("hello " + data);
        await using TestServer server = TestServer.Start(loopType, httpWorker, wsWorker, tcpWorker, udpWorker);
        using var http = new HttpClient();
        Assert.That(await http.GetStringAsync(server.Uri), Is.EqualTo("hello world"));
        using var ws = new FrameClient(wsWorker.LocalEndPoint!);
        Assert.That(ws.Send(FrameClient.TextFrame("tom")).ReadText(), Is.EqualTo("hello tom"));
        using var tcp = new RawClient(tcpWorker.LocalEndPoint!);
        Assert.That(tcp.Send("tom").ReadExactly(9), Is.EqualTo("hello tom"));
        using var udp = new UdpClientSocket(udpWorker.LocalEndPoint!);
        Assert.That(udp.Send("tom").Receive(), Is.EqualTo("hello tom"));
    }

    /// <summary>construct: a worker that listens nowhere, for tasks of a timer.</summary>
    [ManualPage("worker/construct.md")]
    [Test]
    public async Task WorkerWithoutAnAddress()
    {
        using var output = new EventQueue();
        var task = new Worker();
        task.OnWorkerStart = task =>
        {
            // The page's 2.5 seconds.
            double timeInterval = 0.005;
            Timer.Add(timeInterval, () =>
            {
                output.Add("task run");
            });
        };
        await using TestServer server = TestServer.Start(loopType, task);
        Assert.That((output.Next(), output.Next()), Is.EqualTo(("task run", "task run")));
    }

    /// <summary>count, name and on-worker-start: the callback comes once for each of them.</summary>
    [ManualPage("worker/count.md", Different = Threads)]
    [ManualPage("worker/name.md")]
    [ManualPage("worker/on-worker-start.md")]
    [Test]
    public async Task OnWorkerStartComesForEach()
    {
        using var output = new EventQueue();
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        // Eight loops that listen on one port.
        worker.Count = 8;
        worker.Name = "MyWebsocketWorker";
        worker.OnWorkerStart = worker =>
        {
            output.Add($"{worker.Name} starting...");
        };
        await using (Start(worker))
        {
            for (int i = 0; i < 8; i++) Assert.That(output.Next(), Is.EqualTo("MyWebsocketWorker starting..."));
        }
        Assert.That(output.Count, Is.Zero);
    }

    /// <summary>workerid: the numbers of each worker's begin at zero; a timer on one of them only.</summary>
    [ManualPage("worker/workerid.md", Different = Threads)]
    [ManualPage("timer/add.md", Different = Threads)]
    [Test]
    public async Task IdsBeginAtZero()
    {
        using var output = new EventQueue();
        using var ticks = new EventQueue();
        var worker1 = new Worker<string>("tcp://127.0.0.1:0") { Count = 4 };
        worker1.OnWorkerStart = worker1 =>
        {
            output.Add($"worker1->id={worker1.Id}");
            // The page's second.
            if (worker1.Id == 0) Timer.Delay(0.001, () => ticks.Add($"timer of {worker1.Id}"));
        };
        var worker2 = new Worker<string>("tcp://127.0.0.1:0") { Count = 2 };
        worker2.OnWorkerStart = worker2 =>
        {
            output.Add($"worker2->id={worker2.Id}");
        };
        worker1.OnMessage = worker2.OnMessage = (_, _) => { };
        await using (TestServer.Start(loopType, worker1, worker2))
        {
            string[] seen = [.. Enumerable.Range(0, 6).Select(_ => output.Next()).Order(StringComparer.Ordinal)];
            Assert.That(seen, Is.EqualTo(new[]
            {
                "worker1->id=0", "worker1->id=1", "worker1->id=2", "worker1->id=3", "worker2->id=0", "worker2->id=1"
            }));
            Assert.That(ticks.Next(), Is.EqualTo("timer of 0"));
        }
        Assert.That(ticks.Count, Is.Zero);
    }

    /// <summary>connections and active-push: something for all, from time to time.</summary>
    [ManualPage("worker/connections.md")]
    [ManualPage("faq/active-push.md")]
    [Test]
    public async Task TimerSendsToAllConnections()
    {
        var worker = new Worker<string>("text://127.0.0.1:0");
        worker.OnWorkerStart = worker =>
        {
            // The page's ten seconds.
            Timer.Add(0.01, () =>
            {
                foreach (TcpConnection connection in worker.Connections)
                {
                    connection.Send("hello");
                }
            });
        };
        await using TestServer server = Start(worker);
        using RawClient one = server.Connect();
        using RawClient two = server.Connect();
        foreach (RawClient client in new[] { one, two })
            Assert.That(client.ReadExactly(12), Is.EqualTo("hello\nhello\n"));
    }

    /// <summary>protocol: HTTP by the address. What else is set by hand is in <see cref="ProtocolsPageTests"/>.</summary>
    [ManualPage("worker/protocol.md", Different = "HTTP and WebSocket go by the address alone; other protocols may be set")]
    [Test]
    public async Task ProtocolIsWhatTheAddressSays()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessage = (connection, request) =>
        {
            connection.Send($"{request.Get("name")} {request.Post("age")} hello");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new HttpClient();
        using HttpResponseMessage answer = await client.PostAsync(
            new Uri(server.Uri, "?name=tom"), new FormUrlEncodedContent([new("age", "12")]));
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo("tom 12 hello"));
    }

    /// <summary>
    /// reuse-port, and listen, the second: in each of them a worker that listens on one port. Without ReusePort that fails, as
    /// the first example of listen says.
    /// </summary>
    [ManualPage("worker/reuse-port.md", Different = Threads)]
    [ManualPage("worker/listen.md", Different = Threads)]
    [Test]
    public async Task InnerWorkersShareAPort([Values] bool reusePort)
    {
        using var output = new EventQueue();
        string address = $"http://127.0.0.1:{Peer.UnusedPort()}";
        var worker = new Worker<string>("text://127.0.0.1:0") { Count = 2, ReusePort = reusePort };
        worker.OnWorkerStart = worker =>
        {
            var innerWorker = new Worker(address) { ReusePort = reusePort };
            innerWorker.OnMessage = OnMessage;
            try
            {
                innerWorker.Listen();
                output.Add("listens");
            }
            catch (Exception e) when (e.Message.Contains("in use", StringComparison.Ordinal))
            {
                output.Add("Address already in use");
            }
        };
        worker.OnMessage = OnMessage;
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(new[] { output.Next(), output.Next() },
            Is.EquivalentTo(new[] { "listens", reusePort ? "listens" : "Address already in use" }));
        using var client = new HttpClient();
        Assert.That(await client.GetStringAsync(new Uri(address)), Is.EqualTo("hello\n"));
        using RawClient line = server.Connect();
        Assert.That(line.Send("a\n").ReadUntil("\n"), Is.EqualTo("hello\n"));

        static void OnMessage<T>(TcpConnection connection, T data)
        {
            connection.Send("hello\n");
        }
    }

    /// <summary>
    /// global-event: a callback for a signal. PHP gives it to the event loop; .NET has it for the whole process.
    /// </summary>
    // Alone: a signal is the process's.
    [ManualPage("worker/global-event.md",
        Different = "signals are .NET's, PosixSignalRegistration; a loop is not for applications")]
    [Test]
    [NonParallelizable]
    [SupportedOSPlatform("linux")]
    public async Task SignalIsTold()
    {
        const int SIGALRM = 14;
        if (!OperatingSystem.IsLinux()) Assert.Ignore("the signal is sent as Linux does it");
        using var output = new EventQueue();
        PosixSignalRegistration? alarm = null;
        var worker = new Worker();
        worker.OnWorkerStart = worker =>
        {
            output.Add($"Pid is {Environment.ProcessId}");
            alarm = PosixSignalRegistration.Create((PosixSignal)SIGALRM, context =>
            {
                context.Cancel = true;
                output.Add("Get signal SIGALRM");
            });
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(output.Next(), Is.EqualTo($"Pid is {Environment.ProcessId}"));
        await Wait.Until(() => alarm is not null, "the registration");
        using PosixSignalRegistration registered = alarm!;
        Assert.That(kill(Environment.ProcessId, SIGALRM), Is.Zero);
        Assert.That(output.Next(), Is.EqualTo("Get signal SIGALRM"));
    }

    private TestServer Start<T>(Worker<T> worker)
    {
        worker.OnMessage ??= (_, _) => { };
        return TestServer.Start(loopType, worker);
    }

    [LibraryImport("libc")]
    private static partial int kill(int pid, int sig);
}
