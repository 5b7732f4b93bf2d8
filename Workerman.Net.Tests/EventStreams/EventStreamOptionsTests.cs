using Workerman.EventStreams;
using Workerman.Protocols.Http;

namespace Workerman.Tests.EventStreams;

/// <summary>What can be set and published, and what cannot.</summary>
internal sealed class EventStreamOptionsTests
{
    [Test]
    public void RangesAreChecked()
    {
        var options = new EventStreamOptions();
        Assert.Throws<ArgumentOutOfRangeException>(() => options.ReplayCount = -1);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.ReplayCount = 1_000_001);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxBacklog = 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxKeys = 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxLogSize = 64 * 1024 - 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxBacklogSize = 64 * 1024 - 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxEventSize = 1023);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxEventSize = 1024 * 1024 * 1024 + 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxIdLength = 63);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxIdLength = 65_537);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxTopics = 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxTopicLength = 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxTopicsPerEvent = 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxTopicsPerEvent = 10_001);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MeasuredTopics = -1);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MeasuredTopics = 10_001);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.ReplayAge = TimeSpan.Zero);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.Heartbeat = TimeSpan.Zero);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.PeerTimeout = TimeSpan.FromSeconds(-2));
        Assert.Throws<ArgumentOutOfRangeException>(() => options.Retry = TimeSpan.FromSeconds(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => options.Retry = TimeSpan.MaxValue);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.SlowSubscribers = (SlowSubscribers)3);
        Assert.Throws<ArgumentException>(() => options.GapEvent = "");
        Assert.Throws<ArgumentException>(() => options.GapEvent = "a\nb");
        Assert.Throws<ArgumentException>(() => options.HeartbeatEvent = "");
        Assert.Throws<ArgumentException>(() => options.HeartbeatEvent = "a\rb");
        options.HeartbeatEvent = null;
        options.ReplayCount = 0;
        options.Heartbeat = options.ReplayAge = options.PeerTimeout = Timeout.InfiniteTimeSpan;
    }

    [Test]
    public void NothingThatASubscriberWantsIsNull()
    {
        Assert.Throws<ArgumentNullException>(() => _ = new SubscribeOptions { Topics = null! });
        Assert.Throws<ArgumentNullException>(() => _ = new SubscribeOptions { TopicPatterns = null! });
        Assert.Throws<ArgumentException>(() => WantedTopics.Of(new SubscribeOptions { Topics = ["a", null!] }));
        Assert.Throws<ArgumentException>(() => WantedTopics.Of(new SubscribeOptions { TopicPatterns = ["a", null!] }));
    }

    [Test]
    public void StreamKeepsTheOptionsItWasMadeWith()
    {
        var options = new EventStreamOptions { MaxBacklog = 5 };
        var stream = new EventStream("test", options);
        options.MaxBacklog = 6;
        Assert.That(stream.Options.MaxBacklog, Is.EqualTo(5));
    }

    [TestCase("")]
    [TestCase(" a")]
    [TestCase("a ")]
    [TestCase("a\tb")]
    [TestCase("a\u007fb")]
    public void IdThatDoesNotComeBackIsRefused(string id)
    {
        var stream = new EventStream();
        Assert.Throws<ArgumentException>(() => stream.Publish(new ServerSentEvents { Id = id, Data = "x" }));
        Assert.Throws<ArgumentException>(() => stream.Publish(new ServerSentEvents { Id = new string('x', 1025), Data = "x" }));
        Assert.That(stream.Published, Is.Zero);
    }

    /// <summary>A client that resumes by it would miss what came between.</summary>
    [Test]
    public void IdThatTheStreamGaveIsNotOnesOwn()
    {
        var stream = new EventStream();
        string assigned = stream.Publish("0");
        Assert.Throws<ArgumentException>(() => stream.Publish(new ServerSentEvents { Id = assigned, Data = "x" }));
        Assert.That(stream.Published, Is.EqualTo(1));
    }

    [Test]
    public void IdIsUniqueWhileItIsInTheLog()
    {
        var stream = new EventStream("test", new() { ReplayCount = 0, MaxBacklog = 2 });
        stream.Publish(new ServerSentEvents { Id = "a", Data = "1" });
        Assert.That(Assert.Throws<ArgumentException>(
            () => stream.Publish(new ServerSentEvents { Id = "a", Data = "2" }))!.Message, Does.Contain("unique"));
        stream.Publish("2");
        stream.Publish("3");
        stream.Publish(new ServerSentEvents { Id = "a", Data = "4" });
        Assert.That(stream.Published, Is.EqualTo(4));
    }

    [Test]
    public void MessageIsCopied()
    {
        var stream = new EventStream();
        var message = new ServerSentEvents { Data = "x" };
        string[] ids = [stream.Publish(message), stream.Publish(message)];
        Assert.That(message.Id, Is.Null);
        Assert.That(ids[0], Is.Not.EqualTo(ids[1]));
    }

    [Test]
    public void LogIsBoundedByItsSize()
    {
        var stream = new EventStream("test", new() { MaxLogSize = 64 * 1024 });
        for (int i = 0; i < 100; i++) stream.Publish(new string('x', 4000));
        Assert.That(stream.Log.Size, Is.InRange(60_000, 64 * 1024));
        stream.Publish(new string('x', 100_000));
        Assert.That(stream.Log.Count, Is.EqualTo(1), "the newest is kept, whatever its size");
    }

    [Test]
    public void LogIsBoundedByCount()
    {
        var stream = new EventStream("test", new() { ReplayCount = 10, MaxBacklog = 5 });
        for (int i = 0; i < 1000; i++) stream.Publish("x");
        Assert.That(stream.Log.Count, Is.EqualTo(15));
    }
}
