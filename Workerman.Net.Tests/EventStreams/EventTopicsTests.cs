using Workerman.EventStreams;
using Workerman.Protocols.Http;

namespace Workerman.Tests.EventStreams;

/// <summary>What the topics of an event are, and what they may be.</summary>
internal sealed class EventTopicsTests
{
    [TestCase("")]
    [TestCase("a")]
    [TestCase("b a")]
    [TestCase("b a c a b")]
    [TestCase("9 8 7 6 5 4 3 2 1 0")]
    public void TheyStandInTheirOrderEachOnce(string text)
    {
        string[] topics = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        PublishedEvent published = Publish(new EventStream(), topics);
        Assert.That(published.Topics, Is.EqualTo(topics.Distinct()));
        Assert.That(published.Topic, Is.EqualTo(topics.FirstOrDefault()));
        string all = topics is [] ? "*" : string.Join(',', topics.Distinct());
        Assert.That(published.ToString(), Is.EqualTo($"{published.Id} {all} message"));
    }

    /// <summary>An empty text is a topic as any other; none is for all.</summary>
    [Test]
    public void NoTopicAndAnEmptyOneAreNotTheSame()
    {
        var stream = new EventStream();
        stream.Publish(new ServerSentEvents { Data = "x" }, null, null);
        stream.Publish(new ServerSentEvents { Data = "x" }, "", null);
        stream.Publish(new ServerSentEvents { Data = "x" }, [""]);
        Assert.That(stream.Read().Events.Select(one => one.Topics.Count), Is.EqualTo(new[] { 0, 1, 1 }));
        Assert.That(stream.Read().Events.Select(one => one.Topic), Is.EqualTo(new[] { null, "", "" }));
    }

    [Test]
    public void TheyAreCopied()
    {
        string[] topics = ["a", "b"];
        PublishedEvent published = Publish(new EventStream(), topics);
        topics[0] = topics[1] = "c";
        Assert.That(published.Topics, Is.EqualTo(new[] { "a", "b" }));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(100)]
    public void OneTopicTooManyIsRefused(int limit)
    {
        var stream = new EventStream("test", new() { MaxTopicsPerEvent = limit });
        string[] topics = [.. Enumerable.Range(0, limit).Select(i => $"{i}")];
        Publish(stream, [.. topics, .. topics]);
        ArgumentException refused = Assert.Throws<ArgumentException>(() => Publish(stream, [.. topics, "more"]))!;
        Assert.That(refused.Message, Does.Contain($"has {limit + 1} topics").And.Contain("Cure:")
            .And.Contain("MaxTopicsPerEvent"));
        Assert.That(stream.Published, Is.EqualTo(1));
    }

    [Test]
    public void OneCharacterTooManyIsRefused([Values(1, 1024)] int limit)
    {
        var stream = new EventStream("test", new() { MaxTopicLength = limit });
        var (fits, tooLong) = (new string('x', limit), new string('x', limit + 1));
        stream.Publish(new ServerSentEvents { Data = "x" }, fits);
        Publish(stream, [fits]);
        Publish(stream, ["a", fits]);
        foreach (Action publish in new Action[]
        {
            () => stream.Publish(new ServerSentEvents { Data = "x" }, tooLong), () => Publish(stream, [tooLong]),
            () => Publish(stream, [tooLong, "a"]), () => Publish(stream, ["a", tooLong]),
        })
        {
            Assert.That(Assert.Throws<ArgumentException>(() => publish())!.Message,
                Does.Contain($"{limit + 1} characters").And.Contain("Cure:").And.Contain("MaxTopicLength"));
        }
        Assert.That(stream.Published, Is.EqualTo(3));
    }

    [Test]
    public void NullIsNoTopic()
    {
        var stream = new EventStream();
        Assert.Throws<ArgumentNullException>(
            () => stream.Publish(new ServerSentEvents { Data = "x" }, (IReadOnlyCollection<string>)null!));
        foreach (string[] topics in (string[][])[[null!], ["a", null!], [null!, null!]])
        {
            Assert.That(Assert.Throws<ArgumentException>(() => Publish(stream, topics))!.Message,
                Does.Contain("Cure: leave it out"));
        }
        Assert.That(stream.Published, Is.Zero);
    }

    private static PublishedEvent Publish(EventStream stream, IReadOnlyCollection<string> topics)
    {
        stream.Publish(new ServerSentEvents { Data = "x" }, topics);
        return stream.Read(limit: 1000).Events[^1];
    }
}
