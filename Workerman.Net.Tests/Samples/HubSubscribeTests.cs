using System.Net;
using System.Text;

namespace Workerman.Tests.Samples;

/// <summary>What Mercure's specification demands of subscribing: matchers, limits and history.</summary>
internal sealed class HubSubscribeTests
{
    private HubServer _hub = null!;

    [OneTimeSetUp]
    public void Start() => _hub = new HubServer();

    [OneTimeTearDown]
    public void Stop() => _hub.Dispose();

    /// <summary>An event would cost each of them time for each letter of its topics.</summary>
    [TestCase(10, 99, 200)]
    [TestCase(20, 100, 400)]
    [TestCase(1, 2000, 400)]
    public async Task RegularExpressionsOfASubscriberAreBounded(int count, int length, int status)
    {
        string pattern = Uri.EscapeDataString("/(" + new string('a', length - 3) + ")");
        string query = string.Join('&', Enumerable.Range(0, count).Select(i => $"match_urlpattern={pattern}{i}"));
        using HttpResponseMessage answer = await _hub.Get($"{HubServer.Path}?{query}");
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [TestCase("match=a-topic", "a-topic")]
    [TestCase("match_exact=a-topic", "a-topic")]
    [TestCase("match=foo&match=a-topic", "a-topic")]
    [TestCase("match=https%3A%2F%2Fexample.net%2Ffoo%2F1", "https://example.net/foo/1")]
    [TestCase("match_urlpattern=https%3A%2F%2Fexample.net%2Ffoo%2F:random", "https://example.net/foo/abc")]
    [TestCase("match_urlpattern=%2Fbooks%2F:id", "/books/1")]
    [TestCase("match_urlpattern=%2Fbooks%2F:id", "https://localhost/books/1")]
    [TestCase("match_urlpattern=https%3A%2F%2Flocalhost%2Fbooks%2F:id", "/books/1")]
    [TestCase("match=*", "anything at all")]
    [TestCase("match_exact=*", "anything at all")]
    [TestCase("match_urlpattern=*", "http://")]
    [TestCase("match=+a%2Bb", " a+b")]
    [TestCase("match=caf%C3%A9", "caf\u00e9")]
    public async Task GetsWhatMatches(string query, string topic)
    {
        using HubStream stream = _hub.Subscribe(query);
        using HttpResponseMessage answer = await _hub.Publish(HubServer.All, ("topic", topic), ("data", query));
        Assert.That(stream.Next(), Is.EqualTo(("message", await answer.Content.ReadAsStringAsync(), query)));
        Assert.That(stream.Field("content-type"), Is.EqualTo("text/event-stream"));
    }

    [TestCase("match=another-name", "will-not-match")]
    [TestCase("match=A-topic", "a-topic")]
    [TestCase("match=%2Fbooks%2F1", "https://localhost/books/1")]
    [TestCase("match=e%CC%81", "\u00e9")]
    [TestCase("match_urlpattern=https%3A%2F%2Fexample.net%2Fbar%2F:var", "https://example.net/foo/will-not-match")]
    [TestCase("match_urlpattern=https%3A%2F%2Fexample.net%2FFoo%2F:var", "https://example.net/foo/1")]
    [TestCase("match_urlpattern=%2Fbooks%2F:id", "https://example.net/books/1")]
    [TestCase("match_urlpattern=%2F(a%2B)%2Bx", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [TestCase("match_urlpattern=*:%2F%2F*%2F*", "http://")]
    public async Task GetsNothingElse(string query, string topic)
    {
        string last = $"last of {query}";
        using HubStream stream = _hub.Subscribe($"{query}&match=the-end");
        using HttpResponseMessage first = await _hub.Publish(HubServer.All, ("topic", topic), ("data", "wrong"));
        using HttpResponseMessage second = await _hub.Publish(HubServer.All, ("topic", "the-end"), ("data", last));
        Assert.That(stream.Next().Data, Is.EqualTo(last));
    }

    [TestCase("")]
    [TestCase("topic=a")]
    [TestCase("matchURLPattern=a")]
    [TestCase("match_URLPattern=a")]
    [TestCase("match_regexp=a")]
    [TestCase("match_=a")]
    [TestCase("Match=a")]
    [TestCase("MATCH=a&match=a")]
    [TestCase("matched=a&match=a")]
    [TestCase("match=a%00b")]
    [TestCase("match=a%0Ab")]
    [TestCase("match=a%7Fb")]
    [TestCase("match=a%C2%85b")]
    [TestCase("match=a%E2%80%AEb")]
    [TestCase("match=a%EF%BB%BFb")]
    [TestCase("match=a%F3%A0%80%81b")]
    [TestCase("match=a%FFb")]
    [TestCase("match=a%C3")]
    [TestCase("match_urlpattern=%2F(unclosed")]
    [TestCase("match_urlpattern=%2F%7Bunclosed")]
    [TestCase("match_urlpattern=%2F(%3F%3Da)")]
    [TestCase("match_urlpattern=%2F((%3F:a%7B999%7D)%7B999%7D)")]
    public async Task IsRefusedWhereAMatcherIsWrong(string query)
    {
        using HttpResponseMessage answer = await _hub.Get($"{HubServer.Path}?{query}");
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(answer.Headers.WwwAuthenticate, Is.Empty, "none of the token's mistakes");
    }

    [Test]
    public async Task MatchersAreLimitedInNumberAndLength()
    {
        string hundred = string.Join('&', Enumerable.Range(0, 100).Select(static i => $"match={i}"));
        _hub.Subscribe(hundred).Dispose();
        _hub.Subscribe("match=" + new string('a', 4096)).Dispose();
        string longer = "match=" + new string('a', 4097), far = "match_urlpattern=/" + new string('a', 99_000);
        foreach (string query in new[] { hundred + "&match=100", longer, far })
        {
            using HttpResponseMessage answer = await _hub.Get($"{HubServer.Path}?{query}");
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        }
    }

    [Test]
    public async Task MatchersMayBeInTheBodyOfAQuery()
    {
        var form = new Dictionary<string, string> { ["match"] = "in-body", ["last_event_id"] = "no" };
        using var body = new FormUrlEncodedContent(form);
        using HttpResponseMessage answer = await _hub.Send(new HttpMethod("QUERY"),
            $"{HubServer.Path}?match=in-query&last_event_id=earliest", null, body);
        Assert.That(answer.Headers.GetValues("Mercure-Last-Event-ID"), Is.EqualTo(new[] { "earliest" }));
        using HttpResponseMessage one = await _hub.Publish(HubServer.All, ("topic", "in-body"), ("data", "1"));
        using HttpResponseMessage two = await _hub.Publish(HubServer.All, ("topic", "in-query"), ("data", "2"));
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        var text = new StringBuilder();
        while (!text.ToString().Contains("data: 2", StringComparison.Ordinal)) text.AppendLine(await reader.ReadLineAsync());
        Assert.That(text.ToString(), Does.Contain("data: 1"));
    }

    [Test]
    public async Task ResumesAfterTheLastIdByHeaderFieldAndByQuery()
    {
        string[] ids = new string[4];
        for (int i = 0; i < ids.Length; i++)
        {
            using HttpResponseMessage answer = await _hub.Publish(HubServer.All, ("topic", "history"), ("data", $"{i}"));
            ids[i] = await answer.Content.ReadAsStringAsync();
        }
        string fromTwo = "match=history&last_event_id=" + Uri.EscapeDataString(ids[2]);
        using (HubStream byField = _hub.Subscribe(fromTwo, null, ("Last-Event-ID", ids[0])))
        {
            Assert.That(byField.Field("Mercure-Last-Event-ID"), Is.EqualTo(ids[0]), "the field goes before the query");
            Assert.That(byField.Next().Data + byField.Next().Data + byField.Next().Data, Is.EqualTo("123"));
        }
        using (HubStream byQuery = _hub.Subscribe(fromTwo))
        {
            Assert.That(byQuery.Field("Mercure-Last-Event-ID"), Is.EqualTo(ids[2]));
            Assert.That(byQuery.Next().Data, Is.EqualTo("3"));
        }
        foreach (string unknown in new[] { "earliest", "urn:uuid:unknown", "" })
        {
            using HubStream all = _hub.Subscribe("match=history&last_event_id=" + unknown);
            Assert.That(all.Field("Mercure-Last-Event-ID"), Is.EqualTo("earliest"));
            Assert.That(new[] { all.Next().Data, all.Next().Data }, Is.EqualTo(new[] { "0", "1" }), "all, and no gap event");
        }
        using HubStream live = _hub.Subscribe("match=history");
        Assert.That(live.Field("Mercure-Last-Event-ID"), Is.Null);
        using HttpResponseMessage last = await _hub.Publish(HubServer.All, ("topic", "history"), ("data", "live"));
        Assert.That(live.Next().Data, Is.EqualTo("live"));
    }

    [Test]
    public async Task HeadIsAnsweredAndOtherMethodsAreNot()
    {
        using HttpResponseMessage head = await _hub.Send(HttpMethod.Head, HubServer.Path + "?match=a", null);
        Assert.That(head.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using HttpResponseMessage put = await _hub.Send(HttpMethod.Put, HubServer.Path, null);
        Assert.That(put.StatusCode, Is.EqualTo(HttpStatusCode.MethodNotAllowed));
        Assert.That(put.Content.Headers.Allow, Does.Contain("GET").And.Contain("POST"));
    }
}
