using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Hosting;
using Workerman.Logging;
using Workerman.Protocols.Http;
using Workerman.Workers;

namespace Workerman.Tests.Support;

/// <summary>
/// Workers that run in the test's own process, on 127.0.0.1 and a port of the system's choice, with settings of their own:
/// servers of several tests share nothing.
/// </summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ServerSettings _settings;
    private readonly Task _run;

    private TestServer(ServerSettings settings, params WorkerBase[] workers)
    {
        _settings = settings;
        First = workers[0];
        Workers = WorkerRun.Open(settings, [.. workers]);
        _run = Workers.RunUntilAsync(_stop.Token);
    }

    /// <summary>What the library logged, unless the test brings a logger of its own.</summary>
    public MemoryLogger Log => (MemoryLogger)_settings.Logger.Inner;

    /// <summary>The first of its workers.</summary>
    public WorkerBase First { get; }

    /// <summary>The same where it has connections.</summary>
    public StreamWorker Main => (StreamWorker)First;

    public Task Run => _run;

    /// <summary>The run of its workers.</summary>
    public WorkerRun Workers { get; }

    public IPEndPoint EndPoint => First.LocalEndPoint!;

    public Uri Uri => new($"http://{EndPoint}/");

    /// <summary>What workers of a test go by; by default they log into memory.</summary>
    public static ServerSettings Settings(Type? loopType, TimeSpan? stopTimeout = null, ILogger? logger = null) =>
        new(new GuardedLogger(logger ?? new MemoryLogger(), LogQueue.Shared), loopType, stopTimeout ?? TimeSpan.FromSeconds(2));

    public static TestServer Start(Type loopType, params WorkerBase[] workers) => new(Settings(loopType), workers);

    public static TestServer Start(ServerSettings settings, params WorkerBase[] workers) => new(settings, workers);

    /// <summary>An HTTP worker that answers as told.</summary>
    public static TestServer Http(Type loopType, Action<TcpConnection, Request> onMessage, Action<Worker>? setUp = null) =>
        Http(Settings(loopType), onMessage, setUp);

    public static TestServer Http(ServerSettings settings, Action<TcpConnection, Request> onMessage, Action<Worker>? setUp = null)
    {
        var worker = new Worker("http://127.0.0.1:0") { Name = "test", OnMessage = onMessage };
        setUp?.Invoke(worker);
        return new TestServer(settings, worker);
    }

    /// <summary>A worker without a protocol: bytes as they come.</summary>
    public static TestServer Raw(
        Type loopType, Action<TcpConnection, ReadOnlyMemory<byte>> onMessage,
        Action<Worker<ReadOnlyMemory<byte>>>? setUp = null) =>
        Raw(Settings(loopType), onMessage, setUp);

    public static TestServer Raw(
        ServerSettings settings, Action<TcpConnection, ReadOnlyMemory<byte>> onMessage,
        Action<Worker<ReadOnlyMemory<byte>>>? setUp = null)
    {
        var worker = new Worker<ReadOnlyMemory<byte>>("tcp://127.0.0.1:0") { Name = "test", OnMessage = onMessage };
        setUp?.Invoke(worker);
        return new TestServer(settings, worker);
    }

    /// <summary>Runs workers until they are stopped, for tests that look at the run itself.</summary>
    public static Task RunAsync(Type loopType, CancellationToken cancellationToken, params WorkerBase[] workers) =>
        WorkerRun.Open(Settings(loopType), [.. workers]).RunUntilAsync(cancellationToken);

    /// <summary>Why workers cannot start.</summary>
    public static string Refusal(Type loopType, params WorkerBase[] workers) =>
        Assert.Throws<WorkerStartException>(() => RunAsync(loopType, default, workers))!.Message;

    public RawClient Connect() => new(EndPoint);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run.WaitAsync(Wait.Limit);
        _stop.Dispose();
    }

    internal sealed class MemoryLogger : ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        /// <summary>What has been logged so far: the library's lines come on a thread of their own.</summary>
        public ConcurrentQueue<string> Lines
        {
            get
            {
                LogQueue.Shared.Flush(Wait.Limit);
                return _lines;
            }
        }

        public string Text => string.Join('\n', Lines);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue($"[{logLevel}] {formatter(state, exception)} {exception}");
    }
}
