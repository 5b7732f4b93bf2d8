using System.Text;
using BenchmarkDotNet.Attributes;
using Workerman.Connection;
using Workerman.Protocols.Http;

namespace Workerman.Benchmarks;

/// <summary>Writing answers: the text that most handlers send, and a response with fields of its own.</summary>
[MemoryDiagnoser]
public class ResponseWriterBenchmarks
{
    private static readonly AnswerForm Form = new(IsHead: false, KeepAlive: true);

    private readonly OutputBuffer _output = new();
    private readonly Response _response = new Response(200, new() { ["Content-Type"] = "application/json" },
        "{\"hello\":\"world\"}").WithHeader("X-Request-Id", "0123456789");

    /// <summary>Writes each answer once and checks the bytes.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        Text();
        Verify.Equal(Lines(), "HTTP/1.1 200 OK|Connection: keep-alive|Content-Type: text/html;charset=utf-8|Content-Length: 13||"
            + "Hello, World!", "text");
        Response();
        Verify.Equal(Lines(), "HTTP/1.1 200 OK|Content-Type: application/json|X-Request-Id: 0123456789|Connection: keep-alive|"
            + "Content-Length: 17||{\"hello\":\"world\"}", "response");
    }

    /// <summary><c>connection.Send("Hello, World!")</c></summary>
    [Benchmark(Baseline = true)]
    public int Text()
    {
        _output.Clear();
        ResponseWriter.WriteText("Hello, World!", Form, _output);
        return _output.Length;
    }

    /// <summary><c>connection.Send(new Response(…))</c></summary>
    [Benchmark]
    public int Response()
    {
        _output.Clear();
        ResponseWriter.Write(_response, Form, _output);
        return _output.Length;
    }

    private string Lines() => string.Join('|', Encoding.UTF8.GetString(_output.Written).Split("\r\n")
        .Where(line => !line.StartsWith("Date: ", StringComparison.Ordinal)));
}
