using Workerman;
using Workerman.Protocols.Http;

// A page, and a chat for all who have it open, on one port.
var page = new StaticFiles(Path.Combine(AppContext.BaseDirectory, "wwwroot")) { CacheControl = "no-cache" };
var chat = new Groups();
var worker = new Worker("http://0.0.0.0:8080");

worker.OnMessage = (connection, request) =>
{
    if (request.Path != "/chat")
    {
        connection.Send(page.Serve(request));
        return;
    }
    string guest = $"guest {connection.Id}";
    if (!connection.UpgradeToWebSocket(request, (own, message) => chat.Send("all", $"{guest}: {message.Text}"))) return;
    chat.Join(connection, "all");
    chat.Send("all", $"{guest} has come");
    connection.OnClose = own => chat.Send("all", $"{guest} has left");
};

Worker.RunAll();
