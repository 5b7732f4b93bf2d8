using System.Buffers;
using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>The chunked decoder by itself, whole and in pieces. What it refuses is in <see cref="WireRuleTests"/>.</summary>
internal sealed class ChunkedDecoderTests
{
    private static readonly HttpOptions Options = new();

    [TestCase("0\r\n\r\n", "", TestName = "no chunk")]
    [TestCase("5\r\nhello\r\n0\r\n\r\n", "hello", TestName = "one chunk")]
    [TestCase("5\r\nhello\r\n00B\r\n big\r\nworld\r\n0\r\n\r\n", "hello big\r\nworld", TestName = "two chunks, hex with zeros")]
    [TestCase("5;name=\"v;w\";x\r\nhello\r\n0;last\r\n\r\n", "hello", TestName = "extensions")]
    [TestCase("5 ;x\r\nhello\r\n0\r\n\r\n", "hello", TestName = "white space before an extension")]
    [TestCase("1\r\nx\r\n0\r\nTrailer: a\r\nOther: b\r\n\r\n", "x", TestName = "trailers")]
    public void Reads(string chunks, string body)
    {
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            (Verdict verdict, string read, string rest) = Decode(chunks + "GET", fragmentation);
            Assert.That((verdict.Kind, read, rest), Is.EqualTo((VerdictKind.Message, body, "GET")), $"{fragmentation}");
        }
    }

    [Test]
    public void TrailersAreKept()
    {
        using var body = new RequestBody(null, -1, Options);
        var decoder = new ChunkedDecoder(body, 50, Options);
        var input = new ReadOnlySequence<byte>("0\r\nA: b\r\nTrailer:  c d \r\n\r\n"u8.ToArray());
        Assert.That(decoder.TryDecode(ref input), Is.EqualTo(Verdict.Message));
        Assert.That(decoder.Trailers.Select(t => $"{t.Key}={t.Value}"), Is.EqualTo(new[] { "A=b", "Trailer=c d" }));
    }

    private static (Verdict Verdict, string Body, string Left) Decode(string chunks, Fragmentation fragmentation)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(chunks);
        using var body = new RequestBody(null, -1, Options);
        var decoder = new ChunkedDecoder(body, 50, Options);
        byte[] waiting = [];
        Verdict verdict = Verdict.NeedMore;
        int fed = 0;
        foreach (Range piece in fragmentation.Cut(bytes.Length))
        {
            waiting = [.. waiting, .. bytes[piece]];
            fed = piece.End.Value;
            var input = new ReadOnlySequence<byte>(waiting);
            verdict = decoder.TryDecode(ref input);
            waiting = input.ToArray();
            if (verdict.Kind != VerdictKind.NeedMore) break;
        }
        return (verdict, Encoding.Latin1.GetString(body.ToMemory().Span),
            Encoding.Latin1.GetString([.. waiting, .. bytes[fed..]]));
    }
}
