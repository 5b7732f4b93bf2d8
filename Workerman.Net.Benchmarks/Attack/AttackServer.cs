using System.Diagnostics;
using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;

namespace Workerman.Benchmarks;

/// <summary>
/// What <see cref="Attack"/> is run against, in a process of its own: <c>attack-server --folder FOLDER [--loops N]</c>. An HTTP
/// worker with a handler of a millisecond (<c>/work</c>), a large answer (<c>/big</c>), files, uploads, sessions and an event
/// stream; WebSocket messages that take a millisecond, and frames. It uses the public API with its defaults, like any
/// application, says where it listens, and stops when its standard input ends.
/// </summary>
internal static class AttackServer
{
    public const string Mark = "attack server listens on ";

    private static readonly byte[] Big = new byte[1_000_000];

    public static int Run(string[] args)
    {
        string folder = Arguments.Text(args, "--folder") ?? throw new InvalidOperationException("--folder is missing");
        int loops = Arguments.Integer(args, "--loops", 1);
        var http = new Worker("http://127.0.0.1:0") { Name = "http", Count = loops, OnMessage = Answering(folder) };
        http.Options.Http.UploadFolder = folder;
        Open(loops, ports => Console.WriteLine($"{Mark}{http.LocalEndPoint!.Port} {ports}"));
        new Thread(StopAtEndOfInput) { IsBackground = true }.Start();
        Worker.RunAll();
        return Environment.ExitCode;
    }

    /// <summary>What the HTTP worker answers; the files are those of a folder.</summary>
    public static Action<TcpConnection, Request> Answering(string folder)
    {
        File.WriteAllBytes(Path.Combine(folder, "file"), new byte[256 * 1024]);
        var files = new StaticFiles(folder);
        var stream = new EventStream();
        return (connection, request) => Answer(connection, request, files, stream);
    }

    /// <summary>Makes the workers that are no HTTP.</summary>
    /// <param name="loops">Loops of each.</param>
    /// <param name="listening">Called with their ports, of WebSockets and of frames, when they listen.</param>
    public static void Open(int loops, Action<string> listening)
    {
        var socket = new Worker<WebSocketMessage>("websocket://127.0.0.1:0")
        {
            Name = "ws",
            Count = loops,
            OnMessage = (connection, message) =>
            {
                Spin(message.Data.Length < 100 ? 1 : 0);
                connection.Send(message);
            },
        };
        socket.Options.WebSocket.Deflate = new DeflateOptions();
        var frame = new Worker<byte[]>("frame://127.0.0.1:0") { Name = "frame", OnMessage = (_, _) => { } };
        frame.OnWorkerStart = _ => listening($"{socket.LocalEndPoint!.Port} {frame.LocalEndPoint!.Port}");
    }

    private static void Answer(TcpConnection connection, Request request, StaticFiles files, EventStream stream)
    {
        switch (request.Path)
        {
            case "/":
                connection.Send("Hello, World!");
                break;
            case "/work":
                Spin(1);
                connection.Send("worked");
                break;
            case "/big":
                connection.Send(new Response(200, [], Big));
                break;
            case "/upload":
                connection.Send($"{request.File("file")?.Size}");
                break;
            case "/session":
                connection.Send(request.Session.Get("name", "nobody")!);
                break;
            case "/publish":
                stream.Publish(request.Body);
                connection.Send("published");
                break;
            case "/events":
                stream.Subscribe(connection, request);
                break;
            default:
                connection.Send(files.Serve(request));
                break;
        }
    }

    private static void Spin(double milliseconds)
    {
        long begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin).TotalMilliseconds < milliseconds) Thread.SpinWait(10);
    }

    private static void StopAtEndOfInput()
    {
        Console.In.ReadToEnd();
        Worker.StopAll();
    }
}
