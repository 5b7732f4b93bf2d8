using System.Net;
using System.Text.Json;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>
/// Jobs by cron expressions, in the sample as a program of its own: when they are due, that they run, and its page.
/// </summary>
internal sealed class CrontabTests
{
    private ServerProcess _server = null!;
    private HttpClient _client = null!;

    [OneTimeSetUp]
    public void Start()
    {
        _server = ServerProcess.Run("dotnet", Repository.ProgramOf(Path.Combine("samples", "Crontab"), "Crontab"),
            "http://127.0.0.1:0", "Asia/Shanghai").WaitForStart();
        _client = new HttpClient { BaseAddress = new Uri($"http://{_server.EndPoint}"), Timeout = Wait.Limit };
    }

    [OneTimeTearDown]
    public void Stop()
    {
        _client.Dispose();
        _server.Dispose();
    }

    // Five fields and six.
    [TestCase("50 7 * * *", "Asia/Shanghai", "2026-01-31T23:50:30Z", "2026-02-02T07:50:00+08:00 2026-02-03T07:50:00+08:00")]
    [TestCase("1 * * * * *", "UTC", "2026-01-31T23:59:01Z", "2026-02-01T00:00:01+00:00 2026-02-01T00:01:01+00:00")]
    // What falls into the hour that is left out comes at its end, and what falls into the one that is there twice comes once.
    [TestCase("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-28T03:00:00+02:00 2027-03-29T02:30:00+02:00")]
    [TestCase("30 2 * * *", "Europe/Berlin", "2027-10-30T12:00:00Z", "2027-10-31T02:30:00+02:00 2027-11-01T02:30:00+01:00")]
    // What repeats goes on through both.
    [TestCase("0 */30 * * * *", "Europe/Berlin", "2027-10-31T00:20:00Z", "2027-10-31T02:30:00+02:00 2027-10-31T02:00:00+01:00")]
    [TestCase("0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z", "")]
    public async Task ExpressionsSayWhen(string rule, string zone, string after, string expected)
    {
        DateTimeOffset[] next = JsonSerializer.Deserialize<DateTimeOffset[]>(await _client.GetStringAsync(
            new Uri($"/next?rule={Uri.EscapeDataString(rule)}&zone={zone}&after={after}", UriKind.Relative)))!;
        Assert.That(string.Join(' ', next.Take(2).Select(time => $"{time:yyyy-MM-dd'T'HH:mm:sszzz}")), Is.EqualTo(expected));
    }

    [Test]
    public async Task JobsRunOnceEachTimeUntilTheyAreRemoved()
    {
        using var events = new RawClient(_server.EndPoint);
        events.Send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        (HttpStatusCode status, string body) = await Ask("POST", "/jobs?rule=*+*+*+*+*+*&name=tick");
        Assert.That(status, Is.EqualTo(HttpStatusCode.Created));
        using JsonDocument job = JsonDocument.Parse(body);
        Assert.That(job.RootElement.GetProperty("zone").GetString(), Is.EqualTo("Asia/Shanghai"));
        Assert.That(job.RootElement.GetProperty("next").GetString(), Does.EndWith("+08:00"));
        // A busy machine may leave a second out; none has two runs.
        long last = 0;
        for (int i = 0; i < 3; i++)
        {
            long second = NextRun(events, "tick").ToUnixTimeSeconds();
            Assert.That(second, Is.GreaterThan(last));
            last = second;
        }
        string remove = $"/jobs?id={job.RootElement.GetProperty("id")}";
        Assert.That((await Ask("DELETE", remove)).Status, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That((await Ask("DELETE", remove)).Status, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((await Ask("GET", "/jobs")).Body, Does.Not.Contain("tick").And.Contain("every five seconds"));
    }

    [TestCase("POST", "/jobs")]
    [TestCase("POST", "/jobs?rule=61+*+*+*+*")]
    [TestCase("POST", "/jobs?rule=*+*+*")]
    [TestCase("POST", "/jobs?rule=*+*+*+*+*&zone=Nowhere/At_All")]
    [TestCase("POST", "/jobs?rule=*+*+*+*+*&zone=")]
    [TestCase("POST", "/jobs?rule=*+*+*+*+*&zone=../../../etc/passwd")]
    [TestCase("DELETE", "/jobs?id=x")]
    [TestCase("GET", "/next?rule=*+*+*+*+*&after=tomorrow")]
    [TestCase("GET", "/next?rule=*+*+*+*+*&after=")]
    [TestCase("GET", "/next?rule=*+*+*+*+*&zone=Asia/Shanghai&after=9999-12-31T23:59:59Z")]
    public async Task WhatIsWrongIsAnswered(string method, string target)
    {
        (HttpStatusCode status, string body) = await Ask(method, target);
        Assert.That(status, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(body, Is.Not.Empty);
    }

    [Test]
    public async Task PageListsJobsAndTheirNextTimes()
    {
        if (Chromium.Path is null)
            Assert.Ignore("Chromium is not installed (Debian: apt-get install chromium), so no browser has opened the page.");
        await using Chromium page = await Chromium.Open(new Uri($"http://{_server.EndPoint}"));
        string? jobs = await page.Evaluate("""
            new Promise((resolve, reject) => {
              const end = Date.now() + 15000;
              const look = () => {
                const rows = [...document.getElementById('jobs').rows]
                  .map(row => [...row.cells].map(cell => cell.innerText).join('|'));
                if (rows.some(row => row.startsWith('on working days at nine|'))) resolve(rows.join('\n'));
                else if (Date.now() > end) reject(new Error('waited in vain: ' + document.body.innerText));
                else setTimeout(look, 10);
              };
              look();
            })
            """);
        Assert.That(jobs, Does.Match(@"\|0 9 \* \* MON-FRI\|Asia/Shanghai\|\d{4}-\d\d-\d\d 09:00:00\+08:00\|"));
        Assert.That(page.Errors, Is.Empty);
    }

    /// <summary>When the job of that name has run, as the next event about it says.</summary>
    private static DateTimeOffset NextRun(RawClient events, string name)
    {
        while (true)
        {
            string? data = events.ReadUntil("\n\n").Split('\n')
                .FirstOrDefault(line => line.StartsWith("data: ", StringComparison.Ordinal))?[6..];
            if (data is null) continue;
            using JsonDocument run = JsonDocument.Parse(data);
            if (run.RootElement.GetProperty("name").GetString() == name)
                return run.RootElement.GetProperty("at").GetDateTimeOffset();
        }
    }

    private async Task<(HttpStatusCode Status, string Body)> Ask(string method, string target)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), target);
        using HttpResponseMessage answer = await _client.SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
