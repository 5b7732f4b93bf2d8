using System.Text;
using Workerman.Logging;
using Workerman.Tests.Support;

namespace Workerman.Tests.Logging;

/// <summary>A file that is rotated by its size, alone and beside others who write to it. Real files, no process.</summary>
internal sealed class RotatingFileTests
{
    private TemporaryFolder _folder = null!;

    private string Log => _folder.PathOf("app.log");

    [SetUp]
    public void Open() => _folder = new TemporaryFolder();

    [TearDown]
    public void Close() => _folder.Dispose();

    [Test]
    public void IsRotatedByTheLineThatWouldBeTooMuch()
    {
        var file = new LogFile(new RotatingFile(Log, maxSize: 20, count: 2));
        Write(file, "123456789", "abcdefghi");
        Assert.That(File.ReadAllText(Log), Is.EqualTo("123456789\nabcdefghi\n"), "20 bytes are not too many");
        Write(file, "");
        Assert.That(Contents(), Is.EqualTo(new[] { "\n", "123456789\nabcdefghi\n" }), "21 are");
        Write(file, new string('x', 100), "y");
        Assert.That(Contents(), Is.EqualTo(new[] { "y\n", new string('x', 100) + "\n", "\n" }),
            "a line is never cut, and of the renamed two are kept");
    }

    [Test]
    public void IsNeverRotatedWithoutALimit()
    {
        var file = new LogFile(new RotatingFile(Log, maxSize: 0, count: 1));
        for (int i = 0; i < 100; i++) Write(file, new string('x', 1000));
        Assert.That(Contents(), Has.Length.EqualTo(1));
    }

    [Test]
    public void OneThatWasTooLargeBeforeIsRotatedFirst()
    {
        File.WriteAllText(Log, new string('x', 1000));
        Write(new LogFile(new RotatingFile(Log, maxSize: 100, count: 1)), "y");
        Assert.That(Contents(), Is.EqualTo(new[] { "y\n", new string('x', 1000) }));
    }

    [Test]
    [Platform(Exclude = "Win")]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public void IsMadeForItsOwnerAndGroupAlone()
    {
        Write(new LogFile(new RotatingFile(Log, 0, 1)), "x");
        Assert.That(File.GetUnixFileMode(Log) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead),
            Is.EqualTo(UnixFileMode.None));
    }

    [Test]
    [Platform("Linux")]
    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    public void WhatIsMadeInItsPlaceIsItsOwnersAndHasItsMode()
    {
        const UnixFileMode ForAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead
            | UnixFileMode.OtherRead;
        var file = new LogFile(new RotatingFile(Log, maxSize: 8, count: 1));
        Write(file, "1234567");
        File.SetUnixFileMode(Log, ForAll);
        if (Environment.IsPrivilegedProcess) new LogFileSettings(Log, _folder.PathOf("a/out")).GiveTo(65534, 65533);
        Write(file, "abcdefg");
        Assert.That(Contents(), Has.Length.EqualTo(2));
        Assert.That(File.GetUnixFileMode(Log), Is.EqualTo(ForAll));
        if (!Environment.IsPrivilegedProcess) return;
        FileLook look = AppendedFile.Look(Log)!.Value;
        Assert.That((look.Owner, look.Group), Is.EqualTo((65534u, 65533u)));
        FileLook folder = AppendedFile.Look(_folder.PathOf("a"))!.Value;
        Assert.That((folder.Owner, folder.Group), Is.EqualTo((65534u, 65533u)), "or it could not rotate there");
    }

    [Test]
    public void OneFolderIsMadeAndNoMore()
    {
        new LogFile(new RotatingFile(_folder.PathOf("one/app.log"), 0, 1)).Open();
        Assert.That(File.Exists(_folder.PathOf("one/app.log")));
        string path = _folder.PathOf("two/three/app.log");
        Assert.That(Assert.Throws<IOException>(() => new LogFile(new RotatingFile(path, 0, 1)).Open())!.Message,
            Does.StartWith($"Cannot write to the log file {path}: "));
        Assert.That(Directory.Exists(_folder.PathOf("two")), Is.False);
    }

    [Test]
    [Platform("Linux")]
    public void WhatOthersRenameOrRemoveIsMadeAnew()
    {
        var file = new LogFile(new RotatingFile(Log, 0, 1));
        Write(file, "one");
        File.Move(Log, _folder.PathOf("moved"));
        Write(file, "two");
        Assert.That(File.ReadAllText(_folder.PathOf("moved")), Is.EqualTo("one\n"));
        Assert.That(File.ReadAllText(Log), Is.EqualTo("two\n"));
        File.Delete(Log);
        Write(file, "three");
        Assert.That(File.ReadAllText(Log), Is.EqualTo("three\n"));
        File.WriteAllText(Log, "");
        Write(file, "four");
        Assert.That(File.ReadAllText(Log), Is.EqualTo("four\n"), "it was truncated (logrotate's copytruncate)");
        file.Reopen();
        Write(file, "five");
        Assert.That(File.ReadAllText(Log), Is.EqualTo("four\nfive\n"));
    }

    [Test]
    [Platform("Linux")]
    public void LinkStaysAndWhatItLeadsToIsRotated()
    {
        string target = _folder.PathOf("target.log");
        File.WriteAllText(target, "old\n");
        File.CreateSymbolicLink(Log, target);
        var file = new LogFile(new RotatingFile(Log, maxSize: 8, count: 3));
        Write(file, "1234567", "abcdefg");
        Assert.That(new FileInfo(Log).LinkTarget, Is.EqualTo(target));
        Assert.That(new[] { target, target + ".1", target + ".2" }.Select(File.ReadAllText),
            Is.EqualTo(new[] { "abcdefg\n", "1234567\n", "old\n" }));
    }

    [Test]
    public void ARotationThatFailsLosesNothing()
    {
        Directory.CreateDirectory(Log + ".1/full");
        var file = new LogFile(new RotatingFile(Log, maxSize: 8, count: 1));
        Write(file, "1234567", "abcdefg", "ABCDEFG");
        string[] lines = File.ReadAllLines(Log);
        Assert.That(lines.Where(line => line.Length == 7), Is.EqualTo(new[] { "1234567", "abcdefg", "ABCDEFG" }));
        Assert.That(lines.Count(line => line.Contains("Cannot rotate this file, so it grows: ")), Is.EqualTo(1));
    }

    [Test]
    [Platform("Linux")]
    public void LinesThatCannotBeWrittenAreCountedAndItGoesOn()
    {
        File.CreateSymbolicLink(Log, "/dev/full");
        var file = new LogFile(new RotatingFile(Log, 0, 1));
        Assert.That(() => Write(file, "one", "two", "three"), Throws.Nothing);
        File.Delete(Log);
        Write(file, "four", "five");
        string[] lines = File.ReadAllLines(Log);
        Assert.That(lines, Has.Length.EqualTo(3));
        Assert.That(lines[0], Does.EndWith("[warn] 3 log lines were dropped: this file could not be written"));
        Assert.That(lines[1..], Is.EqualTo(new[] { "four", "five" }));
    }

    [Test]
    [Platform("Linux")]
    public void FolderThatVanishesIsWaitedFor()
    {
        string path = Directory.CreateDirectory(_folder.PathOf("a/b")).FullName + "/app.log";
        var file = new LogFile(new RotatingFile(path, 0, 1));
        Write(file, "one");
        Directory.Delete(_folder.PathOf("a"), recursive: true);
        Write(file, "two", "three");
        Directory.CreateDirectory(_folder.PathOf("a"));
        Write(file, "four");
        Assert.That(File.ReadAllLines(path)[0], Does.Contain(" 2 log lines were dropped"));
        Assert.That(File.ReadAllLines(path)[1..], Is.EqualTo(new[] { "four" }));
    }

    [Test]
    [Platform("Linux")]
    public void PipeThatNobodyReadsIsRefusedAndNotWaitedFor()
    {
        string path = _folder.PathOf("pipe");
        Assert.That(Shell.Run("mkfifo", path), Is.Zero);
        Assert.Throws<IOException>(() => new LogFile(new RotatingFile(path, 0, 1)).Open());
    }

    /// <summary>A disk that is full takes a part of a line; the next one begins a line of its own.</summary>
    [Test]
    [Platform("Linux")]
    public void FullDiskLeavesNoLineThatLooksWhole()
    {
        string disk = Directory.CreateDirectory(_folder.PathOf("disk")).FullName;
        if (Shell.Run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk) != 0) Assert.Ignore("this user cannot mount");
        try
        {
            File.WriteAllBytes(disk + "/filler", new byte[40_000]);
            var file = new LogFile(new RotatingFile(disk + "/app.log", 0, 1));
            string[] lines = [.. Enumerable.Range(0, 1000).Select(i => $"{i} " + new string('x', 100))];
            Write(file, lines);
            File.Delete(disk + "/filler");
            Write(file, "the last");
            string[] written = File.ReadAllLines(disk + "/app.log");
            int whole = written.TakeWhile((line, i) => line == lines[i]).Count();
            string[] rest = [.. written[whole..].SkipWhile(line => lines[whole].StartsWith(line, StringComparison.Ordinal))];
            Assert.That(whole, Is.InRange(1, 999));
            Assert.That(rest, Has.Length.EqualTo(2));
            Assert.That(rest[0], Does.Contain($" {1000 - whole} log lines were dropped"));
            Assert.That(rest[1], Is.EqualTo("the last"));
        }
        finally
        {
            // Detached, for the file is still open.
            Shell.Run("umount", "-l", disk);
        }
    }

    /// <summary>Each has the file open for itself, as processes have.</summary>
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [Platform("Linux")]
    public void SeveralWritersLoseNoLineAndRotateOnce(int round)
    {
        const int Writers = 4;
        const int Lines = 2000;
        const int MaxSize = 4096;
        var threads = new List<Thread>();
        for (int writer = 0; writer < Writers; writer++)
        {
            string tag = $"{round}-{writer}";
            threads.Add(new Thread(() =>
            {
                var file = new LogFile(new RotatingFile(Log, MaxSize, count: 1000));
                for (int i = 0; i < Lines; i++) Write(file, LogWriter.LineOf(tag, i));
            }));
        }
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        LogWriter.Check(_folder, Enumerable.Range(0, Writers).Select(writer => $"{round}-{writer}"), Lines, MaxSize);
    }

    private static void Write(LogFile file, params string[] lines)
    {
        foreach (string line in lines) file.Write(line, isError: false);
    }

    /// <summary>What the log holds, and the renamed ones, the newest first.</summary>
    private string[] Contents() =>
        [.. Directory.GetFiles(_folder.Path).OrderBy(path => path.Length).ThenBy(path => path, StringComparer.Ordinal)
            .Select(path => Encoding.UTF8.GetString(File.ReadAllBytes(path)))];
}
