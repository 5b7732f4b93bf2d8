using System.Text.Json;
using System.Text.Json.Serialization;
using Workerman;
using Workerman.Protocols.Http;

// WebSocketChat [address]: a page, and a room for all who have it open with the same name of one, on one port; with --health:
// whether one is well.
string address = args.Length > 0 ? args[0] : "http://127.0.0.1:8080";
if (Health.IsAsked(args, address, "/")) return;
Arguments.Expect(args, 1, "WebSocketChat [address]");

var page = new StaticFiles(Path.Combine(AppContext.BaseDirectory, "wwwroot")) { CacheControl = "no-cache" };
var worker = Arguments.Check(() => new Worker(address) { Name = "chat", Count = 2 });
var rooms = new Groups();
int guests = 0;

worker.OnMessage = (connection, request) =>
{
    if (request.Path != "/room")
    {
        connection.Send(page.Serve(request));
        return;
    }
    string room = request.Get("name", "lobby");
    if (room.Length is 0 or > 40)
    {
        connection.Send(new Response(400));
        return;
    }
    string guest = $"guest {Interlocked.Increment(ref guests)}";
    if (!connection.UpgradeToWebSocket(request, (own, message) => Tell(room, guest, message.Text))) return;
    connection.OnClose = own =>
    {
        // It would leave by itself when this returns; those who stay are told how many they are.
        rooms.LeaveAll(own);
        Tell(room, guest, "has left");
    };
    rooms.Join(connection, room);
    Tell(room, guest, "has come");
};

Worker.RunAll();

// Reaches the members on all loops, and encodes the message once.
void Tell(string room, string who, string text) =>
    rooms.Send(room, JsonSerializer.Serialize(new Line(who, text, rooms.Count(room)), LineJson.Default.Line));

/// <summary>What a page is told: who says what, and how many are in the room. Immutable.</summary>
internal sealed record Line(string Who, string Text, int Count);

/// <summary>How a line is JSON, made by the compiler: without reflection, so that NativeAOT knows it.</summary>
[JsonSerializable(typeof(Line))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class LineJson : JsonSerializerContext;
