using System.Net.Sockets;
using Workerman;

// Push from another process: pages connect by WebSocket and say who they are; any program of this machine tells them something
// by a line of text on an internal port, "uid text", or "* text" for all. The server, and then such a program:
//   dotnet run --project samples/Push
//   dotnet run --project samples/Push -- tell tom 'your order is ready'
// In the console of a page: s = new WebSocket('ws://127.0.0.1:8080'); s.onopen = () => s.send('tom'); s.onmessage = console.log
const string Usage = "Push [address [address for programs]], or Push tell uid text [host:port]";
if (args is ["tell", string uid, string news, ..] and { Length: <= 4 })
{
    // What a program in any language does: connect, write a line, read one.
    Uri place = Arguments.HostAndPort("text", args.ElementAtOrDefault(3) ?? "127.0.0.1:5678");
    using var client = new TcpClient();
    try
    {
        await client.ConnectAsync(place.DnsSafeHost, place.Port);
    }
    catch (SocketException e)
    {
        Arguments.Refuse($"nobody listens at {place.Authority}: {e.Message}");
    }
    await using NetworkStream stream = client.GetStream();
    await using var writer = new StreamWriter(stream) { AutoFlush = true };
    await writer.WriteAsync($"{uid} {news}\n");
    using var reader = new StreamReader(stream);
    Console.WriteLine(await reader.ReadLineAsync());
    return;
}

if (args is ["tell", ..]) Arguments.Refuse($"usage: {Usage}");
Arguments.Expect(args, 2, Usage);
string address = args.ElementAtOrDefault(0) ?? "websocket://0.0.0.0:8080";
string inner = args.ElementAtOrDefault(1) ?? "text://127.0.0.1:5678";
var users = new Groups();
var pages = Arguments.Check(() => new Worker<string>(address) { Name = "pages", Count = 2 });
pages.OnMessage = (connection, name) =>
{
    // Here a token would be checked.
    users.Join(connection, name);
    connection.Send($"hello {name}");
};

// On 127.0.0.1 alone: whoever reaches it may push.
var inside = Arguments.Check(() => new Worker<string>(inner) { Name = "inside" });
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
