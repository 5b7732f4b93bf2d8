using System.Globalization;
using System.Text.Json;
using Workerman.Connection;
using Workerman.Events;
using Workerman.EventStreams;
using Workerman.Protocols.Http;

namespace Workerman.Benchmarks;

/// <summary>
/// The server of <see cref="Soak"/>, in a process of its own: <c>soak-server --uploads FOLDER [--loops N] [--event-loop
/// epoll|socket]</c>. It says on its first line where it listens, answers <c>/figures</c> with its state after a collection, and
/// stops in order when its standard input ends.
/// </summary>
internal sealed class SoakServer
{
    public const string ListeningMark = "soak server listens on ";

    /// <summary>
    /// Bytes of <c>/large</c>: more than the system's buffers between a server and a client that does not read (Linux: 4 MiB).
    /// </summary>
    public const int LargeSize = 5 * 1024 * 1024;

    private const double EventInterval = 0.1;

    private readonly EventStream _stream =
        new("soak", new EventStreamOptions { Heartbeat = TimeSpan.FromSeconds(2), MaxBacklog = 200 });
    private readonly byte[] _large = new byte[LargeSize];
    private readonly string _uploads;
    private readonly Worker _worker;
    private readonly EachLoop _loops;

    /// <summary>What hostile clients ask for, on the loops of all others.</summary>
    private readonly Action<TcpConnection, Request> _attacked;
    private long _published;

    private SoakServer(string uploads, int loops)
    {
        _uploads = uploads;
        _attacked = AttackServer.Answering(uploads);
        _worker = new Worker("http://127.0.0.1:0") { Name = "soak", Count = loops };
        _worker.Options.Http.UploadFolder = uploads;
        _worker.Options.Http.BodyMemoryThreshold = 64 * 1024;
        _worker.Options.Http.FileMemoryThreshold = 16 * 1024;
        _loops = new EachLoop(_worker);
        _worker.OnWorkerStart = _ => Start();
        _worker.OnMessage = Answer;
    }

    public static int Run(string[] args)
    {
        string uploads = Arguments.Text(args, "--uploads") ?? Path.GetTempPath();
        int loops = Arguments.Integer(args, "--loops", 2);
        if (Arguments.Text(args, "--event-loop") == "socket") Worker.EventLoopClass = typeof(SocketLoop);
        // Short, so that a run of minutes sees clients that do not read time out.
        TcpConnection.DefaultSendTimeout = TimeSpan.FromSeconds(5);
        TcpConnection.DefaultMaxSendBufferSize = 2 * LargeSize;
        var server = new SoakServer(uploads, loops);
        AttackServer.Open(loops, ports => Console.WriteLine($"{AttackServer.Mark}{server._worker.LocalEndPoint!.Port} {ports}"));
        new Thread(StopAtEndOfInput) { IsBackground = true }.Start();
        Worker.RunAll();
        return Environment.ExitCode;
    }

    private static void StopAtEndOfInput()
    {
        Console.In.ReadToEnd();
        Worker.StopAll();
    }

    private void Start()
    {
        _loops.Enter();
        if (_worker.Id != 0) return;
        Console.WriteLine($"{ListeningMark}{_worker.LocalEndPoint}");
        Timer.Add(EventInterval, () => _stream.Publish(new ServerSentEvents
        {
            Event = "number",
            Data = (++_published).ToString(CultureInfo.InvariantCulture)
        }));
    }

    private void Answer(TcpConnection connection, Request request)
    {
        switch (request.Path)
        {
            case "/timer":
                OpenTimerStream(connection);
                break;
            case "/stream":
                _stream.Subscribe(connection, request);
                break;
            case "/upload":
                connection.Send(Checksum(request));
                break;
            case "/large":
                connection.Send(new Response(200, [], _large));
                break;
            case "/figures":
                SendFigures(connection);
                break;
            default:
                _attacked(connection, request);
                break;
        }
    }

    private static void OpenTimerStream(TcpConnection connection)
    {
        connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }, "\r\n"));
        int number = 0;
        long timerId = 0;
        timerId = Timer.Add(EventInterval, () =>
        {
            if (connection.Status != ConnectionStatus.Established) Timer.Del(timerId);
            else connection.Send(new ServerSentEvents
            {
                Event = "number",
                Data = (++number).ToString(CultureInfo.InvariantCulture)
            });
        });
    }

    /// <summary>Length and sum of what was uploaded, which the client knows too.</summary>
    private static string Checksum(Request request)
    {
        using Stream content = request.File("file") is { } file ? file.OpenRead() : request.OpenBody();
        var buffer = new byte[16 * 1024];
        long length = 0, sum = 0;
        for (int count; (count = content.Read(buffer)) > 0; length += count) sum += SoakUpload.SumOf(buffer.AsSpan(0, count));
        return SoakUpload.Answer(length, sum);
    }

    private async void SendFigures(TcpConnection connection)
    {
        (int Connections, int Timers)[] loops =
            await _loops.Ask(() => (_worker.Connections.Count, EventLoop.Current!.TimerCount));
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        var figures = new SoakFigures
        {
            Heap = GC.GetTotalMemory(forceFullCollection: false),
            Resident = Environment.WorkingSet,
            Connections = loops.Sum(loop => loop.Connections),
            Timers = loops.Sum(loop => loop.Timers),
            Subscribers = _stream.Subscribers,
            // Its own loops, as many of the WebSockets, and the one of the frames.
            Descriptors = OperatingSystem.IsLinux() ? CountDescriptors(2 * loops.Length + 1) : 0,
            TemporaryFiles = Directory.GetFiles(_uploads).Length,
            Threads = ThreadPool.ThreadCount,
        };
        connection.Send(new Response(200, new() { ["Content-Type"] = "application/json" }, JsonSerializer.Serialize(figures)));
    }

    /// <summary>
    /// The descriptors in use. Not those of assemblies, which the runtime loads when it needs them and keeps, nor one ring for
    /// each loop, which makes it when it first has several sockets ready.
    /// </summary>
    private static int CountDescriptors(int loops)
    {
        string[] targets = [.. Directory.GetFileSystemEntries("/proc/self/fd").Select(TargetOf)];
        int rings = targets.Count(target => target == "anon_inode:[io_uring]");
        return targets.Count(target => target.Length > 0 && !target.EndsWith(".dll", StringComparison.Ordinal))
            - Math.Min(rings, loops);
    }

    private static string TargetOf(string descriptor)
    {
        try
        {
            return new FileInfo(descriptor).LinkTarget ?? "";
        }
        catch (IOException)
        {
            // Closed meanwhile.
            return "";
        }
    }
}
