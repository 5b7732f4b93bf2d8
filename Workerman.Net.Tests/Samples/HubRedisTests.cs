using System.Net;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>Two hubs with one Redis: an update reaches the subscribers of both, and only those who may have it.</summary>
internal sealed class HubRedisTests
{
    [Test]
    public async Task UpdatesReachTheSubscribersOfAnotherHub()
    {
        if (!RedisServer.IsInstalled) Assert.Ignore("redis-server is not installed (Debian: apt-get install redis-server).");
        using var redis = new RedisServer();
        using HubServer one = new("--redis", $"{redis.EndPoint}"), two = new("--redis", $"{redis.EndPoint}");
        using HubStream anonymous = two.Subscribe("match=shared"), trusted = two.Subscribe("match=shared", HubServer.All);
        using HttpResponseMessage first = await one.Publish(HubServer.All, ("topic", "shared"), ("data", "1"), ("private", ""));
        using HttpResponseMessage second = await one.Publish(HubServer.All, ("topic", "shared"), ("data", "2"), ("id", "own"));
        using HttpResponseMessage third = await two.Publish(HubServer.All, ("topic", "shared"), ("data", "3"), ("id", "own"));
        Assert.That(await second.Content.ReadAsStringAsync(), Is.EqualTo("own"));
        Assert.That(await third.Content.ReadAsStringAsync(), Does.StartWith("urn:uuid:"), "the id is taken");
        string id = await first.Content.ReadAsStringAsync();
        Assert.That(trusted.Next(), Is.EqualTo(("message", id, "1")));
        Assert.That(trusted.Next(), Is.EqualTo(("message", "own", "2")));
        Assert.That(anonymous.Next(), Is.EqualTo(("message", "own", "2")));

        // A client that was cut off resumes at the other one.
        using HubStream resumed = one.Subscribe("match=shared&last_event_id=own");
        Assert.That(resumed.Field("Mercure-Last-Event-ID"), Is.EqualTo("own"));
        Assert.That(resumed.Next().Data, Is.EqualTo("3"));
        using HttpResponseMessage list = await one.Get(HubServer.Path + "/subscriptions", HubServer.All);
        Assert.That(list.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using HttpResponseMessage health = await one.Get("/healthz");
        Assert.That(health.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task BrowsersThatComeBackDuringAnOutageWaitAndMissNothing()
    {
        if (!RedisServer.IsInstalled) Assert.Ignore("redis-server is not installed (Debian: apt-get install redis-server).");
        using var redis = new RedisServer("appendonly yes", "appendfsync always");
        using HubServer hub = new("--redis", $"{redis.EndPoint}");
        using HttpResponseMessage first = await hub.Publish(HubServer.All, ("topic", "a"), ("data", "1"), ("id", "one"));
        using HttpResponseMessage second = await hub.Publish(HubServer.All, ("topic", "a"), ("data", "2"), ("id", "two"));
        redis.Kill();
        using HubStream resumed = hub.Subscribe("match=a&last_event_id=one");
        using HubStream odd = hub.Subscribe("match=a&last_event_id=x%0D%0Ay");
        Assert.That(odd.Field("Mercure-Last-Event-ID"), Is.EqualTo("earliest"), "no event has such an id");
        using HttpResponseMessage refused = await hub.Publish(HubServer.All, ("topic", "a"), ("data", "no"));
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        string said = await refused.Content.ReadAsStringAsync();
        Assert.That(said, Is.EqualTo("the log cannot be reached"), "and nothing of its inside");
        redis.Start();
        Assert.That(resumed.Next().Data, Is.EqualTo("2"));
    }

    [Test]
    public async Task EndOfASubscriptionIsToldAfterItsBeginning()
    {
        if (!RedisServer.IsInstalled) Assert.Ignore("redis-server is not installed (Debian: apt-get install redis-server).");
        using var redis = new RedisServer();
        using HubServer hub = new("--redis", $"{redis.EndPoint}");
        using HubStream watcher = hub.Subscribe("match=*", HubServer.All);
        string query = string.Join('&', Enumerable.Range(0, 50).Select(i => $"match=t{i}"));
        for (int i = 0; i < 10; i++) hub.Subscribe(query).Dispose();
        var active = new Dictionary<string, bool>();
        int ended = 0;
        while (ended < 500)
        {
            using var document = System.Text.Json.JsonDocument.Parse(watcher.Next().Data);
            string id = document.RootElement.GetProperty("id").GetString()!;
            bool isActive = document.RootElement.GetProperty("active").GetBoolean();
            Assert.That(active.TryAdd(id, isActive) ? isActive : active[id] && !isActive, id);
            if (!isActive) ended++;
        }
    }
}
