using System.Buffers;
using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>The parser by itself: bytes in, verdict out.</summary>
internal sealed class HttpParserTests
{
    private const string Valid = "POST /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nX-Empty:\r\nX-Padded: \t v w \t\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\n";

    private static readonly HttpOptions Options = new();

    [Test]
    public void ReadsAWholeHead()
    {
        Verdict verdict = Parse(Valid, out RequestHead? head, out int consumed);
        Assert.That((verdict.Kind, consumed), Is.EqualTo((VerdictKind.Message, Valid.Length)));
        Assert.That(Text(head!.Method), Is.EqualTo("POST"));
        Assert.That(Text(head.Target), Is.EqualTo("/a/b?c=d"));
        Assert.That((head.MinorVersion, head.ContentLength, head.IsChunked, head.KeepAlive), Is.EqualTo((1, 12L, false, true)));
        Assert.That(head.Fields.Select(f => $"{Text(head.Name(f))}={Text(head.Value(f))}"),
            Is.EqualTo(new[] { "Host=example.org", "X-Empty=", "X-Padded=v w", "Content-Length=12", "Connection=keep-alive" }));
    }

    [Test]
    public void EachPrefixOfAValidHeadNeedsMore()
    {
        for (int length = 0; length < Valid.Length; length++)
        {
            Verdict verdict = Parse(Valid[..length], out RequestHead? head, out int consumed);
            Assert.That((verdict.Kind, head, consumed), Is.EqualTo((VerdictKind.NeedMore, (RequestHead?)null, 0)), Valid[..length]);
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
        Assert.That(Parse("\r\n\r\n" + Valid, out RequestHead? head, out int consumed).Kind, Is.EqualTo(VerdictKind.Message));
        Assert.That((consumed, Text(head!.Method), Text(head.Value(head.Fields[0]))), Is.EqualTo((Valid.Length + 4, "POST", "example.org")));
    }

    [TestCase("GET / HTTP/1.1\r\n\r\n", 400, TestName = "Host is missing")]
    [TestCase("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, TestName = "Host twice")]
    [TestCase("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, TestName = "Host with userinfo")]
    [TestCase("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, TestName = "Host with a space")]
    [TestCase("GET / HTTP/1.1\nHost: a\n\n", 400, TestName = "bare LF")]
    [TestCase("GET / HTTP/1.1\r\nHost: a\n\r\n", 400, TestName = "bare LF after a header")]
    [TestCase("GET / HTTP/1.1\rHost: a\r\n", 400, TestName = "bare CR in the request line")]
    [TestCase("GET / HTTP/1.1\r\nHost: a\r\nA: b\rc", 400, TestName = "bare CR in a header that has not ended")]
    [TestCase("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400, TestName = "obsolete fold")]
    [TestCase("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, TestName = "space before the colon")]
    [TestCase("GET / HTTP/1.1\r\nHost: a\r\nNoColon\r\n\r\n", 400, TestName = "no colon")]
    [TestCase("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400, TestName = "empty name")]
    [TestCase("GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n", 400, TestName = "NUL in a value")]
    [TestCase("GET / HTTP/1.1\r\nHost: a\r\nA(b): c\r\n\r\n", 400, TestName = "delimiter in a name")]
    [TestCase("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, TestName = "two spaces")]
    [TestCase("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, TestName = "space in the target")]
    [TestCase("GET /\u00e9 HTTP/1.1\r\nHost: a\r\n\r\n", 400, TestName = "non-ASCII target")]
    [TestCase("GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", 400, TestName = "fragment")]
    [TestCase("GET index HTTP/1.1\r\nHost: a\r\n\r\n", 400, TestName = "target of no form")]
    [TestCase("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, TestName = "asterisk without OPTIONS")]
    [TestCase("GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", 400, TestName = "absolute form without authority")]
    [TestCase("GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, TestName = "absolute form with userinfo")]
    [TestCase("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, TestName = "delimiter in the method")]
    [TestCase(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, TestName = "leading space")]
    [TestCase("GET /\r\n\r\n", 400, TestName = "HTTP/0.9")]
    [TestCase("GET / http/1.1\r\nHost: a\r\n\r\n", 400, TestName = "version in lower case")]
    [TestCase("GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400, TestName = "two digits")]
    [TestCase("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, TestName = "HTTP/2.0")]
    [TestCase("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, TestName = "HTTP/2 preface")]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, TestName = "Content-Length twice")]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400, TestName = "Content-Length list")]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400, TestName = "Content-Length with a sign")]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", 400, TestName = "Content-Length in hex")]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400, TestName = "Content-Length empty")]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 413, TestName = "Content-Length overflow")]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400, TestName = "both lengths")]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, TestName = "Transfer-Encoding twice")]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400, TestName = "chunked not last")]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, TestName = "unknown coding")]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400, TestName = "disguised chunked")]
    [TestCase("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, TestName = "Transfer-Encoding in HTTP/1.0")]
    public void Refuses(string request, int status)
    {
        Verdict verdict = Parse(request, out RequestHead? head, out _);
        Assert.That((verdict.Kind, verdict.Status, head), Is.EqualTo((VerdictKind.Reject, status, (RequestHead?)null)), verdict.Reason);
    }

    [TestCase("GET / HTTP/1.0\r\n\r\n", TestName = "HTTP/1.0 without Host")]
    [TestCase("GET / HTTP/1.1\r\nHost:\r\n\r\n", TestName = "empty Host")]
    [TestCase("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", TestName = "IPv6 Host")]
    [TestCase("GET / HTTP/1.9\r\nHost: a\r\n\r\n", TestName = "higher minor version")]
    [TestCase("GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", TestName = "absolute form")]
    [TestCase("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", TestName = "asterisk form")]
    [TestCase("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", TestName = "authority form")]
    [TestCase("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", TestName = "any token is a method")]
    [TestCase("GET / HTTP/1.1\r\nHost: a\r\nA: \u00ff\tb\r\n\r\n", TestName = "obs-text and tab in a value")]
    [TestCase("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", TestName = "chunked in any case")]
    public void Accepts(string request) =>
        Assert.That(Parse(request, out _, out _), Is.EqualTo(Verdict.Message));

    [TestCase("1.1", "", true)]
    [TestCase("1.1", "Connection: close\r\n", false)]
    [TestCase("1.1", "Connection: foo, Close\r\n", false)]
    [TestCase("1.1", "Connection: keep-alive\r\nConnection: close\r\n", false)]
    [TestCase("1.0", "", false)]
    [TestCase("1.0", "Connection: Keep-Alive\r\n", true)]
    [TestCase("1.0", "Connection: keep-alive, close\r\n", false)]
    public void TellsWhetherTheConnectionGoesOn(string version, string fields, bool keepAlive)
    {
        Parse($"GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n", out RequestHead? head, out _);
        Assert.That(head!.KeepAlive, Is.EqualTo(keepAlive));
    }

    [Test]
    public void HeadAtTheLimitPassesAndOneByteMoreIsRefused()
    {
        const string Frame = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
        string fill = new('x', Options.MaxHeadSize - Frame.Length - 4);
        Assert.That(Parse($"{Frame}{fill}\r\n\r\n", out _, out int consumed), Is.EqualTo(Verdict.Message));
        Assert.That(consumed, Is.EqualTo(Options.MaxHeadSize));
        Assert.That(Parse($"{Frame}{fill}x\r\n\r\n", out _, out _).Status, Is.EqualTo(431));
        Assert.That(Parse($"{Frame}{fill}xxxxxxxxxxxxx", out _, out _).Status, Is.EqualTo(431), "no end in sight");
        Assert.That(Parse(string.Concat(Enumerable.Repeat("\r\n", Options.MaxHeadSize)), out _, out _).Status, Is.EqualTo(431), "empty lines count");
    }

    [Test]
    public void HeadersUpToTheLimitPass()
    {
        string fields = string.Concat(Enumerable.Repeat("A: b\r\n", Options.MaxHeaderCount - 1));
        Assert.That(Parse($"GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n", out RequestHead? head, out _), Is.EqualTo(Verdict.Message));
        Assert.That(head!.Fields, Has.Length.EqualTo(Options.MaxHeaderCount));
        Assert.That(Parse($"GET / HTTP/1.1\r\nHost: a\r\n{fields}A: b\r\n\r\n", out _, out _).Status, Is.EqualTo(431));
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
            Verdict whole = HttpParser.TryParse(new ReadOnlySequence<byte>(bytes), Options, out RequestHead? head, out int consumed);
            ReadOnlySequence<byte> cut = Segments.Of(bytes, Fragmentation.AtRandom(random.Next()).Cut(bytes.Length));
            Verdict pieces = HttpParser.TryParse(cut, Options, out RequestHead? other, out int consumedToo);
            Assert.That((pieces, consumedToo, other?.Bytes), Is.EqualTo((whole, consumed, head?.Bytes)), $"seed {seed}, case {i}: {Encoding.Latin1.GetString(bytes)}");
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

    private static Verdict Parse(string request, out RequestHead? head, out int consumed) =>
        HttpParser.TryParse(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(request)), Options, out head, out consumed);

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
}
