using System.Net.Sockets;
using Workerman;

// Push from another process: pages connect by WebSocket and say who they are; any program of this machine tells them something
// by a line of text on an internal port, "uid text", or "* text" for all. The server, and then such a program:
//   dotnet run --project samples/Push
//   dotnet run --project samples/Push -- tell tom 'your order is ready'
// In the console of a page: s = new WebSocket('ws://127.0.0.1:8080'); s.onopen = () => s.send('tom'); s.onmessage = console.log
if (args is ["tell", string uid, string news, ..])
{
    // What a program in any language does: connect, write a line, read one.
    string[] place = (args.ElementAtOrDefault(3) ?? "127.0.0.1:5678").Split(':');
    using var client = new TcpClient(place[0], ushort.Parse(place[1], null));
    await using NetworkStream stream = client.GetStream();
    await using var writer = new StreamWriter(stream) { AutoFlush = true };
    await writer.WriteAsync($"{uid} {news}\n");
    using var reader = new StreamReader(stream);
    Console.WriteLine(await reader.ReadLineAsync());
    return;
}

var users = new Groups();
var pages = new Worker<string>(args.ElementAtOrDefault(0) ?? "websocket://0.0.0.0:8080") { Name = "pages", Count = 2 };
pages.OnMessage = (connection, name) =>
{
    // Here a token would be checked.
    users.Join(connection, name);
    connection.Send($"hello {name}");
};

// On 127.0.0.1 alone: whoever reaches it may push.
var inside = new Worker<string>(args.ElementAtOrDefault(1) ?? "text://127.0.0.1:5678") { Name = "inside" };
inside.OnMessage = (connection, line) =>
{
    string[] parts = line.Split(' ', 2);
    if (parts.Length < 2)
    {
        connection.Send("usage: uid text");
        return;
    }
    int count = parts[0] == "*" ? users.ConnectionCount : users.Count(parts[0]);
    if (parts[0] == "*") users.SendToAll(parts[1]);
    else users.Send(parts[0], parts[1]);
    connection.Send($"told to {count}");
};

Worker.RunAll();
