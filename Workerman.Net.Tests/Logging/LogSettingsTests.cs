using Microsoft.Extensions.Logging;
using Workerman.Logging;
using Workerman.Tests.Support;
using Workerman.Workers;

namespace Workerman.Tests.Logging;

/// <summary>
/// The statics of <see cref="Worker"/> about files, read by a run when it starts. Alone, because they are those of the process.
/// </summary>
[NonParallelizable]
internal sealed class LogSettingsTests
{
    private readonly ILogger _usual = Worker.Logger;
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void Open()
    {
        WorkerRegistry.Remove(WorkerRegistry.Workers);
        _folder = new TemporaryFolder();
    }

    [TearDown]
    public void Close()
    {
        (Worker.LogFile, Worker.StdoutFile, Worker.StatusFile) = (null, null, null);
        (Worker.LogFileMaxSize, Worker.LogFileCount) = (10 * 1024 * 1024, 5);
        Worker.Logger = _usual;
        _folder.Dispose();
    }

    [Test]
    public void RunKeepsTheFileThatIsSetWhenItStarts()
    {
        Worker.LogFile = _folder.PathOf("first.log");
        using var stop = new CancellationTokenSource();
        Task run = Run(stop.Token);
        Worker.LogFile = _folder.PathOf("second.log");
        stop.Cancel();
        Wait.For(run);
        Assert.That(File.ReadAllText(_folder.PathOf("first.log")), Does.Contain("Stopped"));
        Assert.That(File.Exists(_folder.PathOf("second.log")), Is.False, "nobody has written to it");
    }

    [Test]
    public void LoggerOfTheApplicationWinsWhicheverIsSetLast([Values] bool fileLast)
    {
        var own = new TestServer.MemoryLogger();
        if (!fileLast) Worker.LogFile = _folder.PathOf("app.log");
        Worker.Logger = own;
        if (fileLast) Worker.LogFile = _folder.PathOf("app.log");
        Assert.That(Worker.Logger, Is.SameAs(own));
        using var stop = new CancellationTokenSource();
        Task run = Run(stop.Token);
        stop.Cancel();
        Wait.For(run);
        Assert.That(own.Text, Does.Contain("Stopped"));
        Assert.That(File.Exists(_folder.PathOf("app.log")), Is.False);
    }

    [Test]
    public void ApplicationLogsThereTooAndReopeningIsARunsOwn()
    {
        string path = _folder.PathOf("app.log");
        Worker.LogFile = path;
        Worker.Logger.Log(LogLevel.Error, 0, "from the application", null, static (text, _) => text);
        LogQueue.Shared.Flush(Wait.Limit);
        Assert.That(File.ReadAllText(path), Does.EndWith("[error] from the application\n"));
        Worker.ReadSettings().Logger.ReopenFile();
        Worker.Logger.Log(LogLevel.Debug, 0, "not even formatted", null, static (_, _) => throw new InvalidOperationException());
        Worker.Logger.Log(LogLevel.Information, 0, "again", null, static (text, _) => text);
        LogQueue.Shared.Flush(Wait.Limit);
        Assert.That(File.ReadAllLines(path), Has.Length.EqualTo(2));
    }

    [Test]
    public void PathsAreWholeAndValuesAreChecked()
    {
        (Worker.LogFile, Worker.StdoutFile, Worker.StatusFile) = ("app.log", "out.log", "status");
        Assert.That((Worker.LogFile, Worker.StdoutFile, Worker.StatusFile),
            Is.EqualTo((Path.GetFullPath("app.log"), Path.GetFullPath("out.log"), "status")));
        LogFileSettings files = Worker.ReadSettings().Files;
        Assert.That((files.LogFile, files.StdoutFile), Is.EqualTo((Worker.LogFile, Worker.StdoutFile)));
        foreach (string bad in new[] { "", "a\0b", _folder.Path, "logs/" })
        {
            Assert.Throws<ArgumentException>(() => Worker.LogFile = bad, bad);
            Assert.Throws<ArgumentException>(() => Worker.StdoutFile = bad, bad);
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => Worker.LogFileMaxSize = -1);
        Worker.LogFileMaxSize = 0;
        Assert.Throws<ArgumentOutOfRangeException>(() => Worker.LogFileCount = 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => Worker.LogFileCount = 1001);
        Worker.LogFileCount = 1000;
    }

    private static Task Run(CancellationToken stop)
    {
        _ = new Worker("http://127.0.0.1:0") { OnMessage = (_, _) => { } };
        return Worker.RunAllAsync(stop);
    }
}
