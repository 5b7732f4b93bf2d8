using System.Globalization;
using System.Net;
using System.Text.Json;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>The sample with Prometheus' page, its health checks and its page of statistics, as a program of its own.</summary>
internal sealed class MetricsTests
{
    private const int Sigterm = 15;
    [Test]
    public void PrometheusAndBalancersAreToldWhatItDoes()
    {
        using ServerProcess server = Start();
        using var client = new RawClient(server.EndPoint);
        Assert.That(Ask(client, "/healthz/live"), Is.EqualTo((200, "live")));
        Assert.That(Ask(client, "/healthz/ready"), Is.EqualTo((200, "ready")));
        (int status, string page) = Ask(client, "/metrics");
        Assert.That(status, Is.EqualTo(200), page);
        Assert.That(Value(page, "workerman_connections", "worker=\"web\""), Is.GreaterThanOrEqualTo(1));
        Assert.That(Value(page, "http_server_request_duration_seconds_count", "http_route=\"/healthz/ready\""), Is.EqualTo(1));
        Assert.That(Value(page, "http_server_request_duration_seconds_bucket", "http_route=\"/healthz/ready\"", "le=\"10\""),
            Is.EqualTo(1));
        Assert.That(Value(page, "http_server_active_requests", "worker=\"web\""), Is.EqualTo(1), "the one that asks");
        Assert.That(Ask(client, "/nothing").Status, Is.EqualTo(404));
        using var events = new RawClient(server.EndPoint);
        events.Send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("data: ");
        // It is taken of the events that find a subscriber live: not of the first.
        Wait.For(Wait.Until(() => (page = Ask(client, "/metrics").Body)
            .Contains("workerman_event_stream_delay_seconds_count{", StringComparison.Ordinal), "the time that an event takes"));
        Assert.That(Value(page, "workerman_event_stream_subscribers", "stream=\"statistics\""), Is.EqualTo(1));
        Assert.That(Value(page, "workerman_event_stream_resumed_total", "stream=\"statistics\""), Is.Zero);
        Assert.That(Value(page, "workerman_event_stream_delay_seconds_count", "stream=\"statistics\""),
            Is.GreaterThanOrEqualTo(1));

        // A request that has begun when the server stops is still answered, and told that this one is about to go.
        using var late = new RawClient(server.EndPoint);
        late.Send("POST /healthz/ready HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
            .ReadUntil("\r\n\r\n");
        server.Signal(Sigterm);
        Assert.That(client.ReadToEnd(), Is.Empty, "an idle connection is closed");
        Assert.That(late.Send("x").ReadResponse().Status, Is.EqualTo(503));
        Assert.That(server.WaitForExit(), Is.Zero);
    }

    [Test]
    public void PageIsFedWithTheStatistics()
    {
        using ServerProcess server = Start();
        using var client = new RawClient(server.EndPoint);
        Assert.That(Ask(client, "/").Body, Does.Contain("app.js"));
        using var events = new RawClient(server.EndPoint);
        events.Send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("data: ");
        using var reading = JsonDocument.Parse(events.ReadUntil("\n"));
        Assert.That(reading.RootElement.GetProperty("all").GetProperty("requests").GetInt64(), Is.GreaterThanOrEqualTo(0));
        Assert.That(reading.RootElement.GetProperty("loops").GetArrayLength(), Is.EqualTo(2));
        server.Signal(Sigterm);
        Assert.That(server.WaitForExit(), Is.Zero);
    }

    [Test]
    public async Task HeldLoopIsShownOnThePageAndInTheLog()
    {
        if (Chromium.Path is null)
            Assert.Ignore("Chromium is not installed (Debian: apt-get install chromium), so no browser has shown the page.");
        using ServerProcess server = Start();
        await using Chromium browser = await Chromium.Open(new Uri($"http://{server.EndPoint}"));
        await WaitFor(browser, "metrics.history.connections.length > 1 && metrics.history.connections.at(-1) > 0");
        await browser.Evaluate("document.getElementById('hold').click()");
        await Wait.Until(() => server.Output.Contains("has returned; it held its loop workerman web", StringComparison.Ordinal),
            "both lines of the log");
        Assert.That(server.Output, Does.Contain("OnMessage (Program.Main lambda) of worker web has held its loop workerman web"));
        await WaitFor(browser, "metrics.history.loopLag.some(lag => lag > 900)");
        Assert.That(browser.Errors, Is.Empty);
    }

    private static ServerProcess Start()
    {
        string port = Peer.UnusedPort().ToString(CultureInfo.InvariantCulture);
        return ServerProcess.Run("dotnet", Repository.ProgramOf(Path.Combine("samples", "Metrics"), "Metrics"),
            "http://127.0.0.1:0", port).WaitForStart();
    }

    private static (int Status, string Body) Ask(RawClient client, string path)
    {
        (int status, _, string body) = client.Send($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        return (status, body);
    }

    /// <summary>The value of the line of Prometheus' page that has a name and labels.</summary>
    private static double Value(string page, string name, params string[] labels)
    {
        string line = page.Split('\n').FirstOrDefault(line => line.StartsWith(name + "{", StringComparison.Ordinal)
            && labels.All(label => line.Contains(label, StringComparison.Ordinal))) ?? "";
        Assert.That(line, Is.Not.Empty, $"no {name} with {string.Join(' ', labels)} in:\n{page}");
        return double.Parse(line[(line.IndexOf('}') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0],
            CultureInfo.InvariantCulture);
    }

    private static async Task WaitFor(Chromium browser, string condition) =>
        await browser.Evaluate($$"""
            new Promise((resolve, reject) => {
              const end = Date.now() + 15000;
              const look = () => {
                if ({{condition}}) resolve();
                else if (Date.now() > end) reject(new Error('waited in vain: ' + document.body.innerText));
                else setTimeout(look, 10);
              };
              look();
            })
            """);
}
