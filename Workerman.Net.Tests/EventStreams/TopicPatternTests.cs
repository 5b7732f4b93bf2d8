using Workerman.EventStreams;
using Workerman.Protocols.Http;

namespace Workerman.Tests.EventStreams;

/// <summary>Which topics a pattern has, and what is no pattern.</summary>
internal sealed class TopicPatternTests
{
    [TestCase("a/b", "a/b", "a/b/ a/bc a b A/b a.b")]
    [TestCase("a/*", "a/b a/ a/b.c a/*", "a b/a a/b/c ab/c /a/b")]
    [TestCase("*/b", "a/b /b x.y/b", "b a/b/ a/c a/b/b")]
    [TestCase("a/*/c", "a/b/c a//c a/*/c", "a/c a/b/d a/b/c/d a/b/b/c a/b/cc")]
    [TestCase("a/*/*", "a/b/c a// a//c", "a/b a/b/c/d a")]
    [TestCase("a/**", "a/b a/b/c a/ a//", "a ab b/a A/b")]
    [TestCase("*/**", "a/b a/b/c /", "a b.c")]
    [TestCase("a/*/c/**", "a/b/c/d a/b/c/d/e a/b/c/", "a/b/c a/b/cd/e a/c/d")]
    [TestCase("a.*", "a.b a.b/c a.", "a a.b.c a/b")]
    [TestCase("a.**", "a.b a.b.c a.b/c", "a ab.c")]
    [TestCase("*.b.*", "a.b.c .b. x/y.b.c", "a.b a.b.c.d b.c")]
    [TestCase("*", "a *", "a/b a.b / .")]
    [TestCase("**", "a a/b a.b / *", "")]
    [TestCase("a", "a", "b aa A a/")]
    [TestCase("https://example.com/books/*", "https://example.com/books/1 https://example.com/books/1.html",
        "https://example.com/books https://exampleXcom/books/1 https://example.com/books/1/2")]
    public void SegmentsAreMatchedWhole(string pattern, string those, string others)
    {
        var of = new TopicPattern(pattern);
        Assert.That(of.Text, Is.EqualTo(pattern));
        foreach (string topic in those.Split(' ')) Assert.That(of.Matches(topic), topic);
        foreach (string topic in others.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            Assert.That(of.Matches(topic), Is.False, topic);
        Assert.That(of.Matches(""), Is.EqualTo(pattern is "*" or "**"), "one segment, an empty one");
    }

    [TestCase("", "empty")]
    [TestCase("a*", "whole")]
    [TestCase("*a/b", "whole")]
    [TestCase("a/b*c", "whole")]
    [TestCase("***", "whole")]
    [TestCase("a.***", "whole")]
    [TestCase("a/*.b", "whole")]
    [TestCase("**/a", "last")]
    [TestCase("**.", "last")]
    [TestCase("a/**/b", "last")]
    public void WhatIsNoPatternIsRefused(string pattern, string why) =>
        Assert.That(Assert.Throws<BadRequestException>(() => _ = new TopicPattern(pattern))!.Message, Does.Contain(why));

    /// <summary>Against one that compares segment by segment.</summary>
    [Test]
    public void ItSaysWhatComparingTheSegmentsSays()
    {
        var random = new Random(1);
        int matched = 0;
        for (int i = 0; i < 200_000; i++)
        {
            char separator = "/."[random.Next(2)];
            string[] pattern = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => Pick("a", "b", "ab", "*", "*", ""))];
            if (random.Next(3) == 0) pattern[^1] = "**";
            string[] topic = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => Pick("a", "b", "ab", "", "*"))];
            string text = string.Join(separator, pattern);
            if (pattern.Length == 1 || text.Length == 0) continue;
            bool expected = Compare(pattern, topic);
            Assert.That(new TopicPattern(text).Matches(string.Join(separator, topic)), Is.EqualTo(expected),
                $"{text} {string.Join(separator, topic)}");
            if (expected) matched++;
        }
        Assert.That(matched, Is.GreaterThan(5000));

        string Pick(params string[] of) => of[random.Next(of.Length)];
    }

    [Test]
    public void NothingIsAllocatedForATopic()
    {
        TopicPattern[] patterns = [.. ((string[])["a/*/c/**", "*", "*.b.*", "a/*/*/*/e"]).Select(text => new TopicPattern(text))];
        string[] topics = ["a/b/c/d", "a.b.c", "a/1/2/3/e", "x"];
        Match();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Match();
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);

        void Match()
        {
            foreach (TopicPattern pattern in patterns)
            {
                foreach (string topic in topics) _ = pattern.Matches(topic);
            }
        }
    }

    private static bool Compare(string[] pattern, string[] topic)
    {
        bool hasRest = pattern[^1] == "**";
        if (hasRest ? topic.Length < pattern.Length : topic.Length != pattern.Length) return false;
        int fixedOnes = hasRest ? pattern.Length - 1 : pattern.Length;
        return Enumerable.Range(0, fixedOnes).All(i => pattern[i] == "*" || pattern[i] == topic[i]);
    }
}
