using System.Text.Json;
using Workerman;
using Workerman.Connection;
using Workerman.Protocols.Http;

// WebSocketChat [address]: a page, and a room for all who have it open, on one port.
string address = args.Length > 0 ? args[0] : "http://127.0.0.1:8080";

var page = new StaticFiles(Path.Combine(AppContext.BaseDirectory, "wwwroot")) { CacheControl = "no-cache" };
var worker = new Worker(address) { Name = "chat" };
int guests = 0;

worker.OnMessage = (connection, request) =>
{
    if (request.Path != "/room")
    {
        connection.Send(page.Serve(request));
        return;
    }
    if (!connection.UpgradeToWebSocket(request, (own, message) => Tell($"{own.Context}", message.Text))) return;
    connection.Context = $"guest {++guests}";
    connection.OnClose = _ => Tell($"{connection.Context}", "has left");
    Tell($"{connection.Context}", "has come");
};

Worker.RunAll();

// Connections that have no context have only loaded the page, and are no WebSockets.
void Tell(string who, string text)
{
    string message = JsonSerializer.Serialize(new { who, text });
    foreach (TcpConnection other in worker.Connections.Where(other => other.Context is not null)) other.Send(message);
}
