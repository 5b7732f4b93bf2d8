using BenchmarkDotNet.Attributes;
using Workerman.Connection;
using Workerman.Protocols.Http;

namespace Workerman.Benchmarks;

/// <summary>Encoding server-sent events: the manual's, and one with data of several lines.</summary>
[MemoryDiagnoser]
public class EventEncodingBenchmarks
{
    private readonly OutputBuffer _output = new();
    private readonly ServerSentEvents _hello = new() { Event = "message", Data = "hello", Id = "1" };
    private readonly ServerSentEvents _lines =
        new() { Data = string.Join('\n', Enumerable.Repeat("a line of forty characters, give or take", 20)) };

    /// <summary>Encodes each event once and checks the bytes.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        Hello();
        Verify.Text(_output.Written, "event: message\nid: 1\ndata: hello\n\n", "the manual's event");
        Lines();
        Verify.Text(_output.Written,
            string.Concat(Enumerable.Repeat("data: a line of forty characters, give or take\n", 20)) + "\n", "twenty lines");
    }

    /// <summary>The event of the manual's example.</summary>
    [Benchmark(Baseline = true)]
    public int Hello() => Write(_hello);

    /// <summary>Twenty lines of data.</summary>
    [Benchmark]
    public int Lines() => Write(_lines);

    private int Write(ServerSentEvents message)
    {
        _output.Clear();
        message.WriteTo(_output);
        return _output.Length;
    }
}
