using System.Buffers;
using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>The parser by itself: bytes in, verdict out. What it refuses is in <see cref="WireRuleTests"/>.</summary>
internal sealed class HttpParserTests
{
    private const string Valid = "POST /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nX-Empty:\r\nX-Padded: \t v w \t\r\n"
        + "Content-Length: 12\r\nConnection: keep-alive\r\n\r\n";

    private static readonly HttpOptions Options = new();

    [Test]
    public void ReadsAWholeHead()
    {
        Verdict verdict = Parse(Valid, out RequestHead head, out int consumed);
        Assert.That((verdict.Kind, consumed), Is.EqualTo((VerdictKind.Message, Valid.Length)));
        Assert.That(Text(head.Method), Is.EqualTo("POST"));
        Assert.That(Text(head.Target), Is.EqualTo("/a/b?c=d"));
        Assert.That((head.MinorVersion, head.ContentLength, head.IsChunked, head.KeepAlive), Is.EqualTo((1, 12L, false, true)));
        Assert.That(head.Fields.ToArray().Select(f => $"{Text(head.Name(f))}={Text(head.Value(f))}"),
            Is.EqualTo(new[] { "Host=example.org", "X-Empty=", "X-Padded=v w", "Content-Length=12", "Connection=keep-alive" }));
    }

    [Test]
    public void EachPrefixOfAValidHeadNeedsMore()
    {
        for (int length = 0; length < Valid.Length; length++)
        {
            Verdict verdict = Parse(Valid[..length], out RequestHead head, out int consumed);
            Assert.That((verdict.Kind, head.IsEmpty, consumed), Is.EqualTo((VerdictKind.NeedMore, true, 0)), Valid[..length]);
        }
    }

    [Test]
    public void LeavesWhatFollowsTheHead()
    {
        Assert.That(Parse(Valid + "GET", out _, out int consumed).Kind, Is.EqualTo(VerdictKind.Message));
        Assert.That(consumed, Is.EqualTo(Valid.Length));
    }

    [Test]
    public void EmptyLinesBeforeTheRequestLineAreIgnored()
    {
        Assert.That(Parse("\r\n\r\n" + Valid, out RequestHead head, out int consumed).Kind, Is.EqualTo(VerdictKind.Message));
        Assert.That((consumed, Text(head.Method), Text(head.Value(head.Fields[0]))),
            Is.EqualTo((Valid.Length + 4, "POST", "example.org")));
    }

    [TestCase("1.1", "", true)]
    [TestCase("1.1", "Connection: close\r\n", false)]
    [TestCase("1.1", "Connection: foo, Close\r\n", false)]
    [TestCase("1.1", "Connection: keep-alive\r\nConnection: close\r\n", false)]
    [TestCase("1.0", "", false)]
    [TestCase("1.0", "Connection: Keep-Alive\r\n", true)]
    [TestCase("1.0", "Connection: keep-alive, close\r\n", false)]
    public void TellsWhetherTheConnectionGoesOn(string version, string fields, bool keepAlive)
    {
        Parse($"GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n", out RequestHead head, out _);
        Assert.That(head.KeepAlive, Is.EqualTo(keepAlive));
    }

    /// <summary>The shortest fields that there are, so that there are as many as so many bytes may have.</summary>
    [Test]
    public void AsManyFieldsAsTheLimitAreReadAndNoMore([Values(1, 127, 128, 129, 300, 10_000)] int limit,
        [ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation)
    {
        var options = new HttpOptions { MaxHeadSize = 1 << 20, MaxHeaderCount = limit };
        Assert.That(Read(limit, out RequestHead head).Kind, Is.EqualTo(VerdictKind.Message));
        Assert.That(head.Fields.Length, Is.EqualTo(limit));
        Assert.That(head.Fields.ToArray().Skip(1).All(field => field is { NameLength: 1, ValueLength: 0 }));
        Assert.That(Read(limit + 1, out _), Is.EqualTo(Refusals.TooManyHeaders));

        Verdict Read(int count, out RequestHead head)
        {
            head = default;
            byte[] bytes = Encoding.Latin1.GetBytes(
                $"GET / HTTP/1.1\r\nHost: a\r\n{string.Concat(Enumerable.Repeat("a:\r\n", count - 1))}\r\n");
            HeadProgress? progress = null;
            var verdict = Verdict.NeedMore;
            foreach (Range next in fragmentation.Cut(bytes.Length))
            {
                verdict = HttpParser.TryParse(
                    new ReadOnlySequence<byte>(bytes, 0, next.End.Value), options, false, ref progress, out head, out _);
                if (verdict.Kind != VerdictKind.NeedMore) break;
            }
            return verdict;
        }
    }

    /// <summary>Bytes in segments are judged like bytes in one piece, for good heads and bad ones.</summary>
    [Test]
    public void SegmentsMakeNoDifference([Values(1, 2, 3)] int seed)
    {
        var random = new Random(seed);
        byte[] valid = Encoding.Latin1.GetBytes(Valid);
        for (int i = 0; i < 3000; i++)
        {
            byte[] bytes = [.. valid];
            for (int changes = random.Next(3); changes > 0; changes--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0) bytes = bytes[..random.Next(bytes.Length)];
            Verdict whole =
                HttpParser.TryParse(new ReadOnlySequence<byte>(bytes), Options, out RequestHead head, out int consumed);
            ReadOnlySequence<byte> cut = Segments.Of(bytes, Fragmentation.AtRandom(random.Next()).Cut(bytes.Length));
            Verdict pieces = HttpParser.TryParse(cut, Options, out RequestHead other, out int consumedToo);
            Assert.That((pieces, consumedToo, other.Bytes.ToArray()), Is.EqualTo((whole, consumed, head.Bytes.ToArray())),
                $"seed {seed}, case {i}: {Encoding.Latin1.GetString(bytes)}");
        }
    }

    /// <summary>Whatever a prefix was judged, more bytes never make good what was refused.</summary>
    [Test]
    public void VerdictsNeverGetBetter([Values(4, 5)] int seed)
    {
        var random = new Random(seed);
        byte[] valid = Encoding.Latin1.GetBytes(Valid);
        for (int i = 0; i < 300; i++)
        {
            byte[] bytes = [.. valid];
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            bool refused = false;
            for (int length = 0; length <= bytes.Length; length++)
            {
                VerdictKind kind = HttpParser.TryParse(new ReadOnlySequence<byte>(bytes, 0, length), Options, out _, out _).Kind;
                if (refused) Assert.That(kind, Is.EqualTo(VerdictKind.Reject), $"seed {seed}, case {i}, length {length}");
                refused = kind == VerdictKind.Reject;
            }
        }
    }

    private static Verdict Parse(string request, out RequestHead head, out int consumed) =>
        HttpParser.TryParse(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(request)), Options, out head, out consumed);

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
}
