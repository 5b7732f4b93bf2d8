using System.Buffers;
using System.Diagnostics;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols;

/// <summary>Lines of text: the protocol itself, and workers that speak it.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class TextProtocolTests(Type loopType)
{
    [TestCase("a\n", "a")]
    [TestCase("a\r\n", "a")]
    [TestCase("a\r\r\n", "a")]
    [TestCase("\n", "")]
    [TestCase("\r\n", "")]
    [TestCase("a\rb \n", "a\rb ")]
    [TestCase("ä€😀\r\n", "ä€😀")]
    public void LineEndsAndTheReturnsBeforeThemAreTakenAway(string bytes, string line)
    {
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            ReadOnlySequence<byte> input =
                Segments.Of(Encoding.UTF8.GetBytes(bytes), fragmentation.Cut(Encoding.UTF8.GetByteCount(bytes)));
            Assert.That(new TextProtocol().TryDecode(ref input, 100, out string message).Kind, Is.EqualTo(VerdictKind.Message),
                $"{fragmentation}");
            Assert.That((message, input.Length), Is.EqualTo((line, 0L)), $"{fragmentation}");
        }
    }

    [Test]
    public async Task LinesArriveAsTextAndAsBytesHoweverTheyAreCut()
    {
        const string Sent = "one\ntwo\r\n\nthree é€😀\n\xFF\nlast\n";
        const string Expected = "[one]\n[two]\n[]\n[three é€😀]\n[\uFFFD]\n[last]\n";
        // One byte that is no UTF-8 among those that are.
        byte[] bytes = [.. Encoding.UTF8.GetBytes(Sent[..Sent.IndexOf('\xFF')]), 0xFF,
            .. Encoding.UTF8.GetBytes(Sent[(Sent.IndexOf('\xFF') + 1)..])];
        await using TestServer server = TestServer.Start(loopType,
            new Worker<string>("text://127.0.0.1:0") { OnMessage = (connection, line) => connection.Send($"[{line}]") });
        await using TestServer raw = TestServer.Start(loopType,
            new Worker<ReadOnlyMemory<byte>>("text://127.0.0.1:0") { OnMessage = (connection, line) => connection.Send(line) });
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using RawClient client = server.Connect();
            client.Send(bytes, fragmentation);
            string answer =
                Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(client.ReadExactly(Encoding.UTF8.GetByteCount(Expected))));
            Assert.That(answer, Is.EqualTo(Expected), $"{fragmentation}");
            using RawClient rawClient = raw.Connect();
            rawClient.Send(bytes, fragmentation);
            Assert.That(Encoding.Latin1.GetBytes(rawClient.ReadExactly(bytes.Length - 1)),
                Is.EqualTo(bytes.Where(b => b != '\r')), $"{fragmentation}");
        }
    }

    /// <summary>A package is the line with its end, as in PHP; the verdict is the same however the line arrives.</summary>
    [Test]
    public async Task LineOfMaxPackageSizeIsReadAndALongerOneClosesItsConnectionWithALogLine()
    {
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            OnConnect = connection => connection.MaxPackageSize = 10,
            OnMessage = (connection, line) => connection.Send(line),
        });
        using RawClient healthy = server.Connect();
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using RawClient client = server.Connect();
            client.Send("123456789\n12345678\r\n", fragmentation);
            Assert.That(client.ReadExactly(19), Is.EqualTo("123456789\n12345678\n"), $"{fragmentation}");
            client.Send("1234567890");
            Assert.That(client.ReadToEnd(), Is.Empty, "refused as soon as no end can come in time");
            using RawClient other = server.Connect();
            other.Send("1234567890\n");
            Assert.That(other.ReadToEnd(), Is.Empty);
        }
        Assert.That(healthy.Send("still\n").ReadExactly(6), Is.EqualTo("still\n"));
        string log = string.Join('\n', server.Log.Lines.Where(line => line.StartsWith("[Warning]", StringComparison.Ordinal)));
        Assert.That(log, Does.Contain("MaxPackageSize (10 bytes)"), "the others are counted");
    }

    /// <summary>
    /// Were each piece looked through from the line's start, this would be some 100,000,000,000 bytes; once it takes
    /// milliseconds.
    /// </summary>
    [Test]
    public void LineInManyPiecesIsLookedThroughOnce()
    {
        const int Length = 2_000_000;
        byte[] line = new byte[Length];
        line[^1] = (byte)'\n';
        var protocol = new TextProtocol();
        long start = Stopwatch.GetTimestamp();
        for (int arrived = 20; arrived < Length; arrived += 20)
        {
            var part = new ReadOnlySequence<byte>(line, 0, arrived);
            Assert.That(protocol.TryDecode(ref part, Length, out byte[] _).Kind, Is.EqualTo(VerdictKind.NeedMore));
        }
        var whole = new ReadOnlySequence<byte>(line);
        Assert.That(protocol.TryDecode(ref whole, Length, out byte[] message).Kind, Is.EqualTo(VerdictKind.Message));
        Assert.That(message, Has.Length.EqualTo(Length - 1));
        Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(2)));
    }

    [Test]
    public async Task SendTakesTextAndBytesAndLastWordsGetTheirLineEndToo()
    {
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            OnMessage = (connection, line) =>
            {
                connection.Send("text");
                connection.Send("bytes"u8);
                connection.Send("array"u8.ToArray());
                connection.SendRaw("raw ");
                connection.Close("bye");
            },
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send("go\n").ReadToEnd(), Is.EqualTo("text\nbytes\narray\nraw bye\n"));
    }

    [Test]
    public void TypeThatLinesAreNotIsRefusedAndTheSchemesThatCanAreNamed()
    {
        Assert.That(() => new Worker<int>("text://127.0.0.1:0"),
            Throws.ArgumentException.With.Message.Contains("System.String").And.Message.Contains("IProtocol<Int32>"));
        Assert.That(() => new Worker("text://127.0.0.1:0"),
            Throws.ArgumentException.With.Message.Contains("Schemes that deliver it: http://, unix://, https://."));
        Assert.That(() => new Worker<string>("http://127.0.0.1:0"),
            Throws.ArgumentException.With.Message.Contains("tcp://, text://, frame://, unix://"));
    }
}
