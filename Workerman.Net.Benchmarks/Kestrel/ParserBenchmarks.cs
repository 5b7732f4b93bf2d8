using System.Buffers;
using System.Text;
using BenchmarkDotNet.Attributes;
using Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using OurParser = Workerman.Protocols.Http.HttpParser;

namespace Workerman.Benchmarks.Kestrel;

/// <summary>
/// Our HTTP parser and Kestrel's on the same bytes. Ours judges the framing and leaves a request that owns its bytes. Kestrel's
/// hands out spans, so it is measured alone, with nothing kept, and with what Kestrel does with them: the target as a string
/// and the fields in its collection of request header fields, whose strings are used again when the next request has the same.
/// </summary>
[MemoryDiagnoser]
public class ParserBenchmarks
{
    private readonly HttpOptions _options = new();
    private readonly HttpParser<Nothing> _parser = new();
    private readonly HttpParser<Keeping> _keepingParser = new();
    private readonly KestrelRequestHeaders _headers = new();
    private ReadOnlySequence<byte> _bytes;
    private int _count;

    /// <summary>What is parsed.</summary>
    [Params("short", "browser", "16 short")]
    public string Request { get; set; } = "short";

    /// <summary>Reads the requests once with each and checks what was read.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        string one = Request == "browser" ? Requests.Browser : Requests.Short;
        _count = Request == "16 short" ? 16 : 1;
        byte[] bytes = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(one, _count)));
        _bytes = new ReadOnlySequence<byte>(bytes);
        (string target, int fields) = Request == "browser" ? (Requests.BrowserTarget, 8) : ("/", 1);
        Verify.Equal(OurParser.TryParse(_bytes, _options, out RequestHead head, out _), Verdict.Message, "our verdict");
        Verify.Text(head.Target, target, "our target");
        Verify.Equal(head.Fields.Length, fields, "our fields");
        Verify.Equal(Ours(), bytes.Length, "our length");
        Verify.Equal(KestrelParser(), bytes.Length, "Kestrel's length");
        Verify.Equal(KestrelWithHeaders(), bytes.Length, "Kestrel's length, with headers");
        Verify.Equal(_headers.Target, target, "Kestrel's target");
        Verify.Equal((_headers.All.Count, _headers.All.Host.ToString()),
            (fields, head.Target.Length == 1 ? "127.0.0.1:8080" : "example.org:8080"), "Kestrel's fields");
    }

    /// <summary>Ours: a request that owns its bytes, its framing judged.</summary>
    [Benchmark(Baseline = true)]
    public long Ours()
    {
        ReadOnlySequence<byte> rest = _bytes;
        for (int i = 0; i < _count; i++)
        {
            OurParser.TryParse(rest, _options, out _, out int consumed);
            rest = rest.Slice(consumed);
        }
        return _bytes.Length - rest.Length;
    }

    /// <summary>Kestrel's parser alone: spans for a handler that keeps nothing.</summary>
    [Benchmark]
    public long KestrelParser()
    {
        ReadOnlySequence<byte> rest = _bytes;
        for (int i = 0; i < _count; i++)
        {
            var reader = new SequenceReader<byte>(rest);
            _parser.ParseRequestLine(default, ref reader);
            _parser.ParseHeaders(default, ref reader);
            rest = rest.Slice(reader.Consumed);
        }
        return _bytes.Length - rest.Length;
    }

    /// <summary>Kestrel's parser into Kestrel's request header fields.</summary>
    [Benchmark]
    public long KestrelWithHeaders()
    {
        ReadOnlySequence<byte> rest = _bytes;
        var handler = new Keeping(_headers);
        for (int i = 0; i < _count; i++)
        {
            _headers.Reset();
            var reader = new SequenceReader<byte>(rest);
            _keepingParser.ParseRequestLine(handler, ref reader);
            _keepingParser.ParseHeaders(handler, ref reader);
            rest = rest.Slice(reader.Consumed);
        }
        return _bytes.Length - rest.Length;
    }

    private readonly struct Nothing : IHttpRequestLineHandler, IHttpHeadersHandler
    {
        public void OnStartLine(HttpVersionAndMethod versionAndMethod, TargetOffsetPathLength targetPath, Span<byte> startLine)
        {
        }

        public void OnHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
        {
        }

        public void OnHeadersComplete(bool endStream)
        {
        }

        public void OnStaticIndexedHeader(int index) => throw new NotSupportedException();

        public void OnStaticIndexedHeader(int index, ReadOnlySpan<byte> value) => throw new NotSupportedException();

        public void OnDynamicIndexedHeader(int? index, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) =>
            throw new NotSupportedException();
    }

    private readonly struct Keeping(KestrelRequestHeaders headers) : IHttpRequestLineHandler, IHttpHeadersHandler
    {
        public void OnStartLine(HttpVersionAndMethod versionAndMethod, TargetOffsetPathLength targetPath, Span<byte> startLine) =>
            headers.SetTarget(startLine[targetPath.Offset..]);

        public void OnHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => headers.Append(name, value);

        public void OnHeadersComplete(bool endStream) => headers.Complete();

        public void OnStaticIndexedHeader(int index) => throw new NotSupportedException();

        public void OnStaticIndexedHeader(int index, ReadOnlySpan<byte> value) => throw new NotSupportedException();

        public void OnDynamicIndexedHeader(int? index, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) =>
            throw new NotSupportedException();
    }
}
