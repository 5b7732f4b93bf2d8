using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Workerman.Hosting;
using Workerman.Logging;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>What the library says of itself holds neither a loop nor the end of the process, whoever does not read it.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class LogTests(Type loopType)
{
    private const int Sigterm = 15;
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    /// <summary>Fills the pipe that is standard output, before the server begins: the banner itself finds no room.</summary>
    private const string FilledOutput = "head -c 65536 /dev/zero; exec \"$@\"";

    [TestCase("exec \"$@\"", TestName = "{m}(errors)")]
    [TestCase(FilledOutput, TestName = "{m}(banner)")]
    [TestCase("exec \"$@\" 2>/dev/null", TestName = "{m}(output alone)")]
    [TestCase("exec \"$@\" >/dev/null", TestName = "{m}(errors alone)")]
    [Platform("Linux")]
    public void OutputThatNobodyReadsHoldsNeitherTheServerNorItsEnd(string shell)
    {
        IPEndPoint endPoint = UnusedEndPoint();
        using ServerProcess server = ServerProcess.ServeUnread(
            ["--address", $"http://{endPoint}", "--event-loop", LoopName, "--loops", "2"], "bash", "-c", shell, "bash");
        Wait.For(Wait.Until(() => RawClient.CanConnect(endPoint), "the server"));
        Fail(endPoint, times: 1000, size: 4000);
        using var client = new RawClient(endPoint);
        Assert.That(client.Send(Get).ReadResponse().Status, Is.EqualTo(200));
        server.Signal(Sigterm);
        Assert.That(server.WaitForExit(), Is.Zero);
    }

    [Test]
    [Platform("Linux")]
    public void OnceReadingGoesOnTheLogSaysHowManyLinesAreMissing()
    {
        IPEndPoint endPoint = UnusedEndPoint();
        using ServerProcess server = ServerProcess.ServeUnread(["--address", $"http://{endPoint}", "--event-loop", LoopName]);
        Wait.For(Wait.Until(() => RawClient.CanConnect(endPoint), "the server"));
        using (var client = new RawClient(endPoint))
            client.Send("GET /log?times=1000&size=4000 HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n").ReadResponse();
        server.BeginReading();
        Wait.For(Wait.Until(() => server.Output.Contains("log lines were dropped"), "the count"));
        server.Signal(Sigterm);
        Assert.That(server.WaitForExit(), Is.Zero);
        string[] lines = server.Output.Split('\n');
        int written = lines.Count(line => line.Contains("xxx"));
        int dropped = int.Parse(lines.Single(line => line.Contains("were dropped")).Split("[warn] ")[1].Split(' ')[0]);
        Assert.That((written + dropped, dropped > 0), Is.EqualTo((1000, true)));
        Assert.That(server.Output, Does.Contain("Start success").And.Contain("[info] Stopping").And.Contain("[info] Stopped"));
    }

    [Test]
    public async Task LoggerThatBlocksHoldsNeitherTheServerNorItsEnd()
    {
        using var logger = new BlockingLogger();
        // A queue of its own: the logger blocks the thread, which writes for all others otherwise.
        var settings = new ServerSettings(new GuardedLogger(logger, new LogQueue()), loopType, TimeSpan.FromSeconds(2));
        TestServer server = TestServer.Http(settings, (connection, request) =>
        {
            if (request.Path == "/fault") throw new InvalidOperationException("on purpose");
            connection.Send("fine");
        });
        try
        {
            using RawClient client = server.Connect();
            for (int i = 0; i < 100; i++)
                Assert.That(client.Send("GET /fault HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Status, Is.EqualTo(500));
            Assert.That(client.Send(Get).ReadResponse().Body, Is.EqualTo("fine"));
            await server.DisposeAsync();
        }
        finally
        {
            logger.Release();
        }
        await Wait.Until(() => logger.Failures == 100, "all of them, late: a line, and a count");
    }

    /// <summary>What scopes and tracing hang on the flow of execution, and that the values are those of the call.</summary>
    [Test]
    public async Task LoggerSeesWhereTheLineArose()
    {
        var flow = new AsyncLocal<string>();
        var logger = new FlowLogger(() => flow.Value);
        await using TestServer server = TestServer.Http(TestServer.Settings(loopType, logger: logger), (_, _) =>
        {
            flow.Value = "in OnMessage";
            throw new InvalidOperationException("on purpose");
        });
        using RawClient client = server.Connect();
        client.Send(Get).ReadResponse();
        LogQueue.Shared.Flush(Wait.Limit);
        Assert.That(logger.Seen, Does.StartWith("in OnMessage 5 A callback of worker test failed for connection ")
            .And.Contain("Connection=").And.EndsWith("on purpose"));
    }

    private string LoopName => loopType.Name == "SocketLoop" ? "socket" : "epoll";

    private static void Fail(IPEndPoint endPoint, int times, int size)
    {
        using var client = new RawClient(endPoint);
        for (int i = 0; i < times; i++)
            Assert.That(client.Send($"GET /fault?size={size} HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n")
                .ReadResponse().Status, Is.EqualTo(500));
    }

    private static IPEndPoint UnusedEndPoint() => new(IPAddress.Loopback, Peer.UnusedPort());

    private sealed class BlockingLogger : ILogger, IDisposable
    {
        private readonly ManualResetEventSlim _release = new();
        private int _failures;

        public int Failures => Volatile.Read(ref _failures);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            _release.Wait();
            if (exception is not null) Interlocked.Increment(ref _failures);
            else if (state is IReadOnlyList<KeyValuePair<string, object?>> values
                && values[0] is { Key: "Count", Value: long count })
                Interlocked.Add(ref _failures, (int)count);
        }

        public void Release() => _release.Set();

        public void Dispose() => _release.Dispose();
    }

    private sealed class FlowLogger(Func<string?> flow) : ILogger
    {
        public string? Seen { get; private set; }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            string values = string.Join(' ',
                ((IReadOnlyList<KeyValuePair<string, object?>>)state!).Select(pair => $"{pair.Key}={pair.Value}"));
            if (exception is not null)
                Seen ??= $"{flow()} {eventId.Id} {formatter(state, exception)} {values} {exception.Message}";
        }
    }
}
