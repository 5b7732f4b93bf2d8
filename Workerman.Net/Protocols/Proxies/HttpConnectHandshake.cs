using System.Buffers;
using System.Text;

namespace Workerman.Protocols.Proxies;

/// <summary>
/// CONNECT to an HTTP proxy (RFC 9110, section 9.3.6), with Basic authentication (RFC 7617). It reads the head of the answer; the
/// body of a refusal is not waited for. One object per attempt, on the loop's thread.
/// </summary>
internal sealed class HttpConnectHandshake(string authority, string? user, string? password) : ProxyHandshake
{
    private const int MaxStatusLine = 1024;

    /// <summary>The status of the answer that has begun; 0 while its status line has not ended.</summary>
    private int _status;
    private string _words = "";

    /// <summary>Bytes of the answer in which the end of its head was looked for.</summary>
    private long _searched;

    public override int MaxReplySize => 16 * 1024;

    public override void Begin(IBufferWriter<byte> output)
    {
        string credentials = user is null
            ? ""
            : $"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))}\r\n";
        // RFC 9112, sections 3.2.3 and 3.2: the target is host and port, and so is Host.
        output.Write(Encoding.ASCII.GetBytes($"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{credentials}\r\n"));
    }

    public override Verdict Read(ref ReadOnlySequence<byte> input, IBufferWriter<byte> output)
    {
        while (true)
        {
            if (_status == 0 && ReadStatus(input) is { Kind: not VerdictKind.Message } verdict) return verdict;
            // An end of which three bytes have come may have come in two pieces.
            var reader = new SequenceReader<byte>(SequenceTail.From(input, Math.Max(0, _searched - 3)));
            if (!reader.TryReadTo(out ReadOnlySequence<byte> _, "\r\n\r\n"u8))
            {
                _searched = input.Length;
                return Verdict.NeedMore;
            }
            input = input.Slice(reader.Position);
            int status = _status;
            (_status, _searched) = (0, 0);
            // RFC 9110, section 15.2: any number of interim answers may come before. 101 is none: it was not asked for (7.8).
            if (status is >= 100 and < 200 and not 101) continue;
            // RFC 9110, section 9.3.6: the tunnel begins right after the head, whatever that says of a length.
            return status is >= 200 and < 300 ? Verdict.Message : Verdict.Reject(status, _words);
        }
    }

    private Verdict ReadStatus(in ReadOnlySequence<byte> input)
    {
        var reader = new SequenceReader<byte>(input.Slice(0, Math.Min(input.Length, MaxStatusLine + 2)));
        if (!reader.TryReadTo(out ReadOnlySequence<byte> line, "\r\n"u8)) return JudgeBeginning(input);
        if (!TryReadStatus(line, out _status))
        {
            _status = 0;
            return NotHttp;
        }
        _words = WordsOf(line);
        _searched = line.Length;
        return Verdict.Message;
    }

    private static Verdict NotHttp => Verdict.Reject(0, "it does not speak HTTP/1.1");

    /// <summary>What can never become a status line is refused at the first byte that makes it so.</summary>
    private static Verdict JudgeBeginning(in ReadOnlySequence<byte> input)
    {
        ReadOnlySpan<byte> wanted = "HTTP/1."u8;
        Span<byte> begins = stackalloc byte[wanted.Length];
        int count = (int)Math.Min(input.Length, wanted.Length);
        input.Slice(0, count).CopyTo(begins);
        // The longest line may have come with one of the two bytes of its end.
        bool isTooLong = input.Length > MaxStatusLine + 1
            || (input.Length > MaxStatusLine && input.Slice(MaxStatusLine).FirstSpan[0] != '\r');
        return wanted.StartsWith(begins[..count]) && !isTooLong ? Verdict.NeedMore : NotHttp;
    }

    /// <summary>RFC 9112, section 4: HTTP/1.x, a space, three digits, and a space before the reason, if there is one.</summary>
    private static bool TryReadStatus(in ReadOnlySequence<byte> line, out int status)
    {
        status = 0;
        if (line.Length is < 12 or > MaxStatusLine) return false;
        Span<byte> head = stackalloc byte[13];
        int count = (int)Math.Min(line.Length, head.Length);
        line.Slice(0, count).CopyTo(head);
        if (!head.StartsWith("HTTP/1."u8) || !char.IsAsciiDigit((char)head[7]) || head[8] != ' ') return false;
        if (count > 12 && head[12] != ' ') return false;
        for (int i = 9; i < 12; i++)
        {
            if (!char.IsAsciiDigit((char)head[i])) return false;
            status = status * 10 + head[i] - '0';
        }
        return status >= 100;
    }

    /// <summary>
    /// Status and reason as the proxy gave them. They go into messages and logs, so control characters are replaced.
    /// </summary>
    private static string WordsOf(in ReadOnlySequence<byte> line)
    {
        string text = Encoding.Latin1.GetString(line.Slice(9));
        return string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)).Trim();
    }
}
