using System.Buffers;
using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>A refusal of a HEAD request has no body, and that of another request has one, however the bytes were cut.</summary>
internal sealed class RefusedHeadTests
{
    private static Fragmentation[] AllFragmentations => Fragmentation.All;

    [Test]
    public void AnswerToHeadHasNoBody([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        Assert.That(Refusal("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n", fragmentation),
            Does.StartWith("HTTP/1.1 413 ").And.EndsWith("\r\n\r\n"));
    }

    [Test]
    public void HeadRequestBeforeItMakesNoDifference([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        Assert.That(Refusal("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz",
            fragmentation), Does.StartWith("HTTP/1.1 400 ").And.Contain("\r\n\r\n400 Bad Request: "));
    }

    [Test]
    public void BareLineEndIsNoEmptyLine([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        Assert.That(Refusal("\nHEAD / HTTP/1.1\r\n\r\n", fragmentation),
            Does.StartWith("HTTP/1.1 400 ").And.Contain("\r\n\r\n400 Bad Request: "));
    }

    private static string Refusal(string sent, Fragmentation fragmentation)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(sent);
        using var protocol = new HttpProtocol(new HttpOptions());
        var answer = new ArrayBufferWriter<byte>();
        int start = 0;
        foreach (Range piece in fragmentation.Cut(bytes.Length))
        {
            var input = new ReadOnlySequence<byte>(bytes[start..piece.End.Value]);
            while (!input.IsEmpty)
            {
                long before = input.Length;
                Verdict verdict = protocol.TryDecode(ref input, 1000, out _);
                start += (int)(before - input.Length);
                answer.ResetWrittenCount();
                if (verdict.Kind == VerdictKind.NeedMore) break;
                if (verdict.Kind == VerdictKind.Message)
                {
                    protocol.Encode("", answer);
                    continue;
                }
                protocol.EncodeRejection(verdict, answer);
                return Encoding.Latin1.GetString(answer.WrittenSpan);
            }
        }
        throw new InvalidOperationException("nothing was refused");
    }
}
