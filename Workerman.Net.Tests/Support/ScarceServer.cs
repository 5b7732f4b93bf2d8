using System.Net;
using System.Net.Sockets;
using System.Reflection;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Sessions;

namespace Workerman.Tests.Support;

/// <summary>
/// The tests as a program, <c>scarce epoll|socket FOLDER PORT</c>: a server that opens descriptors in every way that a peer can
/// cause, to be run under a low limit. The folder has a <c>large</c> file, and takes uploads and sessions.
/// </summary>
internal static class ScarceServer
{
    public static ServerProcess Start(string folder) =>
        ServerProcess.Run("dotnet", typeof(ScarceServer).Assembly.Location, "scarce", "epoll", folder, "0");

    public static int Run(string loop, string folder, string port)
    {
        if (loop == "socket") Worker.EventLoopClass = typeof(SocketLoop);
        var worker = new Worker($"http://127.0.0.1:{port}") { Name = "scarce" };
        worker.Options.Http.UploadFolder = folder;
        worker.Options.Http.Session.Handler = new FileSessionHandler(Path.Combine(folder, "sessions"));
        var files = new StaticFiles(folder);
        worker.OnConnect = connection => connection.MaxPackageSize = 3L << 30;
        worker.OnMessage = (connection, request) =>
        {
            switch (request.Path)
            {
                case "/file":
                    connection.Send(new Response().WithFile(Path.Combine(folder, "large")));
                    break;
                case "/large":
                    connection.Send(files.Serve(request));
                    break;
                case "/upload":
                    // Never answered, so the temporary file stays as long as the connection.
                    break;
                case "/size":
                    connection.Send($"{request.File("f")!.Size}");
                    break;
                case "/session":
                    request.Session.Set("a", request.Session.Get("a", 0) + 1);
                    connection.Send($"{request.Session.Get("a", 0)}");
                    break;
                case "/fault":
                    throw new InvalidOperationException("as asked for");
                case "/connect":
                    Connect(connection, worker.LocalEndPoint!);
                    break;
                case "/datagrams":
                    var client = new AsyncUdpConnection<string>($"udp://{worker.LocalEndPoint}");
                    client.OnError = (_, _, reason) => connection.Send(new Response(502, null, reason));
                    client.OnConnect = _ => connection.Send("open");
                    connection.OnClose = _ => client.Close();
                    client.Connect();
                    break;
                case "/close-input":
                    // Fails where a file of the runtime's had the number meanwhile, and is closed already.
                    _ = CloseInput();
                    connection.Send("closed");
                    break;
                case "/load":
                    connection.Send(Assembly.Load(request.Get("name")!).GetName().Name!);
                    break;
                default:
                    connection.Send("Hello, World!");
                    break;
            }
        };
        Worker.RunAll();
        return Environment.ExitCode;
    }

    /// <summary>Closes it behind .NET's back, as a library or a failing runtime may.</summary>
    private static int CloseInput() => SystemCalls.close(0);

    private static void Connect(TcpConnection connection, IPEndPoint endPoint)
    {
        var client = new AsyncTcpConnection<string>($"text://{endPoint}");
        client.OnError = (_, _, reason) => connection.Send(new Response(502, null, reason));
        client.OnConnect = _ => connection.Send("open");
        connection.OnClose = _ => client.Close();
        client.Connect();
    }
}
