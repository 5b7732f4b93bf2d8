using System.Net;
using System.Text.Json;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>
/// What Mercure's specification demands of active subscriptions (events and web API), of discovery and of other origins; and the
/// hub's page.
/// </summary>
internal sealed class HubSubscriptionTests
{
    private const string Api = HubServer.Path + "/subscriptions";

    private HubServer _hub = null!;

    [OneTimeSetUp]
    public void Start() => _hub = new HubServer("--origins", "https://app.example https://other.example");

    [OneTimeTearDown]
    public void Stop() => _hub.Dispose();

    [Test]
    public async Task SubscriptionsAreToldAndListed()
    {
        string watcher = HubServer.Token(Grant(Api + "{/*}?", "urlpattern"));
        string wanted = Uri.EscapeDataString(Api + "/:type/:match/:subscriber");
        using HubStream watch = _hub.Subscribe("match_urlpattern=" + wanted, watcher);
        _ = watch.Next();
        string visitor = HubServer.Token(
            Grant("*", "exact", new { no = 1 }, "publish"), Grant("https://example.com/:selector", "exact", new { foo = "bar" }),
            Grant("*", "exact", new { other = true }));
        const string visit = "match_urlpattern=https%3A%2F%2Fexample.com%2F:selector"
            + "&match=50%25%20a%2Fb&match_exact=50%25%20a%2Fb";
        string id;
        using (_hub.Subscribe(visit, visitor))
        {
            (string type, string? eventId, string data) = watch.Next();
            (string Type, string? Id, string Data) second = watch.Next();
            using JsonDocument one = JsonDocument.Parse(data), two = JsonDocument.Parse(second.Data);
            id = one.RootElement.GetProperty("id").GetString()!;
            string subscriber = one.RootElement.GetProperty("subscriber").GetString()!;
            Assert.That((type, second.Type), Is.EqualTo(("mercure", "mercure")));
            Assert.That(subscriber, Does.Match("^urn:uuid:[0-9a-f-]{36}$"));
            string last = Uri.EscapeDataString(subscriber);
            Assert.That(id, Is.EqualTo($"{Api}/urlpattern/https%3A%2F%2Fexample.com%2F%3Aselector/{last}"));
            Assert.That(JsonElement.DeepEquals(one.RootElement, JsonSerializer.SerializeToElement(new
            {
                id,
                type = "subscription",
                match_type = "urlpattern",
                match = "https://example.com/:selector",
                subscriber,
                active = true,
                payload = new { foo = "bar" },
            })), data);
            Assert.That(two.RootElement.GetProperty("id").GetString(), Is.EqualTo($"{Api}/exact/50%25%20a%2Fb/{last}"));
            Assert.That(two.RootElement.GetProperty("payload").GetRawText(), Is.EqualTo("{\"other\":true}"));

            (JsonElement all, string link) = await Ask(Api, watcher);
            Assert.That(all.GetProperty("id").GetString(), Is.EqualTo(Api));
            Assert.That(all.GetProperty("type").GetString(), Is.EqualTo("subscriptions"));
            Assert.That(all.GetProperty("subscriptions").EnumerateArray().Count(entry =>
                entry.GetProperty("subscriber").GetString() == subscriber), Is.EqualTo(2));
            Assert.That(link, Does.StartWith($"<{HubServer.Resource}>; rel=\"mercure\"; last-event-id=\"")
                .And.EndWith("\"; type=\"mercure\"; content-type=\"application/json\""));
            (JsonElement some, _) = await Ask($"{Api}/exact/50%25%20a%2Fb?x=y", watcher);
            Assert.That(some.GetProperty("id").GetString(), Is.EqualTo($"{Api}/exact/50%25%20a%2Fb"));
            Assert.That(some.GetProperty("subscriptions").GetArrayLength(), Is.EqualTo(1));
            (JsonElement none, _) = await Ask($"{Api}/exact/nobody", watcher);
            Assert.That(none.GetProperty("subscriptions").GetArrayLength(), Is.Zero);
            (JsonElement single, _) = await Ask(id, watcher);
            Assert.That(JsonElement.DeepEquals(single, one.RootElement), "the same document as in the event");
        }
        using var ended = JsonDocument.Parse(watch.Next().Data);
        Assert.That(ended.RootElement.GetProperty("id").GetString(), Is.EqualTo(id));
        Assert.That(ended.RootElement.GetProperty("active").GetBoolean(), Is.False);
        using HttpResponseMessage gone = await _hub.Get(id, watcher);
        Assert.That(gone.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [Test]
    public async Task ListIsForThoseWhoMayReadIt()
    {
        string exact = HubServer.Token(HubServer.Grant(["subscribe"], new { match = Api }));
        string absolute = HubServer.Token(Grant(HubServer.Resource + "/subscriptions", "urlpattern"));
        string publisher = HubServer.Token(HubServer.Grant(["publish"], new { match = "*" }));
        foreach ((string path, string? token, int status) in new (string, string?, int)[]
        {
            (Api, exact, 200), (Api + "?last_event_id=x", exact, 200), (Api, absolute, 200), (Api + "/exact/a", exact, 403),
            (Api, publisher, 403),
            (Api, null, 401), (Api + "/exact/a/nobody", HubServer.All, 404), (Api + "/exact", HubServer.All, 404),
        })
        {
            using HttpResponseMessage answer = await _hub.Get(path, token);
            Assert.That((int)answer.StatusCode, Is.EqualTo(status), path);
        }
    }

    [Test]
    public void WhoMayNotReadSubscriptionsIsNotToldOfThem()
    {
        using HubStream stranger = _hub.Subscribe("match=*&last_event_id=earliest");
        _hub.Subscribe("match=something").Dispose();
        using HttpResponseMessage answer = _hub.Publish(HubServer.All, ("topic", "a"), ("data", "the only one")).Result;
        Assert.That(stranger.Next().Data, Is.EqualTo("the only one"));
    }

    [Test]
    public async Task LastIdIsEarliestOfAHubThatHasHadNoEvent()
    {
        using var hub = new HubServer();
        using HttpResponseMessage answer = await hub.Get(Api, HubServer.All);
        Assert.That(string.Join(',', answer.Headers.GetValues("Link")), Does.Contain("last-event-id=\"earliest\""));
        Assert.That(string.Join(',', answer.Headers.GetValues("Access-Control-Allow-Origin")), Is.EqualTo("*"));
    }

    [Test]
    public async Task HubIsDiscovered()
    {
        using HttpResponseMessage page = await _hub.Get("/");
        Assert.That(string.Join(',', page.Headers.GetValues("Link")), Is.EqualTo($"<{HubServer.Resource}>; rel=\"mercure\""));
        using HttpResponseMessage health = await _hub.Get("/healthz");
        Assert.That(health.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        (JsonElement metadata, _) = await Ask("/.well-known/oauth-protected-resource/.well-known/mercure", null);
        Assert.That(JsonElement.DeepEquals(metadata, JsonSerializer.SerializeToElement(new
        {
            resource = HubServer.Resource,
            bearer_methods_supported = new[] { "header" },
            authorization_details_types_supported = new[] { HubServer.DetailType },
            mercure_cookie = "__Secure-mercure_access_token",
            mercure_subscriptions = true,
        })), metadata.GetRawText());
    }

    [TestCase("https://app.example", "https://app.example", "true")]
    [TestCase("https://other.example", "https://other.example", "true")]
    [TestCase("https://evil.example", null, null)]
    [TestCase("null", null, null)]
    public async Task OnlyOriginsThatAreSetAreAllowedWithACookie(string origin, string? allowed, string? credentials)
    {
        string cookie = "__Secure-mercure_access_token=" + HubServer.All;
        using HttpResponseMessage stream =
            await _hub.Get(HubServer.Path + "?match=a", null, ("Origin", origin), ("Cookie", cookie));
        using HttpResponseMessage error = await _hub.Get(HubServer.Path + "?match_x=a", null, ("Origin", origin));
        using HttpResponseMessage preflight = await _hub.Send(HttpMethod.Options, HubServer.Path, null, null, ("Origin", origin),
            ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization"));
        foreach (HttpResponseMessage answer in new[] { stream, error, preflight })
        {
            Assert.That(Value(answer, "Access-Control-Allow-Origin"), Is.EqualTo(allowed));
            Assert.That(Value(answer, "Access-Control-Allow-Credentials"), Is.EqualTo(credentials));
            Assert.That(Value(answer, "Vary"), Is.EqualTo("Origin"));
            Assert.That(Value(answer, "Access-Control-Expose-Headers"), Is.EqualTo("Link, Mercure-Last-Event-ID"));
        }
        Assert.That(preflight.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That(Value(preflight, "Access-Control-Allow-Methods"), Does.Contain("POST").And.Contain("QUERY"));
        Assert.That(Value(preflight, "Access-Control-Allow-Headers"), Does.Contain("Authorization").And.Contain("Last-Event-ID"));
    }

    [Test]
    public async Task AllOriginsMayReadWithoutACookieByDefault()
    {
        using var hub = new HubServer();
        (string, string) origin = ("Origin", "https://evil.example");
        using HttpResponseMessage without = await hub.Get(HubServer.Path + "?match=a", HubServer.All, origin);
        using HttpResponseMessage with = await hub.Get(HubServer.Path + "?match=a", null, origin,
            ("Cookie", "__Secure-mercure_access_token=" + HubServer.All));
        Assert.That(Value(without, "Access-Control-Allow-Origin"), Is.EqualTo("*"));
        Assert.That(Value(without, "Access-Control-Allow-Credentials"), Is.Null);
        Assert.That(Value(with, "Access-Control-Allow-Origin"), Is.Null);
    }

    [Test]
    public async Task NoOtherOriginMayReadIfNoneIsSet()
    {
        using var hub = new HubServer("--origins", "");
        using HttpResponseMessage answer =
            await hub.Get(HubServer.Path + "?match=a", HubServer.All, ("Origin", "https://app.example"));
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(Value(answer, "Access-Control-Allow-Origin"), Is.Null);
    }

    [Test]
    public async Task PageShowsSubscribersAndEventsLive()
    {
        if (Chromium.Path is null)
            Assert.Ignore("Chromium is not installed (Debian: apt-get install chromium), so no browser has shown the page.");
        using var hub = new HubServer();
        await using Chromium browser = await Chromium.Open(new Uri($"http://{hub.EndPoint}"));
        await WaitFor(browser, "document.getElementById('state').textContent === 'connected' && page.subscribers.size === 1");
        using (hub.Subscribe("match=visitor"))
        {
            await WaitFor(browser, "document.getElementById('subscribers').innerText.includes('visitor')");
        }
        await WaitFor(browser, "!document.getElementById('subscribers').innerText.includes('visitor')");
        await browser.Evaluate("at('private').checked = true; document.querySelector('#publish button').click()");
        await WaitFor(browser, "document.getElementById('events').innerText.includes('Hello')");
        Assert.That(browser.Errors, Is.Empty);

        // What Mercure's conformance tests do, in the page.
        foreach ((string matcher, string pattern, string topic, bool isPrivate, bool arrives) in new[]
        {
            ("match", "raw", "raw", false, true), ("match", "raw2", "raw2", true, false),
            ("match_urlpattern", "https://example.net/foo/:random", "https://example.net/foo/1", false, true),
            ("match_urlpattern", "https://example.net/bar/:var", "https://example.net/foo/2", false, false),
        })
        {
            string id = $"id-[\"{topic}\"]";
            Assert.That(await browser.Evaluate($$"""
                new Promise((resolve, reject) => {
                  const id = {{JsonSerializer.Serialize(id)}}, data = 'data for\n\n        x', seen = [];
                  const query = new URLSearchParams({ match: 'end' + id.length });
                  query.append('{{matcher}}', '{{pattern}}');
                  const source = new EventSource('{{HubServer.Path}}?' + query);
                  source.onmessage = e => {
                    seen.push(e.lastEventId === id && e.data === data);
                    if (e.data !== 'end') return;
                    source.close();
                    resolve(String(seen[0]));
                  };
                  const headers = { Authorization: 'Bearer {{HubServer.All}}' };
                  const post = form =>
                    fetch('{{HubServer.Path}}', { method: 'POST', body: new URLSearchParams(form), headers });
                  source.onopen = async () => {
                    const answer = await post({ topic: '{{topic}}', id, data{{(isPrivate ? ", private: 'on'" : "")}} });
                    if (answer.status !== 200 || await answer.text() !== id) reject(answer.status);
                    await post({ topic: 'end' + id.length, data: 'end' });
                  };
                })
                """), Is.EqualTo(arrives ? "true" : "false"), topic);
        }
    }

    private async Task<(JsonElement Document, string Link)> Ask(string path, string? token)
    {
        using HttpResponseMessage answer = await _hub.Get(path, token);
        string text = await answer.Content.ReadAsStringAsync();
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), text);
        Assert.That(answer.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/json"));
        using var document = JsonDocument.Parse(text);
        return (document.RootElement.Clone(), Value(answer, "Link") ?? "");
    }

    private static object Grant(string match, string type, object? payload = null, string action = "subscribe") => new
    {
        type = HubServer.DetailType,
        actions = new[] { action },
        topics = new[] { new { match, match_type = type } },
        payload = payload ?? new { },
    };

    private static string? Value(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out IEnumerable<string>? values) ? string.Join(',', values) : null;

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
