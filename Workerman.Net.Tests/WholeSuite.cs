using Workerman.Events;
using Workerman.Protocols.Http.Sessions;
using Workerman.Tests.Support;

// Fixtures run side by side, the tests of one after another. Most of them wait for the kernel, a timer or a process, so there are
// more at a time than cores. One that needs the process for itself says so with [NonParallelizable] and a reason; those run last,
// alone.
[assembly: Parallelizable(ParallelScope.Fixtures)]
[assembly: LevelOfParallelism(16)]

namespace Workerman.Tests;

/// <summary>
/// What all tests have in common, around all of them: quick ticks, threads, a folder for temporary files that is empty in the
/// end.
/// </summary>
[SetUpFixture]
internal sealed class WholeSuite
{
    private readonly string? _usual = Environment.GetEnvironmentVariable("TMPDIR");
    private string _folder = "";

    [OneTimeSetUp]
    public void Begin()
    {
        // Loops in this process tick five times a second instead of once: what is "checked about once a second" is checked
        // sooner. Programs that tests start tick as they do elsewhere.
        EventLoop.TickInterval = LoopClock.FromMilliseconds(200);
        // Tests block threads of the pool while they read from sockets; it makes new ones but slowly.
        ThreadPool.SetMinThreads(64, 64);
        // Tests that log much at a time drop no lines of others.
        Worker.LogBufferSize = 256 * 1024 * 1024;
        // Programs that are killed would leave the sockets of the runtime's diagnostics.
        Environment.SetEnvironmentVariable("DOTNET_EnableDiagnostics", "0");
        if (OperatingSystem.IsWindows()) return;
        // Short: paths of Unix sockets have 107 bytes at most.
        _folder = Directory.CreateTempSubdirectory("wm-").FullName;
        Environment.SetEnvironmentVariable("TMPDIR", _folder);
        TemporaryFolder.Done = Directory.CreateDirectory(Path.Combine(_folder, "done")).FullName;
    }

    [OneTimeTearDown]
    public async Task End()
    {
        await ChromiumProcess.Quit();
        if (OperatingSystem.IsWindows()) return;
        // Made by the first session that is kept where nobody chose, and meant to stay.
        string sessions = new FileSessionHandler().Folder;
        if (Directory.Exists(sessions) && !Directory.EnumerateFileSystemEntries(sessions).Any()) Directory.Delete(sessions);
        Directory.Delete(TemporaryFolder.Done!, recursive: true);
        TemporaryFolder.Done = null;
        string[] left = [.. Directory.EnumerateFileSystemEntries(_folder, "*", SearchOption.AllDirectories)];
        Directory.Delete(_folder, recursive: true);
        Environment.SetEnvironmentVariable("TMPDIR", _usual);
        Assert.That(left, Is.Empty, "what tests have left in the folder for temporary files");
    }
}
