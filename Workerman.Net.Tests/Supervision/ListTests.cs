using System.Diagnostics;
using System.Net;
using System.Runtime.Versioning;
using System.Text.Json;
using Workerman.Connection;
using Workerman.Supervision;
using Workerman.Tests.Support;
using Workerman.Workers;

namespace Workerman.Tests.Supervision;

/// <summary>The commands that only look: <c>connections</c> and <c>status -d</c>. Linux.</summary>
[Platform("Linux")]
[SupportedOSPlatform("linux")]
[Parallelizable(ParallelScope.All)]
internal sealed class ListTests
{
    private static IEnumerable<string> Columns => ConnectionOrder.Names;

    [Test]
    public void RowsAreInTheOrderOfAColumn([ValueSource(nameof(Columns))] string column)
    {
        // In the order of ids; each column orders them in another way, and two are equal in all others.
        ConnectionRow[] rows =
        [
            new() { Id = 1, Worker = "b", Remote = "10.0.0.2:1" },
            new() { Id = 2, Worker = "a", BytesRead = 9, Remote = "10.0.0.2:1" },
            new() { Id = 3, Worker = "b", BytesWritten = 9, RecvQ = 1, Remote = "10.0.0.1:9" },
            new() { Id = 4, Worker = "b", RecvQ = 9, SendQ = 3, Remote = "10.0.0.2:1" },
            new() { Id = 5, Worker = "b", SendQ = 9, AgeSeconds = 0.5, Remote = "10.0.0.2:1" },
            new() { Id = 6, Worker = "b", AgeSeconds = 9, Remote = "10.0.0.2:1" },
        ];
        long[] expected = column switch
        {
            "id" => [1, 2, 3],
            "worker" => [2, 1, 3],
            "read" => [2, 1, 3],
            "written" => [3, 1, 2],
            "recvq" => [4, 3, 1],
            "sendq" => [5, 4, 1],
            "age" => [6, 5, 1],
            _ => [3, 1, 2],
        };
        IEnumerable<ConnectionRow> first = ConnectionOrder.Take(rows.Reverse(), column, 3, ConnectionRowKeys.Instance);
        Assert.That(first.Select(row => row.Id), Is.EqualTo(expected));
    }

    [Test]
    public void ConnectionsAreSortedLimitedAndJson()
    {
        using Daemon daemon = new Daemon().Start();
        IPEndPoint server = daemon.EndPointOf("serve");
        RawClient[] clients = [.. Enumerable.Range(0, 5).Select(_ => new RawClient(server))];
        for (int i = 0; i < clients.Length; i++)
            clients[i].Send($"GET /{new string('x', i * 10)} HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n1");
        foreach (string column in ConnectionOrder.Names)
        {
            JsonElement all = JsonDocument.Parse(
                daemon.Do("connections", "--json", "--sort", column, "--limit", "3").Output).RootElement;
            Assert.That((all.GetProperty("total").GetInt32(), all.GetProperty("connections").GetArrayLength()),
                Is.EqualTo((5, 3)));
            if (column != "read") continue;
            Assert.That(all.GetProperty("connections").EnumerateArray().Select(row => row.GetProperty("bytesRead").GetInt64()),
                Is.Ordered.Descending.And.Unique);
        }
        string text = daemon.Do("connections", "--limit", "2").Output;
        Assert.That(text, Does.Contain("2 of 5 connections"));
        foreach (string wrong in (string[])["--sort colour", "--limit 0", "--limit x", "--limit", "--json=1", "-d"])
            Assert.That(daemon.Run(["connections", .. wrong.Split(' ')]).Code, Is.EqualTo(2), wrong);
        foreach (RawClient client in clients) client.Dispose();
    }

    [Test]
    public void LiveStatusGoesOnUntilItIsInterrupted([Values(2, 15)] int signal)
    {
        using Daemon daemon = new Daemon().Start();
        using Process live = daemon.Begin("status", "-d");
        int seen = 0;
        while (seen < 2 && Wait.For(live.StandardOutput.ReadLineAsync()) is { } line)
            if (line.Contains("GLOBAL STATUS", StringComparison.Ordinal)) seen++;
        Assert.That(live.HasExited, Is.False);
        // A shell has what it starts in the background ignore it.
        string ignored = File.ReadLines($"/proc/{live.Id}/status")
            .First(line => line.StartsWith("SigIgn", StringComparison.Ordinal));
        if ((Convert.ToInt64(ignored[7..].Trim(), 16) & (1L << (signal - 1))) != 0)
        {
            live.Kill();
            Assert.Ignore("the tests were started with this signal ignored");
        }
        Daemon.Signal(live.Id, signal);
        Assert.That(live.WaitForExit(Wait.Limit));
        Assert.That((seen, live.ExitCode), Is.EqualTo((2, 0)));
    }

    [TestCase("status -d")]
    [TestCase("status -d --json")]
    [TestCase("status")]
    [TestCase("connections")]
    public void ReaderThatGoesEndsIt(string command)
    {
        using Daemon daemon = new Daemon().Start();
        // The exit code of the command, not that of head; head goes after a line.
        using var shell = ServerProcess.Run("sh", "-c",
            $"( {string.Join(' ', daemon.CommandLine)} {command}; echo code $? >&2 ) | head -n 1");
        Assert.That(shell.WaitForExit(), Is.Zero);
        Assert.That(shell.Output, Does.Contain("code 0"));
    }

    [Test]
    public void LiveStatusEndsWithTheProgram()
    {
        using Daemon daemon = new Daemon().Start();
        using Process live = daemon.Begin("status", "-d");
        Wait.For(live.StandardOutput.ReadLineAsync());
        daemon.Do("stop");
        _ = live.StandardOutput.ReadToEndAsync();
        Assert.That(live.WaitForExit(Wait.Limit));
        Assert.That(live.ExitCode, Is.EqualTo(3).Or.EqualTo(1));
    }

    /// <summary>
    /// Simulated: 100,000 clients that have not been connected, in a table of connections as a loop has it. What a loop can have
    /// to wait for is the copy of one part of it. A status asks for no connection at all.
    /// </summary>
    [Test]
    public void LoopWaitsForASmallPartOfTheConnectionsOnly()
    {
        ConnectionCollection table = HundredThousand();
        var all = new ConnectionCollection();
        Assert.That(table.CopyParts().Max(static part => part.Count), Is.InRange(1, 2000));
        table.CopyTo(all);
        Assert.That((all.Count, all.AsEnumerable().Count(static _ => true)), Is.EqualTo((100_000, 100_000)));
        Assert.That(table.All(connection => ReferenceEquals(all[connection.Id], connection)));
        foreach (TcpConnection connection in table) table.Remove(connection);
        Assert.That((table.Count, table.AsEnumerable().Count(static _ => true), all.Count), Is.EqualTo((0, 0, 100_000)));
    }

    [Test]
    [Explicit("it measures time")]
    public void HundredThousandConnectionsAreNoWork()
    {
        ConnectionCollection table = HundredThousand();
        for (int round = 0; round < 5; round++)
        {
            foreach ((string sort, int limit) in new[] { ("id", 20), ("age", 20), ("remote", 20), ("read", 1000) })
            {
                double held = Enumerable.Range(0, 3).Min(_ => LongestPart(table).TotalMilliseconds);
                int collections = GC.CollectionCount(0);
                long began = Stopwatch.GetTimestamp();
                ConnectionReport report = ConnectionList.Of([table], new ControlRequest { Sort = sort, Limit = limit });
                double took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
                collections = GC.CollectionCount(0) - collections;
                Assert.That((report.Total, report.Connections.Length), Is.EqualTo((100_000L, limit)));
                TestContext.Out.WriteLine(
                    $"{sort} {limit}: {took:0.0} ms, {collections} collections; {held:0.000} ms for a part");
                if (round == 0) continue;
                Assert.That(took, Is.LessThan(200));
                Assert.That(held, Is.LessThan(1));
            }
        }
    }

    [Test]
    public void FolderInTmpHasToBeOnesOwn([Values("mode", "link", "file", "good")] string how)
    {
        const uint User = 54321;
        if (Environment.UserName != "root") Assert.Ignore("only root can become another user");
        using var folder = new TemporaryFolder();
        string path = folder.PathOf("workerman");
        if (how == "file") File.WriteAllText(path, "");
        else if (how == "link") File.CreateSymbolicLink(path, folder.Path);
        else Directory.CreateDirectory(path, (UnixFileMode)0x1C0);
        if (how == "mode") File.SetUnixFileMode(path, (UnixFileMode)0x1C1);
        Shell.Run("chown", "-h", $"{User}", path);
        Assert.That(RuntimeFolder.IsOwn(path, User), Is.EqualTo(how == "good"));
        Assert.That(RuntimeFolder.IsOwn(path, User + 1), Is.False, "another user's");
        Assert.That(RuntimeFolder.IsOwn(folder.PathOf("nothing"), User), "it will be made");
    }

    /// <summary>A user without a home has the folder in /tmp, which somebody else has made first.</summary>
    [Test]
    public void CommandInAFolderOfSomebodyElsesIsRefused()
    {
        if (Environment.UserName != "root") Assert.Ignore("only root can become another user");
        const uint User = 54321;
        string path = $"/tmp/workerman-{User}";
        Directory.CreateDirectory(path);
        try
        {
            using Daemon daemon = new();
            daemon.Folder.Write("pidfile", $"{path}/app.pid");
            File.SetUnixFileMode(daemon.Folder.Path, (UnixFileMode)0x1ED);
            File.SetUnixFileMode(Path.GetDirectoryName(daemon.Folder.Path)!, (UnixFileMode)0x1C9);
            using ServerProcess other = ServerProcess.Run(["setpriv", $"--reuid={User}", "--clear-groups", $"--regid={User}",
                .. daemon.CommandLine, "status"]);
            Assert.That(other.WaitForExit(), Is.EqualTo(1));
            Assert.That(other.Output, Does.Contain($"The folder {path} is not this user's alone").And.Contain("Cure: "));
        }
        finally
        {
            Directory.Delete(path, recursive: true);
        }
    }

    [Test]
    public void ServerOfAnotherUserIsNotAsked()
    {
        if (Environment.UserName != "root") Assert.Ignore("only root can become another user");
        using Daemon daemon = new Daemon().Start();
        string path = Path.ChangeExtension(daemon.PidFile, ".control");
        using (ControlClient? own = ControlClient.Connect(path)) Assert.That(own, Is.Not.Null);
        Assert.That(ControlClient.IsTrusted(0, path, 1000), "root's");
        Assert.That(ControlClient.IsTrusted(1000, path, 1000), "one's own");
        Assert.That(ControlClient.IsTrusted(1001, path, 1000), Is.False);
        Assert.That(ControlClient.IsTrusted(1001, path, 0), Is.False, "root, in a folder of root's");
        Shell.Run("chown", "1001", daemon.Folder.Path);
        Assert.That(ControlClient.IsTrusted(1001, path, 0), "root, in a folder of that user's");
        Shell.Run("chown", "0", daemon.Folder.Path);
    }

    /// <summary>What a loop waits for is less: the copy alone.</summary>
    private static TimeSpan LongestPart(ConnectionCollection table)
    {
        TimeSpan longest = default;
        using IEnumerator<ArraySegment<TcpConnection>> parts = table.CopyParts().GetEnumerator();
        for (bool more = true; more;)
        {
            long began = Stopwatch.GetTimestamp();
            more = parts.MoveNext();
            TimeSpan took = Stopwatch.GetElapsedTime(began);
            if (took > longest) longest = took;
        }
        return longest;
    }

    private static ConnectionCollection HundredThousand()
    {
        var table = new ConnectionCollection();
        for (int i = 0; i < 100_000; i++) table.Add(new AsyncTcpConnection<string>("text://127.0.0.1:1"));
        return table;
    }
}
