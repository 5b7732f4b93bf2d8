using System.Runtime.Versioning;
using Workerman.Supervision;
using Workerman.Tests.Support;

namespace Workerman.Tests.Supervision;

/// <summary>
/// The examples of the pages worker/daemonize, worker/pid-file, worker/stdout-file and debug/base of Workerman's manual, in C#:
/// a program that runs as a daemon, with its files where it says. The other commands are in DaemonTests.
/// </summary>
[SupportedOSPlatform("linux")]
[Platform("Linux")]
internal sealed class DaemonPageTests
{
    [ManualPage("worker/daemonize.md", Different = "the command start -d decides; there is no static for it")]
    [ManualPage("worker/pid-file.md")]
    [ManualPage("worker/stdout-file.md",
        Different = "it has what is printed once the program serves; until then who has started it sees that")]
    [ManualPage("debug/base.md")]
    [Test]
    public async Task DaemonHasItsFilesWhereItSays()
    {
        using var daemon = new Daemon();
        string pidFile = daemon.Folder.PathOf("workerman.pid");
        string output = daemon.Folder.PathOf("stdout.log");
        daemon.Folder.Write("pidfile", pidFile);
        // All that is printed goes to this file.
        daemon.Folder.Write("stdoutfile", output);
        daemon.Start();
        Assert.That(PidFile.Read(pidFile)?.Process?.Id, Is.EqualTo(daemon.Master));
        using HttpClient client = daemon.Client();
        await client.GetStringAsync("/print");
        Assert.That(File.ReadAllLines(output), Does.Contain("printed"));
        daemon.Do("stop");
        Assert.That(File.Exists(pidFile), Is.False);
    }
}
