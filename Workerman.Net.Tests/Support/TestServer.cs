using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Logging;
using Workerman.Protocols.Http;

namespace Workerman.Tests.Support;

/// <summary>Workers that run in the test's own process, on 127.0.0.1 and a port of the system's choice.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _run;

    private TestServer(Type loopType, WorkerBase worker)
    {
        Worker.EventLoopClass = loopType;
        Worker.Logger = Log = new MemoryLogger();
        Main = worker;
        _run = Worker.RunAllAsync(_stop.Token);
    }

    /// <summary>What the library logged.</summary>
    public MemoryLogger Log { get; }

    public WorkerBase Main { get; }

    public Task Run => _run;

    public IPEndPoint EndPoint => Main.LocalEndPoint!;

    public Uri Uri => new($"http://{EndPoint}/");

    public static TestServer Start(Type loopType, WorkerBase worker) => new(loopType, worker);

    /// <summary>An HTTP worker that answers as told.</summary>
    public static TestServer Http(Type loopType, Action<TcpConnection, Request> onMessage, Action<Worker>? setUp = null)
    {
        var worker = new Worker("http://127.0.0.1:0") { Name = "test", OnMessage = onMessage };
        setUp?.Invoke(worker);
        return new TestServer(loopType, worker);
    }

    /// <summary>A worker without a protocol: bytes as they come.</summary>
    public static TestServer Raw(Type loopType, Action<TcpConnection, ReadOnlyMemory<byte>> onMessage, Action<Worker<ReadOnlyMemory<byte>>>? setUp = null)
    {
        var worker = new Worker<ReadOnlyMemory<byte>>("tcp://127.0.0.1:0") { Name = "test", OnMessage = onMessage };
        setUp?.Invoke(worker);
        return new TestServer(loopType, worker);
    }

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

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue($"[{logLevel}] {formatter(state, exception)} {exception}");
    }
}
