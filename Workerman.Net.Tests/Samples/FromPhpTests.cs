using System.Text.RegularExpressions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>
/// The table of docs/from-php.md: what it says to write compiles, each code span by itself, with the names that the page gives.
/// A span that names a thing, and is no code, is among <see cref="Names"/>.
/// </summary>
[Parallelizable(ParallelScope.All)]
internal sealed partial class FromPhpTests
{
    private static readonly string[] Names =
        ["IProtocol<T>", "Worker<string>", "IsText", "async", "EventStream", "Groups", "http", "OnWorkerStart", "Worker.LogFile",
            "return;", "\"7\"", "OnWebSocketConnected"];

    private static readonly string[][] Rows =
        [.. File.ReadAllLines(Repository.PathOf("docs", "from-php.md"))
            .SkipWhile(line => line != "| in PHP | here |").Skip(2).TakeWhile(line => line.StartsWith('|'))
            .Select(line => Row().Match(line)).Select(row => new[] { row.Groups[1].Value, row.Groups[2].Value })];

    private static IEnumerable<TestCaseData> Spans =>
        from row in Rows
        from span in Span().Matches(row[1])
        where !Names.Contains(span.Groups[1].Value)
        select new TestCaseData(span.Groups[1].Value).SetArgDisplayNames($"{row[0].Replace("`", "")}: {span.Groups[1].Value}");

    [Test]
    public void EveryRowHasBothSides() =>
        Assert.That(Rows, Has.Length.GreaterThan(40).And.All.All.Not.Empty);

    [TestCaseSource(nameof(Spans))]
    public void WhatToWriteCompiles(string code)
    {
        string[] asStatement = Complaints($"{code};");
        if (asStatement.Length == 0) return;
        Assert.That(Complaints($"var result = {code}; _ = result;"), Is.Empty, asStatement[0]);
    }

    private static string[] Complaints(string statement) => DocumentationTests.Complaints($$"""
        using System.Collections.Concurrent;
        using System.Text;
        using System.Text.Json;
        using System.Text.Json.Nodes;
        using System.Text.Json.Serialization;
        using System.Threading.Channels;
        using Microsoft.Extensions.Logging;
        using Workerman;
        using Workerman.Connection;
        using Workerman.EventStreams;
        using Workerman.Protocols;
        using Workerman.Protocols.Http;
        using Workerman.Protocols.WebSocket;

        var users = new Groups();
        var events = new EventStream("news");
        var visits = new ConcurrentDictionary<string, int>();
        var gate = new SemaphoreSlim(4);
        var loops = new ConcurrentBag<SynchronizationContext>();
        var channel = Channel.CreateBounded<string>(10);
        var http = new HttpClient();
        long total = 0;
        DateTime next = DateTime.UtcNow;
        string uid = "", text = "";
        byte[] bytes = [];
        var worker = new Worker("http://127.0.0.1:8080");
        worker.OnConnect = connection =>
        {
            connection.GetContext<User>().Uid = bytes.Length + (int)total + next.Day + visits.Count + gate.CurrentCount;
            users.Join(connection, events.Name + uid + text + channel + http + Encoding.UTF8 + loops.Count);
            connection.Send(new Answer(worker.GetContext<PerLoop>().Visits).ToString());
        };
        worker.OnMessageAsync = async (connection, request) =>
        {
            await Task.Yield();
            {{statement}}
        };

        internal sealed class User
        {
            public int Uid { get; set; }
        }

        internal sealed class PerLoop
        {
            public int Visits { get; set; }
        }

        internal sealed record Answer(int Code);

        [JsonSerializable(typeof(Answer))]
        internal sealed partial class AnswerJson : JsonSerializerContext;
        """, 0, DocumentationTests.References);

    [GeneratedRegex(@"^\| (.*?) \| (.*) \|$")]
    private static partial Regex Row();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Span();
}
