using System.Net;
using System.Text;

namespace Workerman.Tests.Samples;

/// <summary>What Mercure's specification demands of publishing: the form, ids, what is reserved, limits.</summary>
internal sealed class HubPublishTests
{
    private HubServer _hub = null!;

    [OneTimeSetUp]
    public void Start() => _hub = new HubServer();

    [OneTimeTearDown]
    public void Stop() => _hub.Dispose();

    [Test]
    public async Task AllFieldsReachTheSubscriber()
    {
        using HubStream stream = _hub.Subscribe("match=fields");
        using HttpResponseMessage answer = await _hub.Publish(HubServer.All, ("topic", "fields"),
            ("data", "a\r\nb\rc\nid: forged\n\nevent: forged"), ("id", "id-[\"fields\"]"), ("type", "greeting"),
            ("retry", "2500"), ("unknown", "ignored"));
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(answer.Content.Headers.ContentType?.ToString(), Is.EqualTo("text/plain; charset=utf-8"));
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo("id-[\"fields\"]"));
        Assert.That(stream.ReadUntil("data: event: forged\n\n"), Does.Contain("retry: 2500\n").And.Contain("event: greeting\n")
            .And.Contain("id: id-[\"fields\"]\n").And.Contain("data: a\ndata: b\ndata: c\ndata: id: forged\ndata: \n"));
    }

    [Test]
    public async Task TopicAloneIsEnoughAndTheIdIsAnIri()
    {
        using HubStream stream = _hub.Subscribe("match=alone");
        using HttpResponseMessage answer = await _hub.Publish(HubServer.All, ("topic", "alone"));
        string id = await answer.Content.ReadAsStringAsync();
        Assert.That(id, Does.Match("^urn:uuid:[0-9a-f-]{36}$"));
        Assert.That(stream.Next(), Is.EqualTo(("message", id, "")), "an event without data would not be dispatched");
    }

    [Test]
    public async Task EventGoesToSubscribersOfAnyOfItsTopicsOnce()
    {
        using HubStream stream = _hub.Subscribe("match=alternate&match=canonical");
        foreach ((string canonical, string data) in new[] { ("canonical", "1"), ("other", "2") })
            (await _hub.Publish(HubServer.All, ("topic", canonical), ("topic", "alternate"), ("data", data))).Dispose();
        Assert.That(new[] { stream.Next().Data, stream.Next().Data }, Is.EqualTo(new[] { "1", "2" }));
    }

    [Test]
    public async Task IdThatAnotherUpdateHasIsReplaced()
    {
        using HubStream stream = _hub.Subscribe("match=twice");
        string[] ids = new string[2];
        for (int i = 0; i < ids.Length; i++)
        {
            using HttpResponseMessage answer =
                await _hub.Publish(HubServer.All, ("topic", "twice"), ("id", "the-same"), ("data", $"{i}"));
            ids[i] = await answer.Content.ReadAsStringAsync();
            Assert.That(stream.Next(), Is.EqualTo(("message", ids[i], $"{i}")));
        }
        Assert.That(ids, Is.EqualTo(new[] { "the-same", ids[1] }));
        Assert.That(ids[1], Does.StartWith("urn:uuid:"));
    }

    /// <summary>Its form is that of the ids which the log gives.</summary>
    [Test]
    public async Task IdThatTheLogCouldGiveIsReplaced()
    {
        using HubStream stream = _hub.Subscribe("match=epoch");
        string epoch = stream.ReadUntil("\n\n").Split("id: ")[1].Split('-')[0];
        using HttpResponseMessage answer = await _hub.Publish(HubServer.All, ("topic", "epoch"), ("id", $"{epoch}-100000"));
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await answer.Content.ReadAsStringAsync(), Does.StartWith("urn:uuid:"));
    }

    [Test]
    public async Task TopicsAreBoundedTogether()
    {
        (string, string?)[] topics =
            [.. Enumerable.Range(0, 5).Select(i => ("topic", (string?)($"{i}" + new string('t', 4000))))];
        using HttpResponseMessage fits = await _hub.Publish(HubServer.All, topics[..4]);
        using HttpResponseMessage exceeds = await _hub.Publish(HubServer.All, topics);
        Assert.That((fits.StatusCode, exceeds.StatusCode), Is.EqualTo((HttpStatusCode.OK, HttpStatusCode.RequestEntityTooLarge)));
    }

    [TestCase("data=x", 400)]
    [TestCase("topic=a%00", 400)]
    [TestCase("topic=a%0Ab", 400)]
    [TestCase("topic=a%C2%9Fb", 400)]
    [TestCase("topic=a%E2%80%8Bb", 400)]
    [TestCase("topic=a%FF", 400)]
    [TestCase("topic=a&data=%FF", 400)]
    [TestCase("topic=a&data=\u00ff", 400)]
    [TestCase("topic=a&topic=b%0A", 400)]
    [TestCase("topic=*", 400)]
    [TestCase("topic=a&topic=*", 400)]
    [TestCase("topic=a&id=%23x", 400)]
    [TestCase("topic=a&id=earliest", 400)]
    [TestCase("topic=a&id=x%0Ay", 400)]
    [TestCase("topic=a&id=x%00", 400)]
    [TestCase("topic=a&id=x%7F", 400)]
    [TestCase("topic=a&type=x%0Ddata:y", 400)]
    [TestCase("topic=a&type=mercure", 400)]
    [TestCase("topic=a&retry=1s", 400)]
    [TestCase("topic=a&retry=-1", 400)]
    [TestCase("topic=a&retry=1.5", 400)]
    [TestCase("topic=a&retry=%D9%A1", 400)]
    [TestCase("topic=a&data=%EF%BF%BD", 200)]
    [TestCase("topic=a&data=%ZZ%", 200)]
    [TestCase("topic=a&id=&type=&retry=", 200)]
    [TestCase("topic=a&retry=99999999999999999999", 200)]
    [TestCase("topic=a&id=x%20", 200)]
    [TestCase("topic=a&id=%EF%BF%BD", 200)]
    [TestCase("topic=a&data=\u00ef\u00bf\u00bd", 200)]
    [TestCase("topic=a&data=%EF%BF%BD%FF", 400)]
    [TestCase("topic=a;charset", 200)]
    public async Task FormIsJudged(string form, int status)
    {
        using HttpResponseMessage answer = await _hub.PublishRaw(form);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status), await answer.Content.ReadAsStringAsync());
    }

    [TestCase("/.well-known/mercure")]
    [TestCase("/.well-known/mercure/subscriptions/exact/a/b")]
    [TestCase("https://localhost/.well-known/mercure/subscriptions/x")]
    [TestCase("http://other.example/.well-known/mercure/x?y#z")]
    [TestCase("//other.example/.well-known/mercure")]
    [TestCase("foo://bar/.well-known/mercure")]
    [TestCase("mercure/subscriptions/foo")]
    [TestCase("mercure")]
    [TestCase("./mercure")]
    [TestCase("?x")]
    [TestCase("")]
    [TestCase("/.well-known/%6Dercure/x")]
    [TestCase("/.well-known/me%72cure")]
    [TestCase("/%2Ewell-known/mercure")]
    [TestCase("/.well-known/mercure/../mercure/x")]
    [TestCase("/.well-known/x/%2e%2E/mercure/x")]
    [TestCase("https://example.com\\.well-known\\mercure\\x")]
    [TestCase("HTTPS://EXAMPLE.com:8443/.well-known/mercure/")]
    [TestCase("https:/.well-known/mercure/x")]
    [TestCase("https:mercure")]
    [TestCase("HTTPS:?x")]
    [TestCase("https:///localhost/.well-known/mercure/subscriptions/exact/a/b")]
    [TestCase("foo:/a/../.well-known/mercure/x")]
    [TestCase("C:/.well-known/mercure")]
    [TestCase("https://a..b/.well-known/mercure/x")]
    [TestCase("https://a%41/.well-known/mercure/x")]
    [TestCase(" ///h/.well-known/mercure/subscriptions/exact/a/b")]
    [TestCase(" http:/h/.well-known/mercure/x")]
    [TestCase(" //ex%61mple/.well-known/mercure")]
    [TestCase("https://evil../.well-known/mercure/x ")]
    public async Task HubsOwnNamespaceIsReserved(string topic)
    {
        using HttpResponseMessage answer = await _hub.Publish(HubServer.All, ("topic", "a"), ("topic", topic));
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [TestCase("/.well-known/mercureXXX")]
    [TestCase("https://example.com/foo/.well-known/mercure/bar")]
    [TestCase("/.well-known/Mercure")]
    [TestCase("/.well-known/mercure%2Fx")]
    [TestCase("../mercure/x")]
    [TestCase("subscriptions/foo")]
    [TestCase("urn:example:mercure")]
    [TestCase("http://")]
    [TestCase("a topic with spaces")]
    public async Task OtherTopicsAreNot(string topic)
    {
        using HttpResponseMessage answer = await _hub.Publish(HubServer.All, ("topic", topic));
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task FormIsLimited()
    {
        (string, string?)[] hundred = [.. Enumerable.Range(0, 100).Select(static i => ("topic", (string?)$"{i}"))];
        string long4096 = new('a', 4096);
        foreach ((int status, (string, string?)[] form) in new (int, (string, string?)[])[]
        {
            (200, hundred), (413, [.. hundred, ("topic", "100")]),
            (200, [("topic", long4096), ("id", long4096), ("type", long4096)]),
            (413, [("topic", long4096 + "a")]), (413, [("topic", "a"), ("id", long4096 + "b")]),
            (413, [("topic", "a"), ("type", long4096 + "b")]), (200, [("topic", "a"), ("data", new string('x', 200_000))]),
            (413, [("topic", "a"), ("data", new string('x', 300_000))]),
        })
        {
            using HttpResponseMessage answer = await _hub.Publish(HubServer.All, form);
            Assert.That((int)answer.StatusCode, Is.EqualTo(status), await answer.Content.ReadAsStringAsync());
        }
    }

    /// <summary>Each line of an event's data has the name of its field.</summary>
    [Test]
    public async Task FormOfEmptyLinesFits()
    {
        using HttpResponseMessage answer = await _hub.PublishRaw("topic=a&data=" + new string('\n', 250_000));
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [TestCase("multipart/form-data; boundary=x", 415)]
    [TestCase("application/json", 415)]
    [TestCase("Application/X-WWW-Form-Urlencoded;charset=UTF-8", 200)]
    public async Task OnlyAFormIsTaken(string type, int status)
    {
        using HttpResponseMessage answer = await _hub.PublishRaw("topic=a", type);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [Test]
    public async Task PrivateUpdateGoesOnlyToThoseWhoMayReadOneOfItsTopics()
    {
        string mayOne = HubServer.Token(HubServer.Grant(["subscribe"], new { match = "https://example.com/books/1" }));
        string mayUser = HubServer.Token(HubServer.Grant(["subscribe"],
            new { match = "https://example.com/users/42/*", match_type = "urlpattern" }));
        string mayPublish = HubServer.Token(HubServer.Grant(["publish"], new { match = "*" }));
        const string query = "match_urlpattern=https%3A%2F%2Fexample.com%2Fbooks%2F:id";
        using HubStream anonymous = _hub.Subscribe(query), one = _hub.Subscribe(query, mayOne),
            user = _hub.Subscribe(query, mayUser), publisher = _hub.Subscribe(query, mayPublish),
            all = _hub.Subscribe(query, HubServer.All);
        foreach ((string[] topics, string data, string? isPrivate) in new (string[], string, string?)[]
        {
            (["https://example.com/books/1"], "1", "on"), (["https://example.com/books/2"], "2", ""),
            (["https://example.com/books/3", "https://example.com/users/42/books/3"], "3", "false"),
            (["https://example.com/books/4"], "4", null),
        })
        {
            using HttpResponseMessage answer = await _hub.Publish(HubServer.All,
                [.. topics.Select(static topic => ("topic", (string?)topic)), ("data", data), ("private", isPrivate)]);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }
        (HubStream, string)[] all5 = [(anonymous, "4"), (one, "14"), (user, "34"), (publisher, "4"), (all, "1234")];
        foreach ((HubStream stream, string expected) in all5)
            Assert.That(string.Concat(expected.Select(_ => stream.Next().Data)), Is.EqualTo(expected));

        // The same holds for what is replayed, with the token that is shown then.
        using HubStream replayed = _hub.Subscribe(query + "&last_event_id=earliest", mayUser);
        Assert.That(replayed.Next().Data + replayed.Next().Data, Is.EqualTo("34"));
    }
}
