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
}
