using System.Text.Json.Nodes;
using JsonLines;
using Workerman;

// JsonLines [address]: a chat in lines of JSON, over TCP or, at unix:///path/to.sock, a Unix socket.
// Try it with nc: {"say": "hello"}
Arguments.Expect(args, 1, "JsonLines [address]");
string address = args.Length > 0 ? args[0] : "tcp://127.0.0.1:2345";

var worker = Arguments.Check(
    () => new Worker<JsonNode>(address) { Name = "json lines", Protocol = () => new JsonLinesProtocol() });

worker.OnConnect = connection => connection.Send(new JsonObject { ["welcome"] = connection.Id });

worker.OnMessage = (connection, message) =>
{
    if (message is JsonObject { Count: 1 } line && line.ContainsKey("say"))
    {
        foreach (var other in worker.Connections)
            other.Send(new JsonObject { ["from"] = connection.Id, ["said"] = line["say"]?.DeepClone() });
    }
    else
    {
        connection.Send(new JsonObject { ["error"] = "Say something: {\"say\": …}" });
    }
};

Worker.RunAll();
