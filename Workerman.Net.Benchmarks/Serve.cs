using System.Globalization;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Protocols.Http;

namespace Workerman.Benchmarks;

/// <summary>
/// The server that load tools are pointed at. It uses the public API only, like any application:
/// <c>serve (--port P | --address A) --sse-interval-ms M [--loops N] [--event-loop epoll|socket]</c>.
/// </summary>
internal static class Serve
{
    public static int Run(string[] args)
    {
        string address = Text(args, "--address") ?? $"http://127.0.0.1:{Option(args, "--port", 8080)}";
        double interval = Option(args, "--sse-interval-ms", 1000) / 1000.0;
        if (Text(args, "--event-loop") == "socket") Worker.EventLoopClass = typeof(SocketLoop);
        var worker = new Worker(address) { Name = "serve", Count = Option(args, "--loops", 1) };
        worker.OnMessage = (connection, request) =>
        {
            if (request.Header("accept") == "text/event-stream") Stream(connection, interval);
            else connection.Send("Hello, World!");
        };
        Worker.RunAll();
        return Environment.ExitCode;
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

    private static int Option(string[] args, string name, int otherwise) =>
        Text(args, name) is { } value ? int.Parse(value, CultureInfo.InvariantCulture) : otherwise;

    private static string? Text(string[] args, string name)
    {
        int index = Array.IndexOf(args, name);
        return index >= 0 && index + 1 < args.Length ? args[index + 1] : null;
    }
}
