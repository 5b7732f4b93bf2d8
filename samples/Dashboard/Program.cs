using System.Text.Json;
using Dashboard;
using Workerman;
using Workerman.EventStreams;
using Workerman.Protocols.Http;

// Dashboard [address [seconds]]: where it listens, and how often it publishes its figures; with --health: whether one is well.
string address = args.Length > 0 ? args[0] : "http://127.0.0.1:8080";
if (Health.IsAsked(args, address, "/")) return;
Arguments.Expect(args, 2, "Dashboard [address [seconds]]");
double seconds = Arguments.Seconds(args, 1, 1);

var page = new StaticFiles(Path.Combine(AppContext.BaseDirectory, "wwwroot")) { CacheControl = "no-cache" };
var stream = new EventStream("dashboard", new() { ReplayCount = 1200, Retry = TimeSpan.FromSeconds(3 * seconds) });
var figures = new Figures(stream);
var worker = Arguments.Check(() => new Worker(address) { Name = "dashboard" });

worker.OnWorkerStart = _ => Timer.Add(seconds, () =>
{
    foreach ((string topic, Dictionary<string, double> values) in figures.Read())
    {
        string data = JsonSerializer.Serialize(values, FiguresJson.Default.DictionaryStringDouble);
        stream.Publish(new ServerSentEvents { Event = topic, Data = data }, topic);
    }
});

worker.OnMessage = (connection, request) =>
{
    figures.Requests++;
    switch (request.Method, request.Path)
    {
        case ("GET", "/events"):
            stream.Subscribe(connection, request,
                new SubscribeOptions { Topics = [.. request.GetValues("topic")], FromOldest = true });
            break;
        case ("POST", "/cut"):
            // Ends the other connections as a network failure would: nothing is sent to their clients before.
            foreach (var other in worker.Connections.Where(other => other != connection)) other.Destroy();
            connection.Send("cut");
            break;
        default:
            connection.Send(page.Serve(request));
            break;
    }
};

Worker.RunAll();
