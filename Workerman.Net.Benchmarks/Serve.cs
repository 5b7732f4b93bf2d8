using System.Diagnostics.Metrics;
using System.Globalization;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;
using Workerman.Connection;
using Workerman.Events;
using Workerman.EventStreams;
using Workerman.Extensions.Redis;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Sessions;
using Workerman.Protocols.WebSocket;

namespace Workerman.Benchmarks;

/// <summary>
/// The server that load tools are pointed at. It uses the public API only, like any application: <c>serve (--port P | --address
/// A) (--sse-interval-ms M | --broadcast-ms M [--redis HOST:PORT]) [--ws-broadcast-ms M] [--loops N] [--event-loop epoll|socket]
/// [--no-io-uring] [--tls] [--deflate] [--metered] [--browser] [--sessions FOLDER] [--files FOLDER [--no-copies]] [--log-file
/// FILE [--log-max-size N] [--log-count N]] [--uploads memory|array|files|streamed]</c>. With <c>--tls</c> it speaks HTTPS, with
/// a certificate of its own that is made at the start. With <c>--broadcast-ms</c> an event stream is no timer of its own but a
/// subscription of the one <see cref="EventStream"/>, to which a timer publishes, with <c>--redis</c> through a log there. With
/// <c>--metered</c> somebody listens to the library's meters. With <c>--browser</c> each request's User-Agent, Accept-Language
/// and cookie <c>session</c> are read. With <c>--port</c> there is also a WebSocket echo on the port above, which compresses with
/// <c>--deflate</c>; with <c>--ws-broadcast-ms</c> all its clients are sent a message of 32 bytes, again and again. With
/// <c>--sessions</c>, <c>GET /session</c> answers the names of the session's values; <c>?set=NAME</c> sets one and <c>?flush</c>
/// ends the session. With <c>--files</c> other requests are answered with the files of a folder; with <c>--no-copies</c>
/// compressed copies of them are not looked for. With <c>--uploads</c> requests are answered with the length of their body.
/// <c>GET /loops</c> with <c>Accept: application/json</c> answers how many connections each loop has; <c>GET /fault?size=N</c>
/// with it fails, with a message of N characters, and <c>GET /log?times=M&amp;size=N</c> logs M lines.
/// </summary>
internal static partial class Serve
{
    public static int Run(string[] args)
    {
        bool tls = args.Contains("--tls");
        string address = Arguments.Text(args, "--address")
            ?? $"{(tls ? "https" : "http")}://127.0.0.1:{Arguments.Integer(args, "--port", 8080)}";
        double interval = Arguments.Integer(args, "--sse-interval-ms", 1000) / 1000.0;
        if (Arguments.Text(args, "--event-loop") == "socket") Worker.EventLoopClass = typeof(SocketLoop);
        if (OperatingSystem.IsLinux()) EpollLoop.UseIoUring = !args.Contains("--no-io-uring");
        Worker.LogFile = Arguments.Text(args, "--log-file");
        Worker.LogFileMaxSize = Arguments.Integer(args, "--log-max-size", 10 * 1024 * 1024);
        Worker.LogFileCount = Arguments.Integer(args, "--log-count", 5);
        var worker = new Worker(address) { Name = "serve", Count = Arguments.Integer(args, "--loops", 1) };
        if (tls) Encrypt(worker);
        string? sessions = Arguments.Text(args, "--sessions");
        if (sessions is not null) worker.Options.Http.Session.Handler = new FileSessionHandler(sessions);
        StaticFiles? files = Arguments.Text(args, "--files") is { } folder
            ? new StaticFiles(folder) { Precompressed = !args.Contains("--no-copies") }
            : null;
        bool readsFields = args.Contains("--browser");
        var loops = new EachLoop(worker);
        worker.OnWorkerStart = _ => loops.Enter();
        Action<TcpConnection, Request> stream = Arguments.Text(args, "--broadcast-ms") is null
            ? (connection, _) => Stream(connection, interval)
            : Broadcast(worker, Arguments.Integer(args, "--broadcast-ms", 0) / 1000.0, Arguments.Text(args, "--redis"));
        worker.OnMessage = (connection, request) =>
        {
            string? accept = request.Header("accept");
            if (accept == "text/event-stream") stream(connection, request);
            else if (accept == "application/json") SendFigures(connection, request, worker, loops);
            else if (files is not null) connection.Send(files.Serve(request));
            else if (readsFields) ReadFields(connection, request);
            // The path is not asked for by the requests that are measured.
            else if (sessions is not null && request.Path == "/session") UseSession(connection, request);
            else connection.Send("Hello, World!");
        };
        if (Arguments.Text(args, "--uploads") is { } form) TakeUploads(worker, form);
        using MeterListener? listener = args.Contains("--metered") ? Listen() : null;
        int port = Arguments.Integer(args, "--port", 0);
        // With port 0 the system chooses both: two programs at once do not meet on port 1.
        if (Arguments.Text(args, "--port") is not null)
        {
            double pause = Arguments.Integer(args, "--ws-broadcast-ms", 0) / 1000.0;
            Echo(port == 0 ? 0 : port + 1, worker.Count, args.Contains("--deflate"), pause);
        }
        Worker.RunAll();
        return Environment.ExitCode;
    }

    /// <summary>
    /// Answers each body with its length: kept in memory, there as one array, in a temporary file, or as it comes.
    /// </summary>
    private static void TakeUploads(Worker worker, string form)
    {
        const int Largest = 64 * 1024 * 1024;
        worker.Options.Http.MaxRequestSize = Largest;
        worker.Options.Http.MaxBodyMemory = 16L * Largest;
        worker.Options.Http.StreamBodies = form == "streamed";
        if (form == "streamed")
        {
            worker.OnMessage = null;
            worker.OnMessageAsync = async (connection, request) => connection.Send($"{await CountAsync(request.BodyReader)}");
            return;
        }
        if (form != "files") worker.Options.Http.BodyMemoryThreshold = Largest;
        worker.OnMessage = (connection, request) =>
            connection.Send($"{(form == "array" ? request.RawBody.Length : request.BodyLength)}");
    }

    private static async Task<long> CountAsync(PipeReader reader)
    {
        for (long count = 0; ;)
        {
            ReadResult read = await reader.ReadAsync();
            count += read.Buffer.Length;
            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted) return count;
        }
    }

    /// <summary>Listens to what is measured as an exporter does, and keeps nothing.</summary>
    private static MeterListener Listen()
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name.StartsWith("Workerman", StringComparison.Ordinal))
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => { });
        listener.SetMeasurementEventCallback<long>(static (_, _, _, _) => { });
        listener.Start();
        return listener;
    }

    private static void Echo(int port, int loops, bool deflate, double broadcastInterval)
    {
        var echo = new Worker<WebSocketMessage>($"websocket://127.0.0.1:{port}")
        {
            Name = "echo",
            Count = loops,
            OnMessage = (connection, message) => connection.Send(message)
        };
        if (deflate) echo.Options.WebSocket.Deflate = new DeflateOptions();
        if (broadcastInterval == 0) return;
        var message = new WebSocketMessage("abcdefghijklmnopqrstuvwxyzabcdef");
        echo.OnWorkerStart = _ =>
        {
            if (echo.Id == 0) Timer.Add(broadcastInterval, () => echo.Broadcast(message));
        };
    }

    private static void SendFigures(TcpConnection connection, Request request, Worker worker, EachLoop loops)
    {
        if (request.Path == "/fault")
            throw new InvalidOperationException(
                new string('x', int.Parse(request.Get("size", "0")!, CultureInfo.InvariantCulture)));
        if (request.Path == "/log") LogLines(request);
        if (request.Path == "/loops") SendLoops(connection, worker, loops);
        else connection.Send("Hello, World!");
    }

    private static void ReadFields(TcpConnection connection, Request request)
    {
        bool hasAll = request.Header("user-agent") is not null && request.Header("accept-language") is not null
            && request.Cookie("session") is not null;
        if (hasAll) connection.Send("Hello, World!");
        else connection.Send(new Response(400));
    }

    private static void LogLines(Request request)
    {
        string line = new('x', int.Parse(request.Get("size", "0")!, CultureInfo.InvariantCulture));
        for (int times = int.Parse(request.Get("times", "0")!, CultureInfo.InvariantCulture); times > 0; times--)
            LogLine(Worker.Logger, line);
    }

    [LoggerMessage(1, LogLevel.Warning, "{Line}")]
    private static partial void LogLine(ILogger logger, string line);

    private static void UseSession(TcpConnection connection, Request request)
    {
        if (request.Get("flush") is not null) request.Session.Flush();
        if (request.Get("set") is { } name) request.Session.Set(name, true);
        connection.Send(string.Join(',', request.Session.All().Keys.Order()));
    }

    private static void Encrypt(Worker worker)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        worker.Transport = "ssl";
        worker.Options.Tls.Certificate =
            request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1));
    }

    private static void Stream(TcpConnection connection, double interval)
    {
        connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }, "\r\n"));
        long timerId = 0;
        timerId = Timer.Add(interval, () =>
        {
            if (connection.Status != ConnectionStatus.Established)
            {
                Timer.Del(timerId);
                return;
            }
            connection.Send(new ServerSentEvents { Event = "message", Data = "hello", Id = "1" });
        });
    }

    /// <summary>One publisher for all streams, on the first loop.</summary>
    private static Action<TcpConnection, Request> Broadcast(Worker worker, double interval, string? redis)
    {
        RedisEventLog? log = redis is null ? null : new RedisEventLog(ConnectionMultiplexer.Connect(redis), "broadcast");
        var stream = new EventStream("broadcast", new() { Log = log });
        var message = new ServerSentEvents { Event = "message", Data = "hello" };
        worker.OnWorkerStart += _ =>
        {
            if (worker.Id != 0) return;
            if (log is null) Timer.Add(interval, () => stream.Publish(message));
            else Timer.AddAsync(interval, async () => await stream.PublishAsync(message));
        };
        return (connection, request) => stream.Subscribe(connection, request);
    }

    private static async void SendLoops(TcpConnection connection, Worker worker, EachLoop loops)
    {
        int[] counts = await loops.Ask(() => worker.Connections.Count);
        connection.Send(new Response(200, new() { ["Content-Type"] = "application/json" }, $"[{string.Join(',', counts)}]"));
    }
}
