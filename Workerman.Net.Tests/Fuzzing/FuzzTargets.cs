using System.Buffers;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.Proxies;
using Workerman.Tls;

namespace Workerman.Tests.Fuzzing;

/// <summary>
/// What the fuzzer is shown besides requests: every other parser of bytes that a peer sends. Any thread; WebSockets are in
/// <see cref="WebSocketTargets"/>.
/// </summary>
internal static class FuzzTargets
{
    private const int LongestMessage = 40;

    private static readonly HttpOptions KeptForms = Forms(1024 * 1024);
    private static readonly HttpOptions FormsTakenApart = Forms(16);

    public static FuzzTarget[] All { get; } =
    [
        .. WebSocketTargets.All,
        new("multipart", Latin1(
            "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b--\r\n",
            "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\n"
                + "file\r\n--b--",
            "preamble\r\n--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b\r\n"
                + "Content-Disposition: form-data; name=a\r\n\r\n--\r\n-b\r\n--b--\r\nepilogue",
            "--b  \r\nContent-Disposition: form-data; name=a; filename*=UTF-8''%e2%82%ac\r\n\r\n\r\n--b\r\n\r\n\r\n--b--\r\n"),
            Latin1("\r\n", "--b", "--b\r\n", "--b--", "\r\n--b\r\n", "-", "\r", "\n", "Content-Disposition: form-data; name=",
                "filename=", "\"", "\\\"", ";", "Content-Type: a/b\r\n", "\r\n\r\n", "name=c", "\0", "\u00ff"), ReadForm),
        new("text", Latin1("a\nbc\r\n\n", "0123456789\r\r\n", "0123456789012345678901234567890123456789", "\r\n"),
            Latin1("\r", "\n", "\r\n", "0123456789012345678901234567890123456", "\0", "\u00ff"),
            static (bytes, pieces, segmented) =>
                ReadMessages(new MessageProtocol<byte[]>("text", new TextProtocol()), bytes, pieces, segmented)),
        new("frame", Latin1("\0\0\0\u0004\0\0\0\u0006ab", "\0\0\0\u0028" + new string('x', 36), "\0\0\0\u0029", "\u0080\0\0\0"),
            Latin1("\0", "\0\0\0", "\u0004", "\u0003", "\u0028", "\u0029", "\u007f\u00ff\u00ff\u00ff", "\u00ff"),
            static (bytes, pieces, segmented) =>
                ReadMessages(new MessageProtocol<byte[]>("frame", new FrameProtocol()), bytes, pieces, segmented)),
        new("proxy", ProxyHeaders(),
            Latin1("PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", " ", "\r\n", "\r", "\n", "::1", "65536", "0",
                "\r\n\r\n\0\r\nQUIT\n", "\u0021", "\u0020", "\u0011", "\u0031", "\0\u000c", "\u0010\0", "\u0003\0\u0004"),
            ReadProxyHeader),
        new("socks", Latin1("\u0005\0\u0005\0\0\u0001abcdef", "\u0005\u0002\u0001\0\u0005\0\0\u0003\u0003abcde", "\u0005\u00ff",
                "\u0005\0\u0005\0\0\u0004abcdefghijklmnoprs", "\u0005\u0002\u0001\u0001", "\u0005\0\u0005\u0005"),
            Latin1("\u0005", "\0", "\u0001", "\u0002", "\u0003", "\u0004", "\u00ff"),
            static (bytes, pieces, segmented) =>
                ReadHandshake(new Socks5Handshake("a.test", 80, "u", "p"), bytes, pieces, segmented)),
        new("connect", Latin1("HTTP/1.1 200 OK\r\n\r\nrest", "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.0 200\r\n\r\n",
                "HTTP/1.1 407 Who\r\nA: b\r\n\r\n", "HTTP/1.1 200 " + new string('x', 1011) + "\r\n\r\n", "SSH-2.0"),
            Latin1("HTTP/1.", "1 ", "200", "099", "101", "\r\n", "\r", "\n", " ", "\r\n\r\n", ":", "\u00ff"),
            static (bytes, pieces, segmented) =>
                ReadHandshake(new HttpConnectHandshake("a.test:80", null, null), bytes, pieces, segmented)),
        new("tls", Latin1("\u0016\u0003\u0001\0\u0005hello\u0017\u0003\u0003\0\u0003abc",
                "\u0014\u0003\u0003\0\u0001\u0001\u0015\u0003\u0003\0\u0002\u0002\u0028",
                "\u0017\u0003\u0003\0\0", "\u0016\u0003\u0003\u0048\u0001", "GET / HTTP/1.1\r\n"),
            Latin1("\u0016\u0003\u0001", "\u0017\u0003\u0003", "\0\0", "\0\u0001", "\u0048\0", "\u0048\u0001",
                "\u0014", "\u0015", "\u0018", "\u0019", "\u00ff\u00ff"),
            ReadRecords),
    ];

    public static byte[][] Latin1(params string[] texts) => [.. texts.Select(Encoding.Latin1.GetBytes)];

    private static HttpOptions Forms(int threshold) => new()
    {
        MaxFormFields = 3,
        MaxFiles = 1,
        MaxFormFieldsSize = 20,
        BodyMemoryThreshold = threshold,
    };

    /// <summary>As the body of a request, whose length is right; in segments it is taken apart as it arrives.</summary>
    private static List<string> ReadForm(byte[] body, IEnumerable<Range> pieces, bool segmented)
    {
        byte[] head = Encoding.Latin1.GetBytes("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            + $"Content-Length: {body.Length}\r\n\r\n");
        IEnumerable<Range> moved = pieces.Select(piece => (piece.Start.Value + head.Length)..(piece.End.Value + head.Length));
        return Exchange.Read([.. head, .. body], [0..head.Length, .. moved], segmented ? FormsTakenApart : KeptForms,
            segmented: segmented, reasons: true);
    }

    private static List<string> ReadMessages(MessageProtocol<byte[]> protocol, byte[] bytes, IEnumerable<Range> pieces,
        bool segmented) => FuzzTarget.Pump(bytes, pieces, segmented, (ref ReadOnlySequence<byte> input, List<string> seen) =>
        {
            while (!input.IsEmpty)
            {
                Verdict verdict = protocol.TryDecode(ref input, LongestMessage, out byte[] message);
                if (verdict.Kind == VerdictKind.NeedMore) return true;
                if (verdict.Kind == VerdictKind.Reject) return Refused(verdict, seen);
                seen.Add(Convert.ToHexString(message));
            }
            return true;
        });

    private static List<string> ReadHandshake(ProxyHandshake handshake, byte[] bytes, IEnumerable<Range> pieces, bool segmented)
    {
        var said = new ArrayBufferWriter<byte>();
        List<string> seen = FuzzTarget.Pump(bytes, pieces, segmented, (ref ReadOnlySequence<byte> input, List<string> heard) =>
        {
            Verdict verdict = handshake.Read(ref input, said);
            if (verdict.Kind == VerdictKind.Reject) return Refused(verdict, heard);
            if (verdict.Kind == VerdictKind.NeedMore) return true;
            heard.Add("open");
            return false;
        });
        return [$"said {Convert.ToHexString(said.WrittenSpan)}", .. seen];
    }

    private static List<string> ReadProxyHeader(byte[] bytes, IEnumerable<Range> pieces, bool segmented)
    {
        var peer = new ProxiedPeer(new ProxyProtocolOptions { MaxHeaderSize = 232 });
        foreach (Range piece in pieces)
        {
            if (piece.End.Value == piece.Start.Value) continue;
            Verdict verdict = peer.Read(bytes.AsSpan(piece), out System.Net.IPEndPoint? remote, out int used);
            if (verdict.Kind == VerdictKind.Message)
                return [$"{remote} {peer.LocalAddress} {piece.Start.Value + used}", "open"];
            if (verdict.Kind == VerdictKind.Reject) return [$"refused {verdict.Status} {verdict.Reason}"];
        }
        return ["waiting"];
    }

    private static List<string> ReadRecords(byte[] bytes, IEnumerable<Range> pieces, bool segmented)
    {
        using var records = new TlsRecords(owner: null);
        var seen = new List<string>();
        byte[] record = new byte[5 + ushort.MaxValue];
        foreach (Range piece in pieces)
        {
            records.Add(bytes[piece]);
            while (true)
            {
                if (records.IsNotTls || records.IsTooLong)
                {
                    seen.Add(records.IsNotTls ? "refused: no record" : "refused: too long");
                    return seen;
                }
                if (!records.HasRecord) break;
                ValueTask<int> read = records.ReadAsync(record);
                seen.Add(Convert.ToHexString(record.AsSpan(0, read.IsCompleted ? read.Result : 0)));
            }
            records.Keep();
        }
        seen.Add("waiting");
        return seen;
    }

    private static bool Refused(Verdict verdict, List<string> seen)
    {
        seen.Add($"refused {verdict.Status} {verdict.Reason}");
        return false;
    }

    private static byte[][] ProxyHeaders()
    {
        const string Signature = "\r\n\r\n\0\r\nQUIT\n";
        return Latin1("PROXY TCP4 192.0.2.1 192.0.2.2 1 65535\r\nrest", "PROXY TCP6 2001:db8::1 ::1 56324 443\r\n",
            "PROXY UNKNOWN ffff\r\n", "PROXY UNKNOWN " + new string('f', 91) + "\r\n",
            Signature + "\u0021\u0011\0\u000cabcdefghijkl" + "rest", Signature + "\u0020\0\0\0",
            Signature + "\u0021\u0021\0\u0024" + new string('a', 36),
            Signature + "\u0021\u0011\0\u0013abcdefghijkl\u0003\0\u0004abcd",
            Signature + "\u0021\u0031\0\u00d8" + new string('a', 216));
    }
}
