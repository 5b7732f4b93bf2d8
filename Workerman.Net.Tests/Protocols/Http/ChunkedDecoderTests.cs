using System.Buffers;
using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>The chunked decoder by itself, whole and in pieces.</summary>
internal sealed class ChunkedDecoderTests
{
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

    [TestCase("\r\n", 400, TestName = "empty size")]
    [TestCase("-1\r\n", 400, TestName = "negative size")]
    [TestCase("+1\r\nx\r\n", 400, TestName = "sign")]
    [TestCase("0x1\r\nx\r\n", 400, TestName = "0x")]
    [TestCase("g\r\n", 400, TestName = "no hex")]
    [TestCase(" 1\r\nx\r\n", 400, TestName = "leading space")]
    [TestCase("1 x\r\n", 400, TestName = "no semicolon")]
    [TestCase("1;a\0b\r\n", 400, TestName = "NUL in an extension")]
    [TestCase("1\nx\r\n", 400, TestName = "LF after the size")]
    [TestCase("1\rx", 400, TestName = "CR after the size")]
    [TestCase("1\r\nxy", 400, TestName = "longer than said")]
    [TestCase("1\r\nx\n", 400, TestName = "LF after the data")]
    [TestCase("1\r\nx\rx", 400, TestName = "CR after the data")]
    [TestCase("10000000000000000\r\n", 400, TestName = "size overflow")]
    [TestCase("FFFFFFFFFFFFFFF\r\n", 413, TestName = "huge size")]
    [TestCase("33\r\n", 413, TestName = "larger than the limit")]
    [TestCase("0\r\nno colon\r\n\r\n", 400, TestName = "bad trailer")]
    public void Refuses(string chunks, int status)
    {
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            Verdict verdict = Decode(chunks, fragmentation).Verdict;
            Assert.That((verdict.Kind, verdict.Status), Is.EqualTo((VerdictKind.Reject, status)), $"{fragmentation}: {verdict.Reason}");
        }
    }

    [Test]
    public void SizeLinesAndTrailersWithoutAnEndAreBounded()
    {
        Assert.That(Decode("1;" + new string('x', 5000), Fragmentation.Whole).Verdict.Status, Is.EqualTo(400));
        Assert.That(Decode("0\r\nA: " + new string('x', 5000), Fragmentation.Whole).Verdict.Status, Is.EqualTo(431));
        Assert.That(Decode("0\r\n" + string.Concat(Enumerable.Repeat("A: b\r\n", 500)), Fragmentation.Whole).Verdict.Status, Is.EqualTo(431));
    }

    private static (Verdict Verdict, string Body, string Left) Decode(string chunks, Fragmentation fragmentation)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(chunks);
        var decoder = new ChunkedDecoder(maxBodySize: 50, maxTrailerSize: 1000);
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
        return (verdict, Encoding.Latin1.GetString(decoder.ToArray()), Encoding.Latin1.GetString([.. waiting, .. bytes[fed..]]));
    }
}
