using Workerman.Grouping;
using Workerman.Protocols.Http;

namespace Workerman.Tests.Grouping;

/// <summary>Messages between nodes as bytes: each kind there and back, and nothing that is malformed taken for one.</summary>
internal sealed class GroupWireTests
{
    private static readonly Guid Node = new("00112233-4455-6677-8899-aabbccddeeff");

    private static IEnumerable<TestCaseData> Messages
    {
        get
        {
            yield return Case("text", new TextMessage("h\u00e9llo \ud83d\ude00"));
            yield return Case("no text", new TextMessage(""));
            yield return Case("bytes", new BytesMessage(new byte[] { 0, 255, 1 }));
            yield return Case("event", new EventMessage(
                new ServerSentEvents { Data = "a\nb", Event = "e", Id = "7", Retry = 5, Comment = "c" }));
            yield return Case("event of data", new EventMessage(new ServerSentEvents { Data = "" }));
            yield return Case("close", new CloseMessage(null));
            yield return Case("close with text", new CloseMessage(new TextMessage("bye")));
            yield return Case("dissolve", DissolveMessage.Instance);

            static TestCaseData Case(string name, GroupMessage message) => new TestCaseData(message).SetArgDisplayNames(name);
        }
    }

    [TestCaseSource(nameof(Messages))]
    public void EachKindComesBackAsItWas(object sent)
    {
        var message = (GroupMessage)sent;
        foreach (string? group in new[] { "r\u00f6\u00f6m", "x", null })
        {
            if (group is null && message is DissolveMessage) continue;
            RemoteMessage read = GroupWire.Read(GroupWire.Write(Node, group, message, ["user:1", "2"]));
            Assert.That((read.Node, read.Group), Is.EqualTo((Node, group)));
            Assert.That(read.Except.Groups, Is.EqualTo(new[] { "user:1", "2" }));
            Assert.That(read.Except.Connections, Is.Empty);
            Assert.That((read.Message.GetType(), Content(read.Message)), Is.EqualTo((message.GetType(), Content(message))));
        }
        Assert.That(GroupWire.Read(GroupWire.Write(Node, "x", message, [])).Except, Is.SameAs(Exclusion.None));
    }

    [Test]
    public void TheFormIsOnRecord()
    {
        byte[] bytes = GroupWire.Write(Node, "ab", new TextMessage("c"), ["d"]);
        Assert.That(Convert.ToHexStringLower(bytes),
            Is.EqualTo("01" + "33221100554477668899aabbccddeeff" + "01" + "01" + "00026162" + "01" + "000164" + "63"));
    }

    [TestCaseSource(nameof(Messages))]
    public void WhatIsCutOffOrDamagedIsRefusedOrAnotherMessage(object sent)
    {
        byte[] bytes = GroupWire.Write(Node, "room", (GroupMessage)sent, ["user:1"]);
        // Up to where its content begins nothing can be missing.
        int head = GroupWire.Write(Node, "room", new CloseMessage(null), ["user:1"]).Length;
        for (int length = 0; length < head; length++)
            Assert.Throws<GroupWireException>(() => GroupWire.Read(bytes.AsMemory(0, length)), $"{length} bytes");
        var random = new Random(1);
        for (int i = 0; i < 5000; i++)
        {
            byte[] damaged = [.. bytes];
            for (int j = 0; j <= random.Next(3); j++) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                GroupWire.Read(damaged.AsMemory(0, random.Next(damaged.Length + 1)));
            }
            catch (GroupWireException e)
            {
                Assert.That(e.Message, Is.Not.Empty);
            }
        }
    }

    [TestCase("02", "it is of version 2, and this node knows 1 alone")]
    [TestCase("", "it ends too early")]
    [TestCase("01{n}0900" + "00", "its kind 9 is not known here")]
    [TestCase("01{n}0102" + "00", "it is neither for all nor for a group (2)")]
    [TestCase("01{n}01010000" + "00", "a group has no name")]
    [TestCase("01{n}01010001ff" + "00", "a text in it is not valid UTF-8")]
    [TestCase("01{n}0100" + "00" + "c3", "a text in it is not valid UTF-8")]
    [TestCase("01{n}0600" + "00", "it dissolves no group")]
    [TestCase("01{n}0300" + "00" + "01" + "7fffffff", "it ends too early")]
    [TestCase("01{n}0300" + "00" + "01" + "ffffffff", "it ends too early")]
    [TestCase("01{n}0300" + "00" + "01" + "00000001" + "0a", "its event is none: An event's Event has a line break")]
    [TestCase("01{n}0300" + "00" + "08" + "ffffffff", "its event is none: ")]
    public void WhatIsMalformedIsRefusedWithAReason(string hex, string reason)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace("{n}", Node.ToString("N")));
        Assert.That(Assert.Throws<GroupWireException>(() => GroupWire.Read(bytes))!.Message, Does.StartWith(reason));
    }

    [Test]
    public void AMessageOfAProtocolOfItsOwnStaysOnItsNode() =>
        Assert.That(Assert.Throws<InvalidOperationException>(
            () => GroupWire.Write(Node, "x", new OwnMessage<int>(7), []))!.Message, Does.Contain("Cure: "));

    [Test]
    public void TextThatIsNoUnicodeIsReplacedAsOnTheWayToMembers() =>
        Assert.That(Content(GroupWire.Read(GroupWire.Write(Node, "x", new TextMessage("a\ud800"), [])).Message),
            Is.EqualTo("a\ufffd"));

    private static string Content(GroupMessage message) => message switch
    {
        TextMessage text => text.Text,
        BytesMessage bytes => Convert.ToHexString(bytes.Bytes.Span),
        EventMessage sent => sent.Event.ToString(),
        CloseMessage close => close.Last?.Text ?? "none",
        _ => "",
    };
}
