using System.Collections.Concurrent;
using System.Text.Json;
using Chat;
using Workerman;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;

// Chat [address [seconds]]: rooms with names, a list of who is there, messages to all of the room or to one; in the manner of
// workerman-chat, whose messages these are (Messages.cs). The seconds are those between two pings. It needs no other server:
//   dotnet run --project samples/Chat
Arguments.Expect(args, 2, "Chat [address [seconds]]");
string address = args.ElementAtOrDefault(0) ?? "http://127.0.0.1:8080";
double pause = Arguments.Seconds(args, 1, 20);

var page = new StaticFiles(Path.Combine(AppContext.BaseDirectory, "wwwroot")) { CacheControl = "no-cache" };
var worker = Arguments.Check(() => new Worker(address) { Name = "chat", Count = 2 });
// Who has logged in: by room, and each under an id of its own. Both reach the connections of all loops.
var rooms = new Groups();
var clients = new Groups();
// Each name is in a room once, whichever loops those who want it are on.
var names = new ConcurrentDictionary<(string Room, string Name), string>();

worker.OnConnect = connection => connection.MaxPackageSize = 16 * 1024;
worker.OnMessage = (connection, request) =>
{
    if (request.Path != "/chat")
    {
        connection.Send(page.Serve(request));
        return;
    }
    bool isHeard = true;
    if (!connection.UpgradeToWebSocket(request, (own, message) =>
    {
        isHeard = true;
        Hear(own, message);
    })) return;
    long pings = Timer.Add(pause, () =>
    {
        if (isHeard) Tell(connection, new("ping"));
        else connection.CloseWebSocket(CloseCode.PolicyViolation, "no answer to a ping");
        isHeard = false;
    });
    connection.OnClose = own =>
    {
        Timer.Del(pings);
        LogOut(own);
    };
};
Worker.RunAll();

void Hear(TcpConnection connection, WebSocketMessage message)
{
    try
    {
        Said? said = JsonSerializer.Deserialize(message.Data.Span, ChatJson.Default.Said);
        string? complaint = said?.Type switch
        {
            "pong" => null,
            "login" => LogIn(connection, said),
            "say" => Say(connection, said),
            _ => "there is no such type of message",
        };
        if (complaint is not null) Tell(connection, new("error") { Message = complaint });
    }
    catch (JsonException)
    {
        Tell(connection, new("error") { Message = "this is no message as JSON" });
    }
}

// What is wrong, or null.
string? LogIn(TcpConnection connection, Said said)
{
    Client client = connection.GetContext<Client>();
    if (client.Room != "") return "you are logged in already";
    if (said.ClientName is not { Length: > 0 and <= 40 } name || said.RoomId is not { Length: > 0 and <= 40 } room)
        return "a name and a room have 1 to 40 characters";
    if (!names.TryAdd((room, name), client.Id)) return "somebody else in this room has that name";
    connection.Context = client with { Room = room, Name = name };
    clients.Join(connection, client.Id);
    // In this order nobody is missed: whoever comes after the list was made tells it to this member.
    rooms.Join(connection, room);
    var login = new Told("login") { ClientId = client.Id, ClientName = name };
    rooms.Except(connection).Send(room, Json(login));
    IEnumerable<Client> all = rooms.GetConnections(room).Select(each => each.Context).OfType<Client>();
    Tell(connection, login with { ClientList = all.ToDictionary(each => each.Id, each => each.Name) });
    return null;
}

string? Say(TcpConnection connection, Said said)
{
    Client client = connection.GetContext<Client>();
    if (client.Room == "") return "log in first";
    if (said.Content is not { Length: > 0 and <= 2000 }) return "a message has 1 to 2000 characters";
    string to = said.ToClientId ?? "all";
    var told = new Told("say")
    {
        FromClientId = client.Id,
        FromClientName = client.Name,
        ToClientId = to,
        Content = said.Content
    };
    if (to == "all")
    {
        rooms.Send(client.Room, Json(told));
        return null;
    }
    if (!clients.GetConnections(to).Any(each => rooms.Contains(each, client.Room))) return "nobody of that id is in this room";
    clients.Send(to, Json(told));
    if (to != client.Id) Tell(connection, told);
    return null;
}

void LogOut(TcpConnection connection)
{
    Client client = connection.GetContext<Client>();
    if (client.Room == "") return;
    rooms.LeaveAll(connection);
    names.TryRemove((client.Room, client.Name), out _);
    rooms.Send(client.Room, Json(new("logout") { FromClientId = client.Id, FromClientName = client.Name }));
}

static void Tell(TcpConnection connection, Told told) => connection.Send(Json(told));

static string Json(Told told) => JsonSerializer.Serialize(told, ChatJson.Default.Told);
