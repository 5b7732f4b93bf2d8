using Workerman.Tests.Support;

namespace Workerman.Tests.Logging;

/// <summary>Standard output and error of a process as a file, with all that prints there.</summary>
[Platform("Linux")]
internal sealed class StandardOutputTests
{
    private TemporaryFolder _folder = null!;

    private string Log => _folder.PathOf("app.log");

    [SetUp]
    public void Open() => _folder = new TemporaryFolder();

    [TearDown]
    public void Close() => _folder.Dispose();

    [Test]
    public void WhatIsPrintedByProcessesAndTheirChildrenIsThereOnceAndRotated()
    {
        const int Lines = 2000;
        const int MaxSize = 2048;
        string[] tags = ["a", "b"];
        ServerProcess[] writers = [.. tags.Select(tag => LogWriter.Start("stdout", Log, tag, Lines, MaxSize))];
        try
        {
            foreach (ServerProcess writer in writers) writer.WaitForStart();
            foreach (ServerProcess writer in writers) writer.Say("go");
            foreach (ServerProcess writer in writers) Assert.That(writer.WaitForExit(), Is.Zero, writer.Output);
            LogWriter.Check(_folder, tags, Lines, MaxSize);
            Assert.That(writers[0].Output.Trim(), Is.EqualTo("Start success"));
        }
        finally
        {
            foreach (ServerProcess writer in writers) writer.Dispose();
        }
    }

    [Test]
    public void NowhereIsAPlaceToo()
    {
        using ServerProcess writer = LogWriter.Start("stdout", "/dev/null", "a", 100, 10).WaitForStart();
        writer.Say("go");
        Assert.That(writer.WaitForExit(), Is.Zero);
        Assert.That(writer.Output.Trim(), Is.EqualTo("Start success"));
    }

    [Test]
    public void OneThatCannotBeOpenedIsTold()
    {
        using ServerProcess writer = LogWriter.Start("stdout", _folder.PathOf("a/b/out"), "a", 100, 10).WaitForStart();
        writer.Say("go");
        Assert.That(writer.WaitForExit(), Is.EqualTo(1));
        Assert.That(writer.Output, Does.Contain($"Cannot write standard output to {_folder.PathOf("a/b/out")}: No such file"));
    }
}
