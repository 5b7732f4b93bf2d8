using System.Diagnostics;
using System.Net;
using System.Runtime.Versioning;
using Workerman.Supervision;
using Workerman.Tests.Support;

namespace Workerman.Tests.Supervision;

/// <summary>
/// What a master does about processes that die, hang, have done enough, or find no room on a disk. Real processes. Linux.
/// </summary>
[Platform("Linux")]
[SupportedOSPlatform("linux")]
[Parallelizable(ParallelScope.All)]
internal sealed class SupervisorTests
{
    [Test]
    public Task ProcessIsBackHoweverOftenItIsKilled() => KillAgainAndAgain(4);

    [Test]
    [Explicit("it takes about a minute")]
    public Task ProcessIsBackAfterTwentyKills() => KillAgainAndAgain(20);

    private static async Task KillAgainAndAgain(int times)
    {
        using Daemon daemon = new Daemon().Start();
        IPEndPoint server = daemon.EndPointOf("serve");
        List<double> back = [];
        for (int i = 0; i < times; i++)
        {
            int worker = daemon.Worker;
            Daemon.Signal(worker, 9);
            long began = Stopwatch.GetTimestamp();
            // Each of these connects at another moment of the restart; a refusal is an exception.
            Task<string>[] answers = [.. Enumerable.Range(0, 10).Select(async n =>
            {
                await Task.Delay(n * 30);
                using HttpClient client = daemon.Client(server);
                return await client.GetStringAsync("/pid");
            })];
            await Wait.Until(() => !Daemon.IsAlive(worker), "its end");
            // Those that the old process had taken already are cut off; all others wait.
            string last = await answers[^1];
            back.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            Assert.That(last, Is.Not.EqualTo($"{worker}"));
            foreach (Task<string> answer in answers) await answer.ContinueWith(static one => Assert.That(
                one.Exception?.ToString(), Is.Null.Or.Not.Contain("refused")), TaskScheduler.Default);
        }
        TestContext.Out.WriteLine($"back after {string.Join(", ", back.Select(one => $"{one:0} ms"))}");
        Assert.That(daemon.Log, Does.Not.Contain("starts in"), "no pause");
        Assert.That(daemon.Status().GetProperty("exits")[0].GetProperty("count").GetInt32(), Is.EqualTo(times));
    }

    [Test]
    public async Task StopOfAProcessThatHangsSaysThatItWasKilled(
        [Values("stop --timeout 1", "stop -g --timeout 1", "stop -g then stop --timeout 0", "TERM TERM")] string how,
        [Values("/hang", "/never")] string path)
    {
        using Daemon daemon = new Daemon().Start();
        int master = daemon.Master, worker = daemon.Worker;
        using var client = new RawClient(daemon.EndPointOf("serve"));
        client.Send($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        await Wait.Until(() => HasRequest(daemon), "the request");
        if (how == "TERM TERM")
        {
            Daemon.Signal(master, 15);
            await Wait.Until(() => daemon.Log.Contains("Master is stopping", StringComparison.Ordinal), "the stop");
            Daemon.Signal(master, 15);
        }
        else
        {
            string[] commands = how.Split(" then ");
            using Process? first = commands.Length < 2 ? null : daemon.Begin(commands[0].Split(' '));
            if (first is not null)
                await Wait.Until(() => daemon.Log.Contains("Master is stopping", StringComparison.Ordinal), "the stop");
            CommandResult result = daemon.Run(commands[^1].Split(' '));
            Assert.That(result.Code, Is.Zero, $"{result}");
            Assert.That(result.Output, Does.Match($@"^Stopped process {master} within \d+\.\d s"));
            if (first is not null) Assert.That(first.WaitForExit(Wait.Limit) && first.ExitCode == 0);
        }
        await Wait.Until(() => !Daemon.IsAlive(master), "its end");
        Assert.That(Daemon.IsAlive(worker), Is.False);
        Assert.That(daemon.Log, Does.Contain("Master has stopped"));
    }

    private static bool HasRequest(Daemon daemon) => daemon.Status().GetProperty("processes")[0].GetProperty("loops")
        .EnumerateArray().Any(static loop => loop.GetProperty("totalRequest").GetInt32() > 0
            || loop.GetProperty("status").GetString() == "busy");

    /// <summary>A process that does not even end itself is killed, and the command says so.</summary>
    [Test]
    public void StopOfAStoppedProcessTellsOfIt()
    {
        using Daemon daemon = new Daemon().Start();
        int worker = daemon.Worker;
        Daemon.Signal(worker, 19);
        CommandResult result = daemon.Run("stop", "--timeout", "0.5");
        Assert.That(result.Code, Is.Zero);
        Assert.That(result.Output, Does.EndWith($"s: worker process {worker} did not end in time, and was killed.\n"));
        Assert.That(daemon.Log, Does.Contain($"Worker process {worker} does not end in time, and is killed"));
    }

    [Test]
    public async Task ReloadOfAProcessThatHangsServesAndEndsIt([Values("/hang", "/never")] string path)
    {
        using Daemon daemon = new Daemon().Start();
        int worker = daemon.Worker;
        IPEndPoint server = daemon.EndPointOf("serve");
        using var client = new RawClient(server);
        client.Send($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        await Wait.Until(() => HasRequest(daemon), "the request");
        CommandResult result = daemon.Run("reload", "--timeout", "1");
        Assert.That((result.Code, result.Error), Is.EqualTo((0, "")));
        Assert.That(result.Output, Does.Match(@"^Reloaded: process \d+ serves\.\n$"));
        using HttpClient other = daemon.Client(server);
        Assert.That(await other.GetStringAsync("/pid"), Is.Not.EqualTo($"{worker}"));
        // Well before the time that moving may take.
        await Wait.Until(() => !Daemon.IsAlive(worker), "the end of the old one");
    }

    [Test]
    public async Task ForegroundThatHangsEnds([Values("stop", "TERM", "TERM TERM")] string how)
    {
        using var daemon = new Daemon();
        using ServerProcess server = ServerProcess.Run([.. daemon.CommandLine, "start"]).WaitForStart();
        using var client = new RawClient(daemon.EndPointOf("serve"));
        client.Send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
        await Wait.Until(() => daemon.Status().GetProperty("processes")[0].GetProperty("loops").EnumerateArray()
            .Any(static loop => loop.GetProperty("status").GetString() == "busy"), "a loop that hangs");
        if (how == "stop") Assert.That(daemon.Do("stop").Output, Does.StartWith($"Stopped process {server.Id}"));
        else foreach (string _ in how.Split(' ')) server.Signal(15);
        Assert.That(server.WaitForExit(), Is.Zero);
    }

    [ManualPage("faq/max-requests.md", Different = "Worker.MaxRequests counts; StopAll ends the whole program")]
    [ManualPage("worker/stop-all.md", Different = "Worker.MaxRequests counts; StopAll ends the whole program")]
    [TestCase("requests", "5", @"5 requests \(Worker.MaxRequests\)", TestName = "MaxRequestsReplaces")]
    [TestCase("memory", "250000000", @"\d+ MiB \(Worker.MemoryLimit\)", TestName = "MemoryLimitReplaces")]
    [TestCase("lifetime", "2", @"2 s \(Worker.MaxLifetime\)", TestName = "MaxLifetimeReplaces")]
    public async Task LimitReplacesTheProcess(string limit, string value, string reason)
    {
        using Daemon daemon = new();
        daemon.Folder.Write(limit, value);
        daemon.Start();
        IPEndPoint server = daemon.EndPointOf("serve");
        int worker = daemon.Worker;
        using HttpClient client = daemon.Client(server);
        // One that is under way when it is replaced is answered.
        Task<string> slow = client.GetStringAsync("/slow?ms=5000");
        if (limit == "memory")
        {
            await Task.Delay(TimeSpan.FromSeconds(3));
            await client.GetStringAsync("/take?bytes=400000000");
        }
        for (int i = 0; i < 4; i++) await client.GetStringAsync("/");
        await Wait.Until(() => daemon.Log.Contains("Reloaded", StringComparison.Ordinal), "the new process");
        // The connection that is kept alive has one answer of the old process left.
        await Wait.Until(() => client.GetStringAsync("/pid").Result != $"{worker}", "an answer of the new one");
        Assert.That(await slow, Is.EqualTo("done"));
        Assert.That(daemon.Log, Does.Match($"Worker process {worker} asks to be replaced: {reason}"));
        await Wait.Until(() => !Daemon.IsAlive(worker), "the end of the old one");
        await Wait.Until(() => daemon.Events.Contains("worker exit 0"), "what the master hears");
    }

    /// <summary>Its like would be no smaller: it is told, and no storm of processes begins.</summary>
    [Test]
    public async Task MemoryLimitThatIsTooLowIsTold()
    {
        using Daemon daemon = new();
        daemon.Folder.Write("memory", "1000000");
        daemon.Start();
        int worker = daemon.Worker;
        await Wait.Until(() => daemon.Log.Contains("from the beginning", StringComparison.Ordinal), "what the log says");
        await Task.Delay(TimeSpan.FromSeconds(3));
        Assert.That(daemon.Worker, Is.EqualTo(worker));
    }

    [Test]
    public void ReloadOverFilesThatRunIsRefusedAndALinkIsFollowed()
    {
        using var release = new TemporaryFolder();
        string first = Release(release, "1"), second = Release(release, "2"), current = release.PathOf("current");
        Directory.CreateSymbolicLink(current, first);
        using var daemon = new Daemon { Program = Path.Combine(current, "DaemonProgram.dll") };
        daemon.Start();
        int worker = daemon.Worker;
        string file = Path.Combine(first, "DaemonProgram.dll");
        using (FileStream over = File.OpenWrite(file))
        {
            over.Seek(0, SeekOrigin.End);
            over.WriteByte(0);
        }
        CommandResult refused = daemon.Run("reload");
        Assert.That((refused.Code, refused.Output), Is.EqualTo((1, "")));
        Assert.That(refused.Error, Does.StartWith($"{file} was written over while it runs")
            .And.Contain("Cure: deploy into a new folder"));
        Assert.That(daemon.Worker, Is.EqualTo(worker));
        daemon.Do("restart", "-d");
        worker = daemon.Worker;
        File.Delete(current);
        Directory.CreateSymbolicLink(current, second);
        daemon.Do("reload");
        Assert.That(File.ReadAllText($"/proc/{daemon.Worker}/maps"), Does.Contain($"{second}/DaemonProgram.dll"));
        Assert.That(daemon.Worker, Is.Not.EqualTo(worker));
    }

    /// <summary>A folder with the program of its own, and links to the rest.</summary>
    private static string Release(TemporaryFolder folder, string name)
    {
        string made = Directory.CreateDirectory(folder.PathOf(name)).FullName;
        foreach (string entry in Directory.GetFileSystemEntries(Path.GetDirectoryName(Daemon.OfFramework)!))
        {
            string file = Path.Combine(made, Path.GetFileName(entry));
            if (Path.GetFileName(entry).StartsWith("DaemonProgram.", StringComparison.Ordinal)) File.Copy(entry, file);
            else File.CreateSymbolicLink(file, entry);
        }
        return made;
    }

    [Test]
    public async Task FullDiskKeepsADaemonFromStartingAndNotFromRunning()
    {
        using Daemon daemon = new();
        string disk = Directory.CreateDirectory(daemon.Folder.PathOf("disk")).FullName;
        if (Shell.Run("mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=6", "tmpfs", disk) != 0)
            Assert.Ignore("this user cannot mount");
        try
        {
            daemon.Folder.Write("pidfile", $"{disk}/app.pid");
            daemon.Folder.Write("logfile", $"{disk}/app.log");
            File.WriteAllBytes($"{disk}/filler", new byte[64 * 1024]);
            CommandResult noRoom = daemon.Run("start", "-d");
            Assert.That(noRoom.Code, Is.EqualTo(1));
            Assert.That(noRoom.Error, Does.Contain($"Cannot write the pid file {disk}/app.pid: ").And.Contain("Cure: "));
            Assert.That(File.Exists($"{disk}/app.pid"), Is.False, "one that names nobody is not left");
            File.Delete($"{disk}/filler");
            string[] files = [.. Enumerable.Range(0, 4).Select(i => $"{disk}/{i}")];
            foreach (string file in files) File.Create(file).Dispose();
            CommandResult noSocket = daemon.Run("start", "-d");
            Assert.That(noSocket.Code, Is.EqualTo(1));
            Assert.That(noSocket.Error, Does.Contain(
                $"Cannot make the control socket {disk}/app.control: No space left on device. Cure: "));
            foreach (string file in files) File.Delete(file);
            daemon.Start();
            using HttpClient client = daemon.Client();
            File.WriteAllBytes($"{disk}/filler", new byte[48 * 1024]);
            try
            {
                File.AppendAllText($"{disk}/filler", new string('x', 64 * 1024));
            }
            catch (IOException)
            {
                // That is what it is for.
            }
            daemon.Do("reload");
            Assert.That(await client.GetStringAsync("/"), Is.EqualTo("1"));
            daemon.Do("status");
            daemon.Do("stop");
        }
        finally
        {
            Shell.Run("umount", "-l", disk);
            File.Delete(daemon.Folder.PathOf("pidfile"));
        }
    }

    [Test]
    public void LogThatWasRenamedIsBegunAnewAfterAReload()
    {
        using Daemon daemon = new();
        string log = daemon.Folder.PathOf("app.log");
        daemon.Folder.Write("logfile", log);
        daemon.Start();
        Assert.That(File.ReadAllText(log), Does.Contain("serves with worker process"));
        File.Move(log, log + ".old");
        daemon.Do("reload");
        int master = daemon.Master, worker = daemon.Worker;
        daemon.Do("stop");
        Assert.That(File.ReadAllText(log), Does.Contain($"pid:{master} ").And.Contain($"pid:{worker} "));
    }

    [Test]
    public async Task LogIsGivenToTheUserThatWritesIt([Values] bool isDaemon)
    {
        if (Environment.UserName != "root") Assert.Ignore("only root can become another user");
        using Daemon daemon = new();
        daemon.Folder.Write("users", "");
        string log = daemon.Folder.PathOf("logs/app.log");
        daemon.Folder.Write("logfile", log);
        daemon.Folder.Write("impatient", "");
        File.SetUnixFileMode(daemon.Folder.Path, (UnixFileMode)0x1C9);
        File.SetUnixFileMode(Path.GetDirectoryName(daemon.Folder.Path)!, (UnixFileMode)0x1C9);
        using ServerProcess? server = isDaemon ? null : ServerProcess.Run([.. daemon.CommandLine, "start"]).WaitForStart();
        if (isDaemon) daemon.Start();
        using HttpClient client = daemon.Client();
        Assert.That(await client.GetStringAsync("/user"), Is.EqualTo("nobody"));
        int process = isDaemon ? daemon.Worker : server!.Id;
        daemon.Do("stop");
        Assert.That(File.ReadAllText(log), Does.Match($"pid:{process} .*top"), "also what that user had to say");
        if (server is not null) Assert.That(server.WaitForExit(), Is.Zero);
    }
}
