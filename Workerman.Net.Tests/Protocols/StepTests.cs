using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.Proxies;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;
using Workerman.Tls;

namespace Workerman.Tests.Protocols;

/// <summary>
/// What comes in packets of one byte costs a number of steps that grows with its length: at most <see cref="Most"/> for a byte,
/// and no more of them for twice as many bytes. A step is a byte that is looked at or copied.
/// </summary>
internal sealed class StepTests
{
    /// <summary>Steps for a byte, on average. A boundary of a form is read whole for each byte that may be next.</summary>
    private const int Most = 300;

    private const int Size = 8 * 1024;

    private static readonly HttpOptions Options =
        new() { MaxHeadSize = 1 << 20, MaxRequestLineSize = 1 << 20, MaxHeaderCount = 10_000, MaxListElements = 100_000 };

    private static IEnumerable<TestCaseData> Heads()
    {
        yield return Case("a method", n => Of('M', n));
        yield return Case("a target", n => "GET /" + Of('a', n));
        yield return Case("a target with its version", n => $"GET /{Of('a', n)} HTTP/1.1\r\nHost: a\r\n\r\n");
        yield return Case("an authority", n => "GET http://" + Of('a', n));
        yield return Case("an absolute target", n => "GET http://a/" + Of('a', n));
        yield return Case("empty lines", n => Repeat("\r\n", n / 2));
        yield return Case("a name", n => Line + Of('n', n));
        yield return Case("a value", n => Line + "X: " + Of('v', n));
        yield return Case("white space", n => Line + "X:" + Of(' ', n));
        yield return Case("a host", n => Line[..^9] + "Host: " + Of('h', n));
        yield return Case("white space before a host", n => $"{Line[..^9]}Host: {Of(' ', n)}a\r\n\r\n");
        yield return Case("white space behind a host", n => $"{Line[..^9]}Host: a{Of(' ', n)}\r\n\r\n");
        yield return Case("zeros of a length", n => Line + "Content-Length: " + Of('0', n));
        yield return Case("white space before a length", n => $"{Line}Content-Length: {Of(' ', n)}1234567890");
        yield return Case("commas", n => Line + "Connection: " + Of(',', n));
        yield return Case("commas and many fields", n => $"{Line}Connection: {Of(',', n / 2)}\r\n{Repeat("a: b\r\n", n / 12)}");
        yield return Case("expectations", n => $"{Line}Expect: {Repeat("100-continue,", n / 13)}");
        yield return Case("codings", n => $"{Line}Transfer-Encoding: {Repeat("a,", n / 2)}");
        yield return Case("many fields", n => Line + Repeat("a:b\r\n", n / 5));
        yield return Case("many fields of an absolute target",
            n => "GET http://a/ HTTP/1.1\r\nHost: a\r\n" + Repeat("a:b\r\n", n / 5));
        yield return Case("a field for each byte that has an effect", n => Line + Repeat("a: b \r\n", n / 7));
    }

    private static IEnumerable<TestCaseData> Chunks()
    {
        yield return Case("chunks", n => Repeat("1\r\na\r\n", n / 6));
        yield return Case("a chunk", n => $"{n:x}\r\n{Of('a', n)}");
        yield return Case("extensions", n => Repeat($"1;{Of('e', 900)}\r\na\r\n", n / 908));
        yield return Case("a name in a trailer", n => "0\r\n" + Of('n', n));
        yield return Case("a value in a trailer", n => "0\r\na:" + Of('v', n));
        yield return Case("many fields of a trailer", n => "0\r\n" + Repeat("a: b\r\n", n / 6));
    }

    private static IEnumerable<TestCaseData> Forms()
    {
        yield return Case("a preamble", n => Of('a', n));
        yield return Case("a head", n => $"--{Boundary}\r\nA: {Of('a', n)}");
        yield return Case("many fields of a head", n => $"--{Boundary}\r\n" + Repeat("a: b\r\n", n / 6));
        yield return Case("many heads", n => Repeat($"--{Boundary}\r\na: b\r\n\r\nc\r\n", n / 78));
        yield return Case("white space behind a boundary", n => $"--{Boundary}{Of(' ', n)}");
        yield return Case("content", n => $"--{Boundary}\r\n\r\n" + Of('c', n));
        yield return Case("content that is almost a boundary",
            n => $"--{Boundary}\r\n\r\n" + Repeat($"\r\n--{Boundary[1..]}", n / 66));
        yield return Case("line ends", n => $"--{Boundary}\r\n\r\n" + Repeat("\r\n", n / 2));
    }

    [TestCaseSource(nameof(Heads))]
    public void Head(Func<int, string> make) =>
        AssertLinear(make, bytes => Count(bytes, new HttpProtocol(Options), long.MaxValue, out Request _));

    /// <summary>Memory is taken for what has come, not for what may come.</summary>
    [TestCase(true)]
    [TestCase(false)]
    public void HighLimitOfFieldsTakesNoMemory(bool isOneByOne)
    {
        byte[] head = Encoding.Latin1.GetBytes($"{Line}{Repeat("a:b\r\n", 300)}\r\n");
        Parse();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Parse();
        // The request owns its bytes, and the positions of its fields in them; pooled arrays may have been given up meanwhile.
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(40 * head.Length));

        void Parse()
        {
            HeadProgress? progress = null;
            var verdict = Verdict.NeedMore;
            for (int end = isOneByOne ? 1 : head.Length; end <= head.Length && verdict.Kind == VerdictKind.NeedMore; end++)
            {
                verdict = HttpParser.TryParse(
                    new ReadOnlySequence<byte>(head, 0, end), Options, false, ref progress, out _, out _);
            }
            Assert.That(verdict.Kind, Is.EqualTo(VerdictKind.Message));
        }
    }

    [TestCaseSource(nameof(Chunks))]
    public void ChunkLines(Func<int, string> make) => AssertLinear(make, bytes =>
    {
        using var body = new RequestBody(null, -1, Options);
        var decoder = new ChunkedDecoder(body, long.MaxValue, Options);
        var counted = new CountedBytes(bytes);
        int came = counted.ComeOneByOne(
            (ref ReadOnlySequence<byte> input) => decoder.TryDecode(ref input).Kind == VerdictKind.NeedMore);
        Assert.That(came, Is.EqualTo(bytes.Length), "nothing is refused");
        return counted.Steps;
    });

    [TestCaseSource(nameof(Forms))]
    public void Multipart(Func<int, string> make) => AssertLinear(make, bytes =>
    {
        var reader = new MultipartReader(Boundary, new NoSink(), 1 << 20);
        foreach (byte b in bytes) reader.Append([b]);
        return reader.Examined;
    });

    [Test]
    public void TextLine() =>
        AssertLinear(n => Of('a', n) + "\r", bytes => Count(bytes, new TextProtocol(), long.MaxValue, out string _));

    [Test]
    public void Frame() => AssertLinear(
        n => [.. BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(n + 5)), .. new byte[n]],
        bytes => Count(bytes, new FrameProtocol(), long.MaxValue, out byte[] _));

    [TestCase(true, TestName = "one frame of a WebSocket")]
    [TestCase(false, TestName = "fragments of a WebSocket")]
    public void WebSocketMessage(bool isOneFrame) => AssertLinear(
        n => isOneFrame
            ? [0x81, 0xFE, (byte)((n + 1) >> 8), (byte)(n + 1), 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(Of('\u20ac', n / 3))]
            : [0x01, 0x80, 0, 0, 0, 0, .. Enumerable.Repeat<byte[]>([0x00, 0x81, 0, 0, 0, 0, 65], n / 7).SelectMany(x => x)],
        bytes => Count<string>(bytes, new WebSocketProtocol(takesBinary: false, new WebSocketOptions(), deflate: null),
            long.MaxValue, out _));

    [Test]
    public void WebSocketAnswer() => AssertLinear(
        n => "HTTP/1.1 101 \r\n" + Repeat("a: b\r\n", n / 6), bytes =>
        {
            var handshake = new ClientHandshake("a", "/", new WebSocketClientOptions());
            var counted = new CountedBytes(bytes);
            counted.ComeOneByOne((ref ReadOnlySequence<byte> input) => handshake.Read(ref input).Kind == VerdictKind.NeedMore);
            return counted.Steps;
        });

    [Test]
    public void AnswerOfAProxy() => AssertLinear(
        n => "HTTP/1.1 200 \r\n" + Repeat("a: b\r\n", n / 6), bytes =>
        {
            var handshake = new HttpConnectHandshake("a:1", null, null);
            var counted = new CountedBytes(bytes);
            counted.ComeOneByOne((ref ReadOnlySequence<byte> input) =>
                handshake.Read(ref input, new ArrayBufferWriter<byte>()).Kind == VerdictKind.NeedMore);
            return counted.Steps;
        });

    /// <summary>A step is a byte that is copied: a new array takes all that the one before it held.</summary>
    [Test]
    public void TlsHello() => AssertLinear(
        n => [22, 3, 1, (byte)(n >> 8), (byte)n, .. new byte[n - 1]], bytes =>
        {
            using var records = new TlsRecords(owner: null);
            byte[]? kept = null;
            long steps = 0;
            for (int i = 0; i < bytes.Length; i++)
            {
                records.Add(bytes.AsMemory(i, 1));
                records.Keep();
                steps += records.Kept == kept ? 1 : i + 1;
                kept = records.Kept;
                Assert.That(records.HasRecord, Is.False);
            }
            return steps;
        });

    [Test]
    public void ListHasSoManyElements()
    {
        var options = new HttpOptions { MaxListElements = 3 };
        Assert.That(VerdictOf("Connection: a,,keep-alive\r\n\r\n", options).Kind, Is.EqualTo(VerdictKind.Message));
        Assert.That(VerdictOf("Connection: a\r\nExpect: 100-continue\r\nConnection: b\r\n\r\n", options).Kind,
            Is.EqualTo(VerdictKind.Message));
        Assert.That(VerdictOf("Connection: a,,keep-alive,\r\n\r\n", options), Is.EqualTo(Refusals.TooManyElements));
        Assert.That(VerdictOf("Connection: a,b\r\nExpect: 100-continue\r\nConnection: b\r\n\r\n", options),
            Is.EqualTo(Refusals.TooManyElements));
        Assert.That(VerdictOf("Expect: 100-continue,100-continue,100-continue,100-continue\r\n\r\n", options),
            Is.EqualTo(Refusals.TooManyElements));
        Assert.That(VerdictOf("Transfer-Encoding: a,b,c,d,chunked\r\n\r\n", options), Is.EqualTo(Refusals.TooManyElements));
        Assert.That(Refusals.TooManyElements.Status, Is.EqualTo(431));
    }

    private static string Line => "GET / HTTP/1.1\r\nHost: a\r\n";

    private static string Boundary { get; } = new('b', 60);

    private static TestCaseData Case(string name, Func<int, string> make) => new TestCaseData(make).SetArgDisplayNames(name);

    private static string Of(char c, int count) => new(c, count);

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));

    private static Verdict VerdictOf(string fields, HttpOptions options) =>
        HttpParser.TryParse(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(Line + fields)), options, out _, out _);

    private static long Count<T>(byte[] bytes, IDecoder<T> decoder, long maxPackageSize, out T last)
    {
        T message = default!;
        var counted = new CountedBytes(bytes);
        var verdict = Verdict.NeedMore;
        int came = counted.ComeOneByOne((ref ReadOnlySequence<byte> input) =>
            (verdict = decoder.TryDecode(ref input, maxPackageSize, out message)).Kind == VerdictKind.NeedMore);
        Assert.That((came, verdict.Reason), Is.EqualTo((bytes.Length, (string?)null)), "nothing is refused");
        last = message;
        return counted.Steps;
    }

    private static void AssertLinear(Func<int, string> make, Func<byte[], long> count) =>
        AssertLinear(n => Encoding.Latin1.GetBytes(make(n)), count);

    private static void AssertLinear(Func<int, byte[]> make, Func<byte[], long> count)
    {
        byte[] bytes = make(Size);
        byte[] twice = make(2 * Size);
        double once = (double)count(bytes) / bytes.Length;
        double more = (double)count(twice) / twice.Length;
        TestContext.Out.WriteLine($"{once:f1} steps a byte of {bytes.Length}, {more:f1} of {twice.Length}");
        Assert.That(once, Is.LessThan(Most));
        Assert.That(more, Is.LessThan(1.2 * once + 1));
    }

    private sealed class NoSink : IMultipartSink
    {
        public void BeginPart(ReadOnlySpan<byte> head)
        {
        }

        public void Append(ReadOnlySpan<byte> content)
        {
        }

        public void EndPart()
        {
        }
    }
}
