using System.Buffers;
using System.Text;
using BenchmarkDotNet.Attributes;
using Workerman.Protocols;
using Workerman.Protocols.Http;

namespace Workerman.Benchmarks;

/// <summary>The HTTP parser on the request of a load tool and on that of a browser, in one segment and in two.</summary>
[MemoryDiagnoser]
public class ParserBenchmarks
{
    private readonly HttpOptions _options = new();
    private ReadOnlySequence<byte> _short;
    private ReadOnlySequence<byte> _browser;
    private ReadOnlySequence<byte> _split;

    /// <summary>Reads each request once and checks what was read.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _short = new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(Requests.Short));
        _browser = new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(Requests.Browser));
        var first = new Segment(Encoding.ASCII.GetBytes(Requests.Browser[..100]), null);
        var second = new Segment(Encoding.ASCII.GetBytes(Requests.Browser[100..]), first);
        _split = new ReadOnlySequence<byte>(first, 0, second, second.Memory.Length);
        Check(_short, Requests.Short.Length, 1, "/");
        Check(_browser, Requests.Browser.Length, 8, Requests.BrowserTarget);
        Check(_split, Requests.Browser.Length, 8, Requests.BrowserTarget);
    }

    /// <summary>What load tools send.</summary>
    [Benchmark(Baseline = true)]
    public int ShortRequest() => Parse(_short);

    /// <summary>What browsers send.</summary>
    [Benchmark]
    public int BrowserRequest() => Parse(_browser);

    /// <summary>What browsers send, cut in two on the way.</summary>
    [Benchmark]
    public int SplitBrowserRequest() => Parse(_split);

    private int Parse(in ReadOnlySequence<byte> input)
    {
        HttpParser.TryParse(input, _options, out _, out int consumed);
        return consumed;
    }

    private void Check(in ReadOnlySequence<byte> input, int length, int fields, string target)
    {
        Verify.Equal(HttpParser.TryParse(input, _options, out RequestHead head, out int consumed), Verdict.Message, "verdict");
        Verify.Equal((consumed, head.Fields.Length), (length, fields), "length and fields");
        Verify.Text(head.Target, target, "target");
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] bytes, Segment? before)
        {
            Memory = bytes;
            if (before is null) return;
            before.Next = this;
            RunningIndex = before.RunningIndex + before.Memory.Length;
        }
    }
}
