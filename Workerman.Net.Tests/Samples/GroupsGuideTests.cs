using System.Text.RegularExpressions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>
/// The table of docs/groups.md for who comes from GatewayWorker: it has each public method of <c>Lib\Gateway</c>, and what it
/// says to write compiles, each code span by itself, with the names that the guide gives.
/// </summary>
[Parallelizable(ParallelScope.All)]
internal sealed partial class GroupsGuideTests
{
    /// <summary>The public static methods of GatewayWorker's <c>Lib\Gateway</c>.</summary>
    private static readonly string[] Methods =
    [
        "sendToAll", "sendToClient", "sendToCurrentClient", "isUidOnline", "isOnline", "getAllClientInfo",
        "getAllClientSessions", "getClientInfoByGroup", "getClientSessionsByGroup", "getAllClientIdCount", "getAllClientCount",
        "getClientIdCountByGroup", "getClientCountByGroup", "getClientIdListByGroup", "getAllClientIdList", "getClientIdByUid",
        "getUidListByGroup", "getUidCountByGroup", "getAllUidList", "getAllUidCount", "getUidByClientId", "getAllGroupIdList",
        "getAllGroupUidCount", "getAllGroupUidList", "getAllGroupClientIdList", "getAllGroupClientIdCount", "closeClient",
        "closeCurrentClient", "destoryClient", "destoryCurrentClient", "bindUid", "unbindUid", "joinGroup", "leaveGroup",
        "ungroup", "sendToUid", "sendToGroup", "setSocketSession", "setSession", "updateSession", "getSession",
        "setBusinessWorker",
    ];

    private static readonly string[][] Rows =
        [.. File.ReadAllLines(Repository.PathOf("docs", "groups.md"))
            .SkipWhile(line => !line.StartsWith("| `Gateway::` |", StringComparison.Ordinal)).Skip(2)
            .Select(line => Row().Match(line))
            .Where(row => row.Success).Select(row => new[] { row.Groups[1].Value, row.Groups[2].Value })];

    private static IEnumerable<TestCaseData> Spans =>
        from row in Rows
        from span in Span().Matches(row[1])
        select new TestCaseData(span.Groups[1].Value).SetArgDisplayNames($"{row[0].Replace("`", "")}: {span.Groups[1].Value}");

    [Test]
    public void HasEachMethod() =>
        Assert.That(Methods.Where(method => !Rows.Any(row => Regex.IsMatch(row[0], $@"`{method}\b"))), Is.Empty);

    [TestCaseSource(nameof(Spans))]
    public void WhatToWriteCompiles(string code)
    {
        string[] asStatement = Complaints($"{code};");
        if (asStatement.Length == 0) return;
        Assert.That(Complaints($"var result = {code}; _ = result;"), Is.Empty, asStatement[0]);
    }

    private static string[] Complaints(string statement) => DocumentationTests.Complaints($$"""
        using Workerman;
        using Workerman.Connection;

        var rooms = new Groups();
        var users = new Groups();
        var clients = new Groups();
        var worker = new Worker<string>("websocket://127.0.0.1:2346");
        string id = "", uid = "", room = "", text = "";
        string[] ids = [], uids = [], groups = [];
        worker.OnMessage = (connection, message) =>
        {
            connection.GetContext<Session>().Name = id + uid + room + text + ids + uids + groups + message;
            rooms.Join(connection, clients.GroupCount + users.GroupCount + "");
        };
        worker.OnConnect = connection =>
        {
            {{statement}}
        };

        internal sealed class Session
        {
            public string Name { get; set; } = "";
        }
        """, 0, DocumentationTests.References);

    [GeneratedRegex(@"^\| (`\w+.*?) \| (.*) \|$")]
    private static partial Regex Row();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Span();
}
