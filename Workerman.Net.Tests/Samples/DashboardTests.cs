using System.Text.Json;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>
/// The dashboard as a program of its own, in a real browser: what it draws, and what it makes of connections that are lost and of
/// a server that is restarted.
/// </summary>
internal sealed class DashboardTests
{
    private const int Sigkill = 9;

    /// <summary>
    /// Each chart has as many points as the number of its newest reading, which are counted from 1 on: none is missing, none is
    /// there twice.
    /// </summary>
    private const string IsWhole =
        "dashboard.shown.every(({ topic, last }) => last === dashboard.charts[topic].plot.data[0].length)";

    /// <summary>A reading that says that nobody was subscribed, between others that say that somebody was.</summary>
    private const string HasReadingOfTheCut = "/1.*0.*1/.test(dashboard.charts.events.plot.data[1].join(''))";

    /// <summary>Each canvas has pixels of a blue, the colour of its first line: everything but the lines is grey.</summary>
    private const string IsDrawn = """
        [...document.querySelectorAll('canvas')].every(canvas => {
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          for (let i = 0; i < data.length; i += 4) if (data[i + 2] - data[i] > 60 && data[i + 3] > 60) return true;
        })
        """;

    [Test]
    public async Task ChartHasNoHoleAfterACutAndShowsTheGapAfterARestart()
    {
        if (Chromium.Path is null)
            Assert.Ignore("Chromium is not installed (Debian: apt-get install chromium), "
                + "so no browser has shown the dashboard in this run.");
        using ServerProcess first = Start("http://127.0.0.1:0");
        string address = $"http://{first.EndPoint}";
        await using Chromium browser = await Chromium.Open(new Uri(address));
        await WaitFor(browser, "dashboard.shown.length === 4 && dashboard.shown.every(({ topic }) => "
            + "dashboard.charts[topic].plot.data[0].length > 5)");
        await WaitFor(browser, IsWhole);
        Assert.That(await browser.Evaluate("document.getElementById('state').dataset.state"), Is.EqualTo("connected"));
        Assert.That(await browser.Evaluate("dashboard.charts.memory.plot.data[1].every(size => size > 5 && size < 5000)"),
            Is.EqualTo("True"), "MiB of a process");
        await WaitFor(browser, IsDrawn);
        Assert.That(browser.Errors, Is.Empty);

        await browser.Evaluate("document.getElementById('cut').click()");
        await WaitFor(browser, $"dashboard.counts.resumed === 1 && {HasReadingOfTheCut}");
        int last = int.Parse((await browser.Evaluate("dashboard.shown[0].last"))!, null);
        await WaitFor(browser, $"dashboard.shown[0].last >= {last + 8}");
        await WaitFor(browser, IsWhole);
        Assert.That(await CountsOf(browser), Is.EqualTo((0, 0, 0)));

        first.Signal(Sigkill);
        first.WaitForExit();
        await WaitFor(browser, "document.getElementById('state').textContent.startsWith('connection lost')");
        using ServerProcess second = Start(address);
        await WaitFor(browser,
            "dashboard.counts.gaps === 1 && dashboard.shown.every(({ topic }) => dashboard.charts[topic].gaps.length === 1)");
        await WaitFor(browser,
            "document.getElementById('state').dataset.state === 'connected' && dashboard.charts.cpu.plot.data[1].includes(null)");
        Assert.That(await CountsOf(browser), Is.EqualTo((0, 0, 1)));
        Assert.That(await browser.Evaluate("document.getElementById('log').innerText"),
            Does.Contain("are missing").And.Contain("connected again"));
        Assert.That(browser.Errors.Where(error => !error.Contains("\"source\":\"network\"", StringComparison.Ordinal)), Is.Empty,
            "but for the connections that were refused");
    }

    [Test]
    public void TopicsAreStreamsOfTheirOwnWithHistory()
    {
        using ServerProcess server = Start("http://127.0.0.1:0");
        using (var late = new RawClient(server.EndPoint))
        {
            // Until there is a history.
            late.Send("GET /events?topic=memory HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n").ReadUntil("\"n\":3");
        }
        using var client = new RawClient(server.EndPoint);
        string events = client.Send("GET /events?topic=cpu HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
            .ReadUntil("\"n\":4");
        Assert.That(events,
            Does.Contain("event: cpu").And.Contain("{\"n\":1,").And.Contain("{\"n\":2,").And.Contain("{\"n\":3,"));
        Assert.That(events, Does.Not.Contain("event: memory").And.Not.Contain("event: gap"));
        using var other = new RawClient(server.EndPoint);
        Assert.That(other.Send("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Status, Is.EqualTo(404),
            "a link cuts nobody off");
        Assert.That(other.Send("GET /vendor/uPlot.iife.min.js HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Status,
            Is.EqualTo(200));
    }

    /// <summary>The sample with ten readings a second; it tells clients to come back after three of them.</summary>
    private static ServerProcess Start(string address) =>
        ServerProcess.Run("dotnet", Repository.ProgramOf(Path.Combine("samples", "Dashboard"), "Dashboard"), address, "0.1")
            .WaitForStart();

    /// <summary>What the page itself found lost, doubled, and missing by the server's own word.</summary>
    private static async Task<(int Lost, int Doubled, int Gaps)> CountsOf(Chromium browser)
    {
        using JsonDocument counts = JsonDocument.Parse((await browser.Evaluate("JSON.stringify(dashboard.counts)"))!);
        return (counts.RootElement.GetProperty("lost").GetInt32(), counts.RootElement.GetProperty("doubled").GetInt32(),
            counts.RootElement.GetProperty("gaps").GetInt32());
    }

    private static async Task WaitFor(Chromium browser, string condition) =>
        await browser.Evaluate($$"""
            new Promise((resolve, reject) => {
              const end = Date.now() + 15000;
              const look = () => {
                if ({{condition}}) resolve();
                else if (Date.now() > end) reject(new Error('waited in vain, with ' + JSON.stringify(dashboard.counts)));
                else setTimeout(look, 10);
              };
              look();
            })
            """);
}
