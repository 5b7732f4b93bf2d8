using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;
using Workerman.Supervision;
using Workerman.Tests.Support;

namespace Workerman.Tests.Supervision;

/// <summary>What comes between a master and its processes, and between it and its commands. Real processes. Linux.</summary>
[Platform("Linux")]
[SupportedOSPlatform("linux")]
[Parallelizable(ParallelScope.All)]
internal sealed class MasterFaultTests
{
    [Test]
    public async Task ProcessThatHangsIsGivenUpThoughAnotherEndsMeanwhile()
    {
        using Daemon daemon = new();
        daemon.Folder.Write("impatient", "");
        daemon.Start();
        int old = daemon.Worker;
        // It keeps the process, once it is old.
        using RawClient slow = new RawClient(daemon.EndPointOf("serve")).Send("GET /slow?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n");
        await Wait.Until(() => Requests(daemon) > 0, "its request");
        daemon.Do("reload", "-g");
        int worker = daemon.Worker;
        daemon.Folder.Write("hang", "");
        using Process reload = daemon.Begin("reload");
        await Wait.Until(() => StateOf(daemon, "starting") is not null, "the new process");
        Daemon.Signal(old, 9);
        Assert.That(reload.WaitForExit(Wait.Limit));
        Assert.That(reload.StandardError.ReadToEnd(), Does.Contain("has not become ready within 5 s"));
        Assert.That(daemon.Worker, Is.EqualTo(worker));
    }

    [Test]
    public async Task ReloadWhileADeadProcessIsWaitedForStartsOne()
    {
        using Daemon daemon = new Daemon().Start();
        daemon.Folder.Write("fail", "");
        Daemon.Signal(daemon.Worker, 9);
        // Then it pauses for two seconds or more.
        await Wait.Until(() => Exits(daemon) >= 5, "failures");
        await Wait.Until(() => daemon.Status().GetProperty("processes").GetArrayLength() == 0, "a pause");
        File.Delete(daemon.Folder.PathOf("fail"));
        daemon.Do("reload");
        int worker = daemon.Worker;
        double now = Uptime(daemon);
        await Wait.Until(() => Uptime(daemon) > now + 5, "the time at which it was to be started again");
        Assert.That((daemon.Worker, Exits(daemon), daemon.Events.Count(one => one == "start")), Is.EqualTo((worker, 5, 2)));
        Assert.That(File.ReadAllText(daemon.Folder.PathOf("log")), Does.Contain("exit code 1 (Worker serve on")
            .And.Contain("as asked for"), "why");
    }

    /// <summary>The one that waits for its pause is not started beside the one of the reload.</summary>
    [Test]
    public async Task ReloadInAPauseIsTheNewProcess()
    {
        using Daemon daemon = new Daemon().Start();
        IPEndPoint server = daemon.EndPointOf("serve");
        for (int i = 0; i < 5; i++)
        {
            int worker = daemon.Worker;
            new RawClient(server).Send("GET /exit HTTP/1.1\r\nHost: a\r\n\r\n");
            await Wait.Until(() => !Daemon.IsAlive(worker), "its end");
        }
        await Wait.Until(() => daemon.Log.Contains("starts in 4 s", StringComparison.Ordinal), "a pause");
        daemon.Do("reload");
        int[] processes = Processes(daemon);
        double now = Uptime(daemon);
        await Wait.Until(() => Uptime(daemon) > now + 4.5, "the end of the pause");
        Assert.That(Processes(daemon), Is.EqualTo(processes).And.Length.EqualTo(1));
    }

    [Test]
    public async Task NewProcessThatDiesWhileItTakesOverIsReplaced()
    {
        using Daemon daemon = new Daemon().Start();
        using HttpClient client = daemon.Client();
        int old = daemon.Worker;
        // Its loop does not hand over before that.
        Task<string> blocked = client.GetStringAsync("/block?ms=8000");
        await Wait.Until(() => daemon.Status().ToString().Contains("\"busy\"", StringComparison.Ordinal), "a busy loop");
        using Process reload = daemon.Begin("reload", "-g");
        await Wait.Until(() => StateOf(daemon, "leaving") == old && StateOf(daemon, "starting") is not null, "the handing over");
        Daemon.Signal(StateOf(daemon, "starting")!.Value, 9);
        Assert.That(reload.WaitForExit(Wait.Limit));
        Assert.That(reload.StandardError.ReadToEnd(), Does.Contain("signal 9"));
        await Wait.Until(() => StateOf(daemon, "running") is not null, "another one");
        Assert.That(Daemon.IsAlive(old), "it is not waited for");
        Assert.That(await blocked, Is.EqualTo("done"));
    }

    [Test]
    public async Task PlainReloadCutsNoRequestWithinTheWindow()
    {
        using Daemon daemon = new Daemon().Start();
        using HttpClient client = daemon.Client();
        // Longer than Worker.StopTimeout, shorter than Worker.ReloadWindow.
        Task<string> slow = client.GetStringAsync("/slow?ms=5000");
        string process = await client.GetStringAsync("/pid");
        daemon.Do("reload");
        await Wait.Until(() => client.GetStringAsync("/pid").Result != process, "an answer of the new process");
        Assert.That(await slow, Is.EqualTo("done"));
    }

    [Test]
    public void ReloadSaysThatTheFolderIsGone()
    {
        using Daemon daemon = new();
        string folder = Directory.CreateDirectory(daemon.Folder.PathOf("gone")).FullName;
        Assert.That(Shell($"cd {folder} && {string.Join(' ', daemon.CommandLine)} start -d -q").Code, Is.Zero);
        int worker = daemon.Worker;
        Directory.Delete(folder);
        CommandResult reload = daemon.Run("reload");
        Assert.That((reload.Code, reload.Error), Is.EqualTo((1, reload.Error)));
        Assert.That(reload.Error, Does.Contain($"cannot be started in {folder}: No such file or directory. Cure:"));
        Assert.That(daemon.Worker, Is.EqualTo(worker));
    }

    [Test]
    public void CommandsWorkInAFolderThatIsGone()
    {
        using Daemon daemon = new Daemon().Start();
        string folder = Directory.CreateDirectory(daemon.Folder.PathOf("gone")).FullName;
        CommandResult status = Shell($"cd {folder} && rmdir {folder} && {string.Join(' ', daemon.CommandLine)} status");
        Assert.That(status.Code, Is.Zero, status.Error);
    }

    [Test]
    public void WrongRequestsAreRefusedAndEndNothing([Values] bool isDaemon)
    {
        using Daemon daemon = new();
        using ServerProcess? server = isDaemon ? null : ServerProcess.Run([.. daemon.CommandLine, "start"]).WaitForStart();
        if (isDaemon) daemon.Start();
        foreach (string line in new[]
        {
            "garbage", "null", "[]", "{}", "5", "\"\"", "{\"version\":1}", "{\"version\":1,\"command\":null}",
            "{\"version\":1,\"command\":\"dance\"}", "{\"version\":2,\"command\":\"status\"}",
            "{\"version\":1,\"command\":\"connections\",\"sort\":\"colour\"}",
            "{\"version\":1,\"command\":\"connections\",\"limit\":0}",
            "{\"version\":1,\"command\":\"connections\",\"limit\":1e99}",
            "{\"version\":1,\"command\":\"stop\",\"timeoutSeconds\":1e300}",
            "{\"version\":1,\"command\":\"stop\",\"timeoutSeconds\":-1}",
            "{\"version\":1,\"command\":\"reload\",\"timeoutSeconds\":86401}", new string('[', 50_000),
        })
        {
            string answer = AskRaw(daemon, line + "\n");
            Assert.That(answer, Does.Contain("\"ok\":false").And.Contain("\"message\":"), line[..Math.Min(80, line.Length)]);
        }
        Assert.That(AskRaw(daemon, new string('a', 70_000) + "\n"), Is.Empty, "a line that is too long");
        Assert.That(AskRaw(daemon, "{\"version\":1,\"command\":\"connections\",\"sort\":null}\n"), Does.Contain("\"ok\":true"));
        Assert.That(AskRaw(daemon, "{\"version\":1,\"command\":\"connections\"}\n"), Does.Contain("\"ok\":true"));
        Assert.That(daemon.Status().GetProperty("processes").GetArrayLength(), Is.EqualTo(1));
        daemon.Do("stop");
    }

    [Test]
    public void CommandThatComesByteByByteIsGivenUp()
    {
        using Daemon daemon = new Daemon().Start();
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(Path.ChangeExtension(daemon.PidFile, ".control")));
        Wait.For(Wait.Until(() => IsClosedAfter(client, (byte)' '), "the end of a command that never says what it wants"));
        daemon.Do("stop");
    }

    private static bool IsClosedAfter(Socket client, byte sent)
    {
        try
        {
            client.Send([sent]);
            return client.Poll(0, SelectMode.SelectRead);
        }
        catch (SocketException)
        {
            return true;
        }
    }

    [Test]
    public void RunningAgainStartsNoOtherDaemon()
    {
        using Daemon daemon = new();
        File.WriteAllText(daemon.Folder.PathOf("again"), "");
        int master = daemon.Start().Master;
        daemon.Do("reload");
        daemon.Do("stop");
        Wait.For(Wait.Until(() => !Daemon.IsAlive(master), "the end of the master"));
        Assert.That(daemon.Run("status").Code, Is.EqualTo(3));
        Assert.That(daemon.Events.Where(line => line.StartsWith("worker exit", StringComparison.Ordinal)),
            Is.All.EqualTo("worker exit 0"));
    }

    [Test]
    public void PathThatIsTooLongIsRefusedInOneLine()
    {
        using Daemon daemon = new();
        File.WriteAllText(daemon.Folder.PathOf("pidfile"), daemon.Folder.PathOf($"{new string('p', 110)}.pid"));
        CommandResult start = daemon.Run("start", "-d");
        Assert.That(start.Code, Is.EqualTo(1));
        Assert.That(start.Error.Trim().Split('\n').Last(), Does.StartWith("Cannot make the control socket")
            .And.Contain("its path is too long. Cure:"));
    }

    [Test]
    public void OptionsOfTheApplicationsOwnAreKept()
    {
        using Daemon daemon = new();
        CommandResult unit = daemon.Do("install", "--own=a b");
        Assert.That(unit.Output, Does.Contain($" {daemon.Folder.Path} 0 start -d \"--own=a b\"\n")
            .And.Contain("Description=DaemonProgram "));
        daemon.Do("restart", "-d", "-q", "--own=a b");
        Assert.That(daemon.Status().GetProperty("name").GetString(), Is.EqualTo("DaemonProgram"));
        daemon.Do("reload", "--own=c");
        foreach (int process in new[] { daemon.Master, daemon.Worker })
            Assert.That(File.ReadAllText($"/proc/{process}/cmdline"), Does.EndWith("\0--own=a b\0"));
    }

    [Test]
    public void ForegroundBecomesAnotherUserAndEndsInOrder()
    {
        if (Environment.UserName != "root") Assert.Ignore("only root can become another user");
        using Daemon daemon = new();
        daemon.Folder.Write("users", "");
        using ServerProcess server = ServerProcess.Run([.. daemon.CommandLine, "start"]).WaitForStart();
        Assert.That(File.ReadAllText($"/proc/{server.Id}/status"), Does.Match(@"Uid:\s+65534\s+65534\s+65534\s+65534"));
        daemon.Do("status");
        daemon.Do("stop");
        Assert.That(server.WaitForExit(), Is.Zero, server.Output);
        Assert.That(daemon.Run("status").Code, Is.EqualTo(3));
    }

    [Test]
    public void FilesThatAreRemovedComeBack([Values("start -d", "start")] string command)
    {
        using Daemon daemon = new();
        using Process started = daemon.Begin(command.Split(' '));
        string control = PidFile.ControlPath(daemon.PidFile);
        Wait.For(Wait.Until(() => File.Exists(control) && daemon.Run("status").Code == 0, "the start"));
        int master = PidFile.Read(daemon.PidFile)!.Value.Process!.Value.Id;
        File.Delete(daemon.PidFile);
        File.Delete(control);
        Wait.For(Wait.Until(() => PidFile.Read(daemon.PidFile) is { IsLocked: true } && File.Exists(control), "the files"));
        Assert.That(daemon.Run("start", "-d").Error, Does.StartWith($"Already running as process {master}"));
        Wait.For(Wait.Until(() => daemon.Run("status").Code == 0, "the socket of the file"));
        Assert.That(File.GetUnixFileMode(control), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(daemon.Do("stop").Output, Does.StartWith($"Stopped process {master}"));
        Assert.That((File.Exists(daemon.PidFile), File.Exists(control)), Is.EqualTo((false, false)));
        Assert.That(started.WaitForExit(Wait.Limit));
    }

    [TestCase("mkdir", "Cannot write the pid file")]
    [TestCase("mkfifo", "Cannot write the pid file")]
    [TestCase("full() { mknod $1 c 1 7; }; full", "it is a device, or a pipe")]
    [TestCase("link() { ln -s /dev/null $1; }; link", "it is a device, or a pipe")]
    public void PidFileThatIsNoFileIsRefusedAndStays(string make, string reason)
    {
        if (make.Contains("mknod") && Environment.UserName != "root") Assert.Ignore("only root can make a device");
        using Daemon daemon = new();
        Assert.That(Shell($"{make} {daemon.PidFile}").Code, Is.Zero);
        Assert.That(daemon.Run("status").Code, Is.EqualTo(3));
        CommandResult start = daemon.Run("start", "-d");
        Assert.That((start.Code, start.Error), Is.EqualTo((1, start.Error)));
        Assert.That(start.Error, Does.Contain(reason).And.Contain("Cure:"));
        Assert.That(Shell($"rm -r {daemon.PidFile}").Code, Is.Zero);
    }

    [Test]
    public void WhatIsNotTheProgramsIsNeverRemoved()
    {
        using Daemon daemon = new();
        string control = PidFile.ControlPath(daemon.PidFile);
        File.WriteAllText(control, "somebody's");
        Assert.That(daemon.Run("start", "-d").Error, Does.Contain("it is there, and is no socket"));
        Assert.That(File.ReadAllText(control), Is.EqualTo("somebody's"));
        File.Delete(control);
        daemon.Start();
        int master = daemon.Master;
        foreach (string path in new[] { control, daemon.PidFile })
        {
            File.WriteAllText(path + ".other", "somebody's");
            File.Move(path + ".other", path, overwrite: true);
        }
        Daemon.Signal(master, 15);
        Wait.For(Wait.Until(() => !Daemon.IsAlive(master), "its end"));
        foreach (string path in new[] { control, daemon.PidFile }) Assert.That(File.ReadAllText(path), Is.EqualTo("somebody's"));
    }

    [Test]
    public void StatusOfEverySecondEndsWithItsReader()
    {
        using Daemon daemon = new Daemon().Start();
        CommandResult result = Shell($"{string.Join(' ', daemon.CommandLine)} status -d | head -1");
        Assert.That(result.Code, Is.Zero);
    }

    [Test]
    public void CommandsWorkWithoutStandardStreams()
    {
        using Daemon daemon = new();
        string program = string.Join(' ', daemon.CommandLine);
        foreach (string command in new[] { "start -d", "status", "reload", "connections", "install", "help", "stop" })
            Assert.That(Shell($"{program} {command} <&- >&- 2>&-").Code, Is.Zero, command);
        Assert.That(Shell($"{program} status <&- >&- 2>&-").Code, Is.EqualTo(3));
        Assert.That(Shell($"{program} dance <&- >&- 2>&-").Code, Is.EqualTo(2));
    }

    private static long Requests(Daemon daemon) => daemon.Status().GetProperty("processes").EnumerateArray()
        .SelectMany(process => process.TryGetProperty("loops", out JsonElement loops) ? loops.EnumerateArray().ToArray() : [])
        .Sum(loop => loop.GetProperty("totalRequest").GetInt64());

    private static int[] Processes(Daemon daemon) => [.. daemon.Status().GetProperty("processes").EnumerateArray()
        .Select(static process => process.GetProperty("id").GetInt32())];

    private static double Uptime(Daemon daemon) => daemon.Status().GetProperty("uptimeSeconds").GetDouble();

    private static int Exits(Daemon daemon) =>
        daemon.Status().GetProperty("exits").EnumerateArray().Sum(exit => exit.GetProperty("count").GetInt32());

    private static int? StateOf(Daemon daemon, string state) => daemon.Status().GetProperty("processes").EnumerateArray()
        .Where(process => process.GetProperty("state").GetString() == state)
        .Select(process => (int?)process.GetProperty("id").GetInt32()).FirstOrDefault();

    private static CommandResult Shell(string line)
    {
        using Process process = Process.Start(new ProcessStartInfo("sh", ["-c", line])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        Assert.That(process.WaitForExit(Wait.Limit), $"{line} does not end");
        return new CommandResult(process.ExitCode, Wait.For(output), Wait.For(error));
    }

    private static string AskRaw(Daemon daemon, string text)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(PidFile.ControlPath(daemon.PidFile)));
        socket.ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds;
        byte[] buffer = new byte[256 * 1024];
        int length = 0;
        try
        {
            socket.Send(Encoding.UTF8.GetBytes(text));
            for (int count = 1; count > 0; length += count) count = socket.Receive(buffer, length, buffer.Length - length, 0);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            // Closed before it has read all.
        }
        return Encoding.UTF8.GetString(buffer, 0, length);
    }
}
