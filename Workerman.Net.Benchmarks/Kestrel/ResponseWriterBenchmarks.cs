using System.Text;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using Microsoft.AspNetCore.Http;
using Workerman.Connection;
using Workerman.Protocols.Http;

namespace Workerman.Benchmarks.Kestrel;

/// <summary>
/// Our response writer and Kestrel's on the same response, from the application's values to bytes in memory: status line, Date,
/// Connection, Content-Type, Content-Length and a body of 13 bytes; and the same with ten header fields of the application.
/// The two write the same lines, in their own order; the checks at the start see to it.
/// </summary>
[MemoryDiagnoser]
[GroupBenchmarksBy(BenchmarkLogicalGroupRule.ByCategory)]
[CategoriesColumn]
public class ResponseWriterBenchmarks
{
    private const string Body = "Hello, World!";

    private static readonly AnswerForm Form = new(IsHead: false, KeepAlive: true);
    private static readonly byte[] BodyBytes = Encoding.UTF8.GetBytes(Body);

    private readonly OutputBuffer _output = new();
    private readonly ArrayPipeWriter _pipe = new();
    private readonly KestrelResponse _kestrel = new();

    /// <summary>Writes each answer once and checks that ours and Kestrel's have the same lines.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        OurText();
        KestrelText();
        Verify.Equal(Lines(_output.Written), "Connection: keep-alive|Content-Length: 13|Content-Type: text/html;charset=utf-8|"
            + "Date|HTTP/1.1 200 OK||Hello, World!", "our text");
        Verify.Equal(Lines(_pipe.Written), Lines(_output.Written), "Kestrel's text");
        OurResponse();
        KestrelHeaders();
        Verify.Equal(Lines(_output.Written).Split('|').Length, 2 + 1 + 3 + 10, "lines of our ten fields");
        Verify.Equal(Lines(_pipe.Written), Lines(_output.Written), "Kestrel's ten fields");
    }

    /// <summary><c>connection.Send("Hello, World!")</c></summary>
    [Benchmark(Baseline = true)]
    [BenchmarkCategory("text")]
    public int OurText()
    {
        _output.Clear();
        ResponseWriter.WriteText(Body, Form, _output);
        return _output.Length;
    }

    /// <summary>What the same takes in Kestrel.</summary>
    [Benchmark]
    [BenchmarkCategory("text")]
    public int KestrelText()
    {
        _pipe.Clear();
        _kestrel.Reset();
        IHeaderDictionary headers = _kestrel.Headers;
        headers.ContentType = "text/html;charset=utf-8";
        headers.ContentLength = BodyBytes.Length;
        _kestrel.Write(200, BodyBytes, _pipe);
        return _pipe.Length;
    }

    /// <summary><c>connection.Send(new Response(…))</c> with ten fields, the making of the response included.</summary>
    [Benchmark(Baseline = true)]
    [BenchmarkCategory("ten fields")]
    public int OurResponse()
    {
        _output.Clear();
        var response = new Response(200, new()
        {
            ["Content-Type"] = "application/json",
            ["Cache-Control"] = "no-cache",
            ["ETag"] = "\"0123456789abcdef\"",
            ["Last-Modified"] = "Sun, 22 Nov 2026 05:00:00 GMT",
            ["Vary"] = "Accept-Encoding",
            ["Access-Control-Allow-Origin"] = "*",
            ["Content-Language"] = "en",
            ["Server"] = "benchmark",
            ["X-Request-Id"] = "0123456789",
            ["X-Frame-Options"] = "DENY",
        }, Body);
        ResponseWriter.Write(response, Form, _output);
        return _output.Length;
    }

    /// <summary>The same in Kestrel, whose collection of fields lives as long as its connection.</summary>
    [Benchmark]
    [BenchmarkCategory("ten fields")]
    public int KestrelHeaders()
    {
        _pipe.Clear();
        _kestrel.Reset();
        IHeaderDictionary headers = _kestrel.Headers;
        headers.ContentType = "application/json";
        headers.CacheControl = "no-cache";
        headers.ETag = "\"0123456789abcdef\"";
        headers.LastModified = "Sun, 22 Nov 2026 05:00:00 GMT";
        headers.Vary = "Accept-Encoding";
        headers.AccessControlAllowOrigin = "*";
        headers.ContentLanguage = "en";
        headers.Server = "benchmark";
        headers["X-Request-Id"] = "0123456789";
        headers["X-Frame-Options"] = "DENY";
        headers.ContentLength = BodyBytes.Length;
        _kestrel.Write(200, BodyBytes, _pipe);
        return _pipe.Length;
    }

    /// <summary>The lines of the head in the order of the alphabet, the date without its time, and the body.</summary>
    private static string Lines(ReadOnlySpan<byte> answer)
    {
        string[] parts = Encoding.UTF8.GetString(answer).Split("\r\n\r\n");
        IEnumerable<string> head =
            parts[0].Split("\r\n").Select(line => line.StartsWith("Date: ", StringComparison.Ordinal) ? "Date" : line);
        return string.Join('|', [.. head.Order(StringComparer.Ordinal), "", parts[1]]);
    }
}
