using System.Text.Json;
using Metrics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using Workerman;
using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Hosting;
using Workerman.Protocols.Http;

// Metrics [address [port]]: where it listens, and the exporter's port on the loopback interface; with --health: whether one is
// well.
string address = args.Length > 0 ? args[0] : "http://127.0.0.1:8080";
if (Health.IsAsked(args, address, "/healthz/ready")) return;
Arguments.Expect(args, 2, "Metrics [address [port]]");
int port = args.Length > 1 ? Arguments.HostAndPort("http", $"127.0.0.1:{args[1]}").Port : 9464;

// OpenTelemetry collects what the library's meters measure, and its exporter makes Prometheus' page of it.
using MeterProvider provider = Sdk.CreateMeterProviderBuilder()
    .AddMeter("Workerman", "Workerman.EventStreams")
    .AddPrometheusHttpListener(options => (options.Host, options.Port) = ("127.0.0.1", port))
    .Build();
using var exporter = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/"), Timeout = TimeSpan.FromSeconds(10) };

var page = new StaticFiles(Path.Combine(AppContext.BaseDirectory, "wwwroot")) { CacheControl = "no-cache" };
var stream = new EventStream("statistics", new() { ReplayCount = 300 });
var web = Arguments.Check(() => new Worker(address) { Name = "web", Count = 2 });

web.OnMessageAsync = async (connection, request) =>
{
    // The routes are few, so they may be an attribute of the metrics; paths are as many as clients like.
    switch (request.Method, request.Path)
    {
        case ("GET", "/metrics"):
            request.Route = "/metrics";
            await Export(connection, request);
            break;
        case (_, "/healthz/live"):
            request.Route = "/healthz/live";
            connection.Send("live");
            break;
        case (_, "/healthz/ready"):
            request.Route = "/healthz/ready";
            if (Worker.GetStatus() == WorkerStatus.Running) connection.Send("ready");
            else connection.Send(new Response(503, new() { ["Retry-After"] = "5" }, "stopping"));
            break;
        case ("GET", "/events"):
            request.Route = "/events";
            stream.Subscribe(connection, request, new SubscribeOptions { FromOldest = true });
            break;
        case ("POST", "/hold"):
            request.Route = "/hold";
            // What nobody should do: all connections of this loop wait, and the log says so.
            Thread.Sleep(2000);
            connection.Send("held");
            break;
        default:
            request.Route = "static file";
            connection.Send(page.Serve(request));
            break;
    }
};

// A loop of its own, which goes on when one of the web worker's is held.
var clock = new Worker { Name = "clock" };
clock.OnWorkerStart = _ => Timer.Add(1, () =>
    stream.Publish(JsonSerializer.Serialize(Reading.Of(web), ReadingContext.Default.Reading)));

Worker.RunAll();

async Task Export(TcpConnection connection, Request request)
{
    using var scrape = new HttpRequestMessage(HttpMethod.Get, "metrics");
    // Prometheus says which of its formats it reads.
    if (request.Header("accept") is { } accept) scrape.Headers.TryAddWithoutValidation("Accept", accept);
    using HttpResponseMessage answer = await exporter.SendAsync(scrape);
    byte[] text = await answer.Content.ReadAsByteArrayAsync();
    string type = answer.Content.Headers.ContentType?.ToString() ?? "text/plain";
    connection.Send(new Response((int)answer.StatusCode, new() { ["Content-Type"] = type }, text));
}
