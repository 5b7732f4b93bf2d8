using System.Net;
using System.Net.Sockets;
using Workerman.Tests.Support;

namespace Workerman.Tests.Logging;

/// <summary>
/// <c>Worker.LogFile</c> of programs: what stands in it, what becomes of it, and what keeps them from starting.
/// </summary>
[Platform("Linux,MacOSX")]
internal sealed class LogFileTests
{
    private const int Sigterm = 15;

    private TemporaryFolder _folder = null!;

    private string Log => _folder.PathOf("app.log");

    [SetUp]
    public void Open() => _folder = new TemporaryFolder();

    [TearDown]
    public void Close() => _folder.Dispose();

    [ManualPage("worker/log-file.md")]
    [Test]
    public void HoldsTheLinesOfARunAndTheConsoleOnlyTheBanner()
    {
        using ServerProcess server = ServerProcess.Serve(["--port", "0", "--log-file", Log]).WaitForStart();
        Assert.That(LogLines(server, times: 2, size: 10), Is.EqualTo(200));
        server.Signal(Sigterm);
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(server.Output, Does.Contain("WORKERMAN").And.Not.Contain("xxx").And.Not.Contain("Stopp"));
        string[] lines = File.ReadAllLines(Log);
        Assert.That(lines, Has.Length.EqualTo(4));
        Assert.That(lines[0], Does.Match($@"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{{3}} pid:{server.Id} \[warn\] xxxxxxxxxx$"));
        Assert.That(lines[2], Does.EndWith("[info] Stopping"));
        Assert.That(lines[3], Does.EndWith("[info] Stopped"));
    }

    /// <summary>The old worker and the new one, and the program that watches over them, do that.</summary>
    [Test]
    [Platform("Linux")]
    public void ProcessesThatShareItLoseNoLineAndRotateOnce()
    {
        const int Lines = 5000;
        const int MaxSize = 16 * 1024;
        string[] tags = ["a", "b", "c"];
        ServerProcess[] writers = [.. tags.Select(tag => LogWriter.Start("log", Log, tag, Lines, MaxSize))];
        try
        {
            foreach (ServerProcess writer in writers) writer.WaitForStart();
            foreach (ServerProcess writer in writers) writer.Say("go");
            foreach (ServerProcess writer in writers) Assert.That(writer.WaitForExit(), Is.Zero, writer.Output);
            LogWriter.Check(_folder, tags, Lines, MaxSize);
        }
        finally
        {
            foreach (ServerProcess writer in writers) writer.Dispose();
        }
    }

    [Test]
    [Platform("Linux")]
    public void WhatCannotBeWrittenHoldsNothingAndIsSaidOnce()
    {
        File.CreateSymbolicLink(Log, "/dev/full");
        using ServerProcess server = ServerProcess.Serve(["--port", "0", "--log-file", Log]).WaitForStart();
        Assert.That(LogLines(server, times: 100, size: 10), Is.EqualTo(200));
        Wait.For(Wait.Until(() => server.Output.Contains("Cannot write to the log file"), "the complaint"));
        File.Delete(Log);
        Assert.That(LogLines(server, times: 1, size: 20), Is.EqualTo(200));
        server.Signal(Sigterm);
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(server.Output.Split("Cannot write to the log file"), Has.Length.EqualTo(2), "said once");
        Assert.That(server.Output, Does.Contain("No space left on device. Lines are dropped until it can be written again."));
        string[] lines = File.ReadAllLines(Log);
        Assert.That(lines[0], Does.Contain("[warn] ").And.EndsWith("log lines were dropped: this file could not be written"));
        Assert.That(lines.Count(line => line.EndsWith(new string('x', 20), StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public void OneThatCannotBeOpenedIsOneLineAndExitCode1()
    {
        string path = _folder.PathOf("a/b/app.log");
        using ServerProcess server = ServerProcess.Serve(["--port", "0", "--log-file", path]);
        Assert.That(server.WaitForExit(), Is.EqualTo(1));
        string line = server.Output.Trim();
        Assert.That(line.Split('\n'), Has.Length.EqualTo(1));
        Assert.That(line, Does.Contain($"Cannot write to the log file {path}: No such file or directory. Cure: "));
    }

    [Test]
    public void WhyTheWorkersCannotStartIsSaidHereAndOnTheTerminal()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        using ServerProcess server = ServerProcess.Serve(["--address", $"http://{taken.LocalEndpoint}", "--log-file", Log]);
        Assert.That(server.WaitForExit(), Is.EqualTo(1));
        Assert.That(server.Output.Trim(), Does.StartWith("Cannot listen on http://").And.Not.Contain("\n"));
        Assert.That(File.ReadAllText(Log), Does.Contain("[error] Cannot listen on http://"));
    }

    [Test]
    [Platform("Linux")]
    public void SizeAndNumberAreSettings()
    {
        using ServerProcess server = ServerProcess.Serve(
            ["--port", "0", "--log-file", Log, "--log-max-size", "1000", "--log-count", "2"]).WaitForStart();
        Assert.That(LogLines(server, times: 100, size: 100), Is.EqualTo(200));
        server.Signal(Sigterm);
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(Directory.GetFiles(_folder.Path).Order(), Is.EqualTo(new[] { Log, Log + ".1", Log + ".2" }));
        Assert.That(Directory.GetFiles(_folder.Path).Select(file => new FileInfo(file).Length), Has.All.LessThanOrEqualTo(1000));
    }

    private static int LogLines(ServerProcess server, int times, int size)
    {
        using var client = new RawClient(server.EndPoint);
        return client.Send($"GET /log?times={times}&size={size} HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n")
            .ReadResponse().Status;
    }
}
