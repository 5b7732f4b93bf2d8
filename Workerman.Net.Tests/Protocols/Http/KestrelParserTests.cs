using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Tests.Fuzzing;
using KestrelException = Microsoft.AspNetCore.Http.BadHttpRequestException;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Heads that our parser takes, shown to the one that comes with .NET: it takes them too, and reads the same in them.
/// </summary>
internal sealed class KestrelParserTests
{
    private static readonly HttpOptions Options = new() { AllowConnect = true, AllowTrace = true };

    [Test]
    public void WhatPassesIsReadTheSameByDotNetsOwnParser()
    {
        int seed = Random.Shared.Next();
        var mutator = new RequestMutator(seed);
        int compared = 0;
        for (int number = 0; number < 60_000; number++)
        {
            byte[] bytes = mutator.Next();
            if (HttpParser.TryParse(new ReadOnlySequence<byte>(bytes), Options, out RequestHead head,
                out _).Kind != VerdictKind.Message) continue;
            string where = $"seed {seed}, case {number}: {Encoding.Latin1.GetString(bytes)}";
            // Kestrel knows no other minor version and leaves empty lines to the caller.
            if (head.Bytes[..head.Bytes.IndexOf((byte)'\r')] is not [.., (byte)'1', (byte)'.', (byte)'0' or (byte)'1']) continue;
            Reading theirs = Reading.Of(head.Bytes.ToArray(), where);
            Assert.That(theirs.Lines, Is.EqualTo(Ours(head)), where);
            Assert.That(theirs.Consumed, Is.EqualTo(head.Bytes.Length), where);
            compared++;
        }
        TestContext.Out.WriteLine($"seed {seed}: {compared} heads compared");
        Assert.That(compared, Is.GreaterThan(10_000));
    }

    /// <summary>
    /// The other way round: what .NET's parser takes and ours refuses is refused for a rule that parser leaves to the server
    /// behind it.
    /// </summary>
    [TestCase("GET / HTTP/1.1\r\n\r\n", "Host is missing")]
    [TestCase("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "more than one Host")]
    [TestCase("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "beside")]
    public void FramingIsJudgedHere(string head, string reason)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(head);
        Assert.That(Reading.Of(bytes, head).Lines, Is.Not.Empty);
        Assert.That(HttpParser.TryParse(new ReadOnlySequence<byte>(bytes), Options, out _, out _).Reason, Does.Contain(reason));
    }

    private static List<string> Ours(RequestHead head) =>
    [
        $"{Latin1(head.Method)} {Latin1(head.Target)} 1.{head.MinorVersion}",
        .. head.Fields.ToArray().Select(field => $"{Latin1(head.Name(field))}: {Latin1(head.Value(field))}"),
    ];

    private static string Latin1(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    /// <summary>What Kestrel's parser sees.</summary>
    private sealed class Reading : IHttpRequestLineHandler, IHttpHeadersHandler
    {
        public List<string> Lines { get; } = [];

        public long Consumed { get; private set; }

        public static Reading Of(byte[] bytes, string where)
        {
            var reading = new Reading();
            var parser = new HttpParser<Reading>();
            var reader = new SequenceReader<byte>(new ReadOnlySequence<byte>(bytes));
            try
            {
                Assert.That(parser.ParseRequestLine(reading, ref reader), where);
                Assert.That(parser.ParseHeaders(reading, ref reader), where);
            }
            catch (KestrelException e)
            {
                Assert.Fail($"{e.Message} {where}");
            }
            reading.Consumed = reader.Consumed;
            return reading;
        }

        public void OnStartLine(HttpVersionAndMethod versionAndMethod, TargetOffsetPathLength targetPath, Span<byte> startLine)
        {
            string method = Latin1(startLine[..versionAndMethod.MethodEnd]);
            string minor = versionAndMethod.Version
                == Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http.HttpVersion.Http11 ? "1" : "0";
            Lines.Add($"{method} {Latin1(startLine[targetPath.Offset..])} 1.{minor}");
        }

        public void OnHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => Lines.Add($"{Latin1(name)}: {Latin1(value)}");

        public void OnHeadersComplete(bool endStream)
        {
        }

        public void OnStaticIndexedHeader(int index) => throw new NotSupportedException();

        public void OnStaticIndexedHeader(int index, ReadOnlySpan<byte> value) => throw new NotSupportedException();

        public void OnDynamicIndexedHeader(int? index, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) =>
            throw new NotSupportedException();
    }
}
