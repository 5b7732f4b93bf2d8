using System.Diagnostics;
using System.Net;
using System.Runtime.Versioning;
using System.Text.Json;
using Workerman.Supervision;
using Workerman.Tests.Support;

namespace Workerman.Tests.Supervision;

/// <summary>A daemon and its commands, with real processes, signals and files. Linux.</summary>
[Platform("Linux")]
[SupportedOSPlatform("linux")]
// Each has a program of its own, and waits for it most of the time.
[Parallelizable(ParallelScope.All)]
internal sealed class DaemonTests
{
    [ManualPage("install/start-and-stop.md")]
    [Test]
    public async Task CommandsDoWhatTheySay([ValueSource(typeof(Daemon), nameof(Daemon.Forms))] string form)
    {
        using var daemon = new Daemon(form);
        Assert.That(daemon.Run("status").Code, Is.EqualTo(3));
        Assert.That(daemon.Run("stop"),
            Is.EqualTo(new CommandResult(3, "", $"Not running: nobody holds the pid file {daemon.PidFile}.\n")));
        Assert.That(daemon.Run("reload").Code, Is.EqualTo(3));
        Assert.That(daemon.Run("connections").Code, Is.EqualTo(3));
        CommandResult started = daemon.Do("start", "-d");
        Assert.That(started.Output, Does.Contain("Start success").And.Contain("serve").And.Contain("stop\" to stop."));
        using HttpClient client = daemon.Client();
        Assert.That(await client.GetStringAsync("/"), Is.EqualTo("1"));
        CommandResult again = daemon.Run("start", "-d");
        Assert.That((again.Code, again.Error),
            Is.EqualTo((1, $"Already running as process {daemon.Master}: it holds the pid file "
            + $"{daemon.PidFile}.\n")));
        string status = daemon.Do("status").Output;
        Assert.That(status,
            Does.Contain("GLOBAL STATUS").And.Contain("LOOP STATUS").And.Contain("serve").And.Contain("total_request"));
        Assert.That(daemon.Do("connections").Output, Does.Contain("ESTABLISHED").And.Contain("http"));
        int master = daemon.Master, worker = daemon.Worker;
        Assert.That(PidFile.Read(daemon.PidFile), Is.EqualTo((ProcessIdentity.Of(master), true)));
        Assert.That(daemon.Do("stop").Output, Does.StartWith($"Stopped process {master}"));
        Assert.That((Daemon.IsAlive(master), Daemon.IsAlive(worker)), Is.EqualTo((false, false)));
        Assert.That(Directory.GetFiles(daemon.Folder.Path).Select(Path.GetFileName),
            Is.EquivalentTo(new[] { "events", "events.turn", "log", "log.turn" }), "nothing is left but the program's own");
        Assert.That(daemon.Events, Is.EqualTo(new[] { "start", "stop", "worker exit 0", "master stop" }));
    }

    [Test]
    public void QuietStartPrintsNothing()
    {
        using var daemon = new Daemon();
        Assert.That(daemon.Do("start", "-d", "-q").Output, Is.Empty);
    }

    [Test]
    public void UnknownWordIsAnsweredWithTheUsage()
    {
        using var daemon = new Daemon();
        CommandResult result = daemon.Run("begin");
        Assert.That((result.Code, result.Output), Is.EqualTo((2, "")));
        Assert.That(result.Error, Does.StartWith("'begin' is no command.").And.Contain("Usage:"));
        Assert.That(daemon.Do("help").Output, Does.StartWith("Usage:"));
    }

    [Test]
    public void StartFailsWithTheReason([ValueSource(typeof(Daemon), nameof(Daemon.Forms))] string form)
    {
        using var daemon = new Daemon(form);
        daemon.Folder.Write("fail", "");
        CommandResult result = daemon.Run("start", "-d");
        Assert.That(result.Code, Is.EqualTo(1));
        Assert.That(result.Error, Does.EndWith("Worker serve on http://127.0.0.1:0 cannot start: its OnWorkerStart failed with "
            + "InvalidOperationException: as asked for\n"));
        Assert.That(File.Exists(daemon.PidFile), Is.False);
    }

    [Test]
    public void StartThatHangsIsGivenUp()
    {
        using var daemon = new Daemon();
        daemon.Folder.Write("hang", "");
        CommandResult result = daemon.Run("start", "-d");
        Assert.That(result.Code, Is.EqualTo(1));
        Assert.That(result.Error, Does.Contain("has not become ready within 5 s"));
    }

    [Test]
    public async Task DeadProcessIsReplaced([Values("kill", "exit", "throw")] string how,
        [ValueSource(typeof(Daemon), nameof(Daemon.Forms))] string form)
    {
        using Daemon daemon = new Daemon(form).Start();
        int worker = daemon.Worker;
        IPEndPoint endPoint = daemon.EndPointOf("serve");
        using HttpClient client = daemon.Client(endPoint);
        if (how == "kill") Daemon.Signal(worker, 9);
        // Not by HttpClient, which asks again when the connection breaks.
        else new RawClient(endPoint).Send($"GET /{how} HTTP/1.1\r\nHost: a\r\n\r\n");
        await Wait.Until(() => !Daemon.IsAlive(worker), "its end");
        long began = Stopwatch.GetTimestamp();
        Assert.That(await client.GetStringAsync("/"), Is.EqualTo("1"), "a connect waits, and is not refused");
        TestContext.Out.WriteLine($"back after {Stopwatch.GetElapsedTime(began).TotalMilliseconds:0} ms");
        JsonElement status = daemon.Status();
        Assert.That(daemon.Worker, Is.Not.EqualTo(worker));
        Assert.That(status.GetProperty("exits")[0].GetProperty("status").GetString(), Is.EqualTo(how switch
        {
            "kill" => "signal 9 (SIGKILL)",
            "exit" => "exit code 3",
            _ => "signal 6 (SIGABRT)",
        }));
        Assert.That(daemon.Events,
            Does.Contain(how switch { "kill" => "worker exit 137", "exit" => "worker exit 3", _ => "worker exit 134" }));
    }

    [Test]
    public async Task ProcessEndsInOrderWhenItsMasterIsGone()
    {
        using Daemon daemon = new Daemon().Start();
        int worker = daemon.Worker;
        Daemon.Signal(daemon.Master, 9);
        await Wait.Until(() => !Daemon.IsAlive(worker), "the end of the orphan");
        Assert.That(daemon.Events, Does.Contain("stop"));
        daemon.Start();
    }

    [TestCase(1, TestName = "HangupStops")]
    [TestCase(2, TestName = "InterruptStops")]
    [TestCase(3, TestName = "QuitStopsGracefully")]
    [TestCase(15, TestName = "TerminateStops")]
    public async Task SignalStops(int signal)
    {
        using Daemon daemon = new Daemon().Start();
        int master = daemon.Master, worker = daemon.Worker;
        Daemon.Signal(master, signal);
        await Wait.Until(() => !Daemon.IsAlive(master), "its end");
        Assert.That(Daemon.IsAlive(worker), Is.False);
        Assert.That(daemon.Events, Is.EqualTo(new[] { "start", "stop", "worker exit 0", "master stop" }));
        Assert.That(File.Exists(daemon.PidFile), Is.False);
    }

    [ManualPage("faq/reload-principle.md",
        Different = "all code is loaded anew, where PHP loads only what the workers have loaded")]
    [ManualPage("faq/reload-principle.md",
        Different = "all code is loaded anew, where PHP loads only what the workers have loaded")]
    [Test]
    public async Task ReloadServesTheNewVersion([Values("reload", "USR1", "USR2", "code")] string how,
        [ValueSource(typeof(Daemon), nameof(Daemon.Forms))] string form)
    {
        using Daemon daemon = new Daemon(form).Start();
        using HttpClient client = daemon.Client();
        int worker = daemon.Worker;
        Assert.That(await client.GetStringAsync("/"), Is.EqualTo("1"));
        daemon.Folder.Write("version", "2");
        if (how == "reload") daemon.Do("reload");
        else if (how == "code") await client.GetStringAsync("/reload");
        else Daemon.Signal(daemon.Master, how == "USR1" ? 10 : 12);
        await Wait.Until(() => daemon.Worker != worker, "the new process");
        await Wait.Until(() => client.GetStringAsync("/").Result == "2", "its answer");
        await Wait.Until(() => !Daemon.IsAlive(worker), "the end of the old one");
        Assert.That(daemon.Events, Does.Contain("master reload"));
    }

    [Test]
    public async Task ReloadThatFailsLeavesTheOldProcess([Values("fail", "hang")] string how)
    {
        using Daemon daemon = new Daemon();
        // The master reads it when it starts: it does not wait for long then.
        if (how == "hang") daemon.Folder.Write("impatient", "");
        daemon.Start();
        using HttpClient client = daemon.Client();
        int worker = daemon.Worker;
        daemon.Folder.Write(how, "");
        CommandResult result = daemon.Run("reload");
        Assert.That(result.Code, Is.EqualTo(1));
        Assert.That(result.Error, Does.Contain(how == "fail" ? "as asked for" : "has not become ready within"));
        Assert.That((daemon.Worker, await client.GetStringAsync("/")), Is.EqualTo((worker, "1")));
        File.Delete(daemon.Folder.PathOf(how));
        daemon.Do("reload");
        Assert.That(daemon.Worker, Is.Not.EqualTo(worker));
    }

    [ManualPage("worker/reloadable.md")]
    [ManualPage("worker/on-worker-reload.md")]
    [Test]
    public async Task WorkerThatIsNotReloadableIsToldAndGoesOn()
    {
        using Daemon daemon = new();
        daemon.Folder.Write("fixed", "");
        daemon.Do("start", "-d");
        using HttpClient client = daemon.Client();
        string process = await client.GetStringAsync("/pid");
        IPEndPoint lines = daemon.EndPointOf("lines");
        daemon.Do("reload");
        Assert.That(await client.GetStringAsync("/pid"), Is.EqualTo(process), "it has a process of its own");
        using var line = new RawClient(lines);
        Assert.That(line.Send("a\n").ReadUntil("\n"), Is.EqualTo("a\n"),
            "the new process of the others listens where the old one did");
        await Wait.Until(() => daemon.Events.Contains("reload"), "what the worker is told");
        Assert.That(daemon.Events, Has.None.EqualTo("stop"));
    }

    [ManualPage("worker/stop-all.md", Different = "Worker.MaxRequests counts; StopAll ends the whole program")]
    [Test]
    public void StopAllInAWorkerEndsTheProgram()
    {
        using Daemon daemon = new Daemon().Start();
        int master = daemon.Master;
        using HttpClient client = daemon.Client();
        Assert.That(client.GetStringAsync("/stop").Result, Is.EqualTo("asked"));
        Wait.For(Wait.Until(() => !Daemon.IsAlive(master), "its end"));
        Assert.That(daemon.Run("status").Code, Is.EqualTo(3));
    }

    [Test]
    public void RestartIsStopAndStart()
    {
        using Daemon daemon = new Daemon();
        daemon.Do("restart", "-d", "-q");
        int master = daemon.Master;
        CommandResult result = daemon.Do("restart", "-d", "-g");
        Assert.That(result.Output, Does.StartWith($"Stopped process {master}").And.Contain("Start success"));
        Assert.That(daemon.Master, Is.Not.EqualTo(master));
    }

    [Test]
    public async Task LoopThatHangsIsShownAsBusy()
    {
        using Daemon daemon = new Daemon().Start();
        using HttpClient client = daemon.Client();
        // Nobody waits for its end: it is as long as the slowest machine needs to ask for the status.
        Task<string> blocked = client.GetStringAsync("/block?ms=30000");
        JsonElement[] busy = [];
        // On a busy machine the first request may be shown as work before the callback.
        await Wait.Until(() => (busy = [.. daemon.Status().GetProperty("processes")[0].GetProperty("loops").EnumerateArray()
            .Where(loop => loop.GetProperty("status").GetString() == "busy")]).Any(IsInOnMessage), "a loop busy in OnMessage");
        Assert.That(busy, Has.Length.EqualTo(1));
        Assert.That(busy[0].GetProperty("busyMilliseconds").GetDouble(), Is.InRange(100, 30_000));
        Assert.That(blocked.IsCompleted, Is.False);

        static bool IsInOnMessage(JsonElement loop) =>
            loop.GetProperty("callback").GetString()!.Contains("OnMessage", StringComparison.Ordinal);
    }

    [Test]
    public void StoppedProcessIsShownAndKilled()
    {
        using Daemon daemon = new Daemon().Start();
        int worker = daemon.Worker, master = daemon.Master;
        Daemon.Signal(worker, 19);
        // A thread that is at work stops when the system next has a look at it. proc(5): the state is behind the name.
        Wait.For(Wait.Until(() => Directory.GetDirectories($"/proc/{worker}/task")
            .All(static task => File.ReadAllText($"{task}/stat").Split(") ")[^1][0] == 'T'), "all of its threads stand"));
        JsonElement process = daemon.Status().GetProperty("processes")[0];
        Assert.That((process.GetProperty("id").GetInt32(), process.TryGetProperty("loops", out _)), Is.EqualTo((worker, false)));
        Assert.That(daemon.Do("status").Output, Does.Contain("it does not answer"));
        Assert.That(daemon.Do("stop").Code, Is.Zero);
        Assert.That((Daemon.IsAlive(master), Daemon.IsAlive(worker)), Is.EqualTo((false, false)));
    }

    [Test]
    public void PidOfAnotherProcessIsNeverSignalled()
    {
        using Daemon daemon = new Daemon();
        using Process other = Process.Start("sleep", "60");
        daemon.Folder.Write("daemon.pid", $"{other.Id} 12345\n");
        Assert.That(daemon.Run("stop").Code, Is.EqualTo(3));
        Assert.That(daemon.Run("status").Code, Is.EqualTo(3));
        daemon.Start();
        Assert.That(other.HasExited, Is.False);
        other.Kill();
    }

    [Test]
    public async Task TwoStartsAtOnceAreOneProgram()
    {
        using Daemon daemon = new Daemon();
        CommandResult[] results =
            await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() => daemon.Run("start", "-d"))));
        Assert.That(results.Select(result => result.Code).Order(), Is.EqualTo(new[] { 0, 1, 1 }),
            string.Join('\n', results.AsEnumerable()));
        Assert.That(results.Where(result => result.Code == 1).Select(result => result.Error),
            Is.All.StartWith("Already running"));
        Assert.That(daemon.Events.Count(one => one == "start"), Is.EqualTo(1));
    }

    [Test]
    public async Task StopDuringReloadStopsBoth()
    {
        using Daemon daemon = new Daemon().Start();
        int master = daemon.Master;
        daemon.Folder.Write("hang", "");
        using Process reload = daemon.Begin("reload");
        await Wait.Until(() => daemon.Status().GetProperty("processes").GetArrayLength() == 2, "the new process");
        CommandResult second = daemon.Run("reload");
        Assert.That((second.Code, second.Error), Is.EqualTo((1, "A reload, or the start, is under way already.\n")));
        daemon.Do("stop");
        Assert.That(reload.WaitForExit(Wait.Limit));
        Assert.That((reload.ExitCode, Daemon.IsAlive(master)), Is.EqualTo((1, false)));
    }

    [Test]
    public void ControlSocketIsForItsUserAlone()
    {
        using Daemon daemon = new Daemon().Start();
        string path = PidFile.ControlPath(daemon.PidFile);
        Assert.That(File.GetUnixFileMode(path), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        if (Environment.UserName != "root") return;
        // Also where the file lets it in, another user is refused.
        File.SetUnixFileMode(path, (UnixFileMode)0x1FF);
        LetOthersIn(daemon);
        var start =
            new ProcessStartInfo("setpriv", ["--reuid=65534", "--clear-groups", "--regid=65534", .. daemon.CommandLine, "status"])
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            };
        using Process other = Process.Start(start)!;
        Assert.That(other.WaitForExit(Wait.Limit));
        Assert.That(other.ExitCode, Is.EqualTo(1), other.StandardError.ReadToEnd());
    }

    /// <summary>To the file, if they know its name: the folder of the tests is their user's alone.</summary>
    private static void LetOthersIn(Daemon daemon)
    {
        const UnixFileMode Passable = (UnixFileMode)0x1C9;
        File.SetUnixFileMode(daemon.Folder.Path, Passable);
        File.SetUnixFileMode(Path.GetDirectoryName(daemon.Folder.Path)!, Passable);
    }

    [Test]
    public void ForegroundTakesCommandsToo()
    {
        using Daemon daemon = new Daemon();
        using ServerProcess server = ServerProcess.Run([.. daemon.CommandLine, "start"]).WaitForStart();
        JsonElement status = daemon.Status();
        Assert.That((status.TryGetProperty("master", out _), status.GetProperty("processes")[0].GetProperty("id").GetInt32()),
            Is.EqualTo((false, server.Id)));
        CommandResult reload = daemon.Run("reload");
        Assert.That((reload.Code, reload.Error), Is.EqualTo((1, "This program runs in the foreground, "
            + "without a master that could reload it. Cure: start -d.\n")));
        server.Signal(10);
        server.Signal(12);
        Assert.That(daemon.Do("stop").Output, Does.StartWith("Stopped process"));
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(File.ReadAllText(daemon.Folder.PathOf("log")),
            Does.Contain("SIGUSR1 reloads nothing").And.Contain("SIGUSR2 reloads nothing"));
    }

    [ManualPage("worker/user.md")]
    [Test]
    public async Task UserIsLessThanRootAndKeepsItsSockets([ValueSource(typeof(Daemon), nameof(Daemon.Forms))] string form)
    {
        if (Environment.UserName != "root") Assert.Ignore("only root can become another user");
        using Daemon daemon = new Daemon(form);
        daemon.Folder.Write("users", "");
        LetOthersIn(daemon);
        daemon.Start();
        Assert.That(File.ReadAllText($"/proc/{daemon.Worker}/status"), Does.Match(@"Uid:\s+65534\s+65534\s+65534\s+65534"));
        using HttpClient client = daemon.Client();
        Assert.That(await client.GetStringAsync("/"), Is.EqualTo("1"));
        daemon.Do("reload");
        await Wait.Until(() => client.GetStringAsync("/").Result == "1", "an answer");
    }
}
