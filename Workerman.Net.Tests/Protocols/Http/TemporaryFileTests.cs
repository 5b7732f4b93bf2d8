using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Files;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>What becomes of temporary files: moved to where they stay, or left behind by a process that was killed.</summary>
internal sealed partial class TemporaryFileTests
{
    private const int Sigkill = 9;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    [Test]
    [Platform("Linux")]
    [SupportedOSPlatform("linux")]
    public void MovedFileHasTheModeOfANewOne([Values("", "/dev/shm")] string otherFileSystem, [Values] bool overwrite)
    {
        using var folder = new TemporaryFolder();
        string target = otherFileSystem.Length == 0
            ? folder.Path
            : Directory.CreateDirectory(Path.Combine(otherFileSystem, Path.GetFileName(folder.Path))).FullName;
        try
        {
            string usual = folder.Write("usual", "");
            string moved = Path.Combine(target, "moved");
            if (overwrite) File.WriteAllText(moved, "before");
            using var file = new TemporaryFile(folder.Path);
            file.Write("content"u8);
            file.Complete();
            Assert.That(File.GetUnixFileMode(file.Path), Is.EqualTo(OwnerOnly), "nobody else's before it is moved");
            if (overwrite) Assert.Throws<IOException>(() => file.MoveTo(moved, overwrite: false));
            file.MoveTo(moved, overwrite);
            Assert.That((File.ReadAllText(moved), File.GetUnixFileMode(moved)),
                Is.EqualTo(("content", File.GetUnixFileMode(usual))));
            Assert.That(Directory.GetFiles(folder.Path),
                Is.EquivalentTo(target == folder.Path ? [usual, moved] : new[] { usual }));
        }
        finally
        {
            if (target != folder.Path) Directory.Delete(target, recursive: true);
        }
    }

    /// <summary>Whoever holds a file by its lock does not keep the application from opening its own upload in any way.</summary>
    [Test]
    public void FileInUseMayBeOpenedByItsPath([Values(FileShare.None, FileShare.Read)] FileShare share)
    {
        using var folder = new TemporaryFolder();
        using var file = new TemporaryFile(folder.Path);
        file.Write("content"u8);
        file.Complete();
        using (var reader = new StreamReader(new FileStream(file.Path, FileMode.Open, FileAccess.Read, share)))
            Assert.That(reader.ReadToEnd(), Is.EqualTo("content"));
        using (var writer = new FileStream(file.Path, FileMode.Append, FileAccess.Write, share)) writer.Write("!"u8);
        using (var reader = new StreamReader(file.OpenRead())) Assert.That(reader.ReadToEnd(), Is.EqualTo("content!"));
    }

    /// <summary>
    /// One server was killed in the middle of an upload, another one lives and is in the middle of one; a third starts.
    /// </summary>
    [Test]
    [Platform("Linux")]
    public async Task StartRemovesWhatAKilledProcessHasLeftAndNothingElse()
    {
        using var folder = new TemporaryFolder();
        using ServerProcess killed = Start(folder);
        using RawClient first = Upload(killed);
        string left = (await FileOf(folder, []))!;
        using ServerProcess living = Start(folder);
        using RawClient second = Upload(living);
        string used = (await FileOf(folder, [left]))!;
        killed.Signal(Sigkill);
        killed.WaitForExit();
        Assert.That(File.Exists(left), "nobody has removed it yet");

        string id = new('0', 32);
        string victim = folder.Write("victim", "");
        string[] others =
        [
            victim,
            used,
            folder.Write($"workerman.upload.{id}.txt", ""),
            folder.Write("workerman.upload.0", ""),
            File.CreateSymbolicLink(folder.PathOf($"workerman.upload.{id}"), victim).FullName,
        ];
        using ServerProcess next = Start(folder);
        await Wait.Until(() => !File.Exists(left), "the file of the killed process vanishes");
        // The runtime has files of its own there.
        Assert.That(Directory.GetFiles(folder.Path), Is.SupersetOf(others));
        second.Socket.Close();
        await Wait.Until(() => !File.Exists(used), "the other server removes its own");
    }

    [Test]
    [Platform("Linux")]
    public void SweepTakesOnlyFilesThatNobodyHolds()
    {
        using var folder = new TemporaryFolder();
        using (var held = new TemporaryFile(folder.Path))
        {
            string left = folder.Write(AbandonedFiles.NewName(), "left");
            string pipe = folder.PathOf(AbandonedFiles.NewName());
            Assert.That(mkfifo(pipe, 0x180), Is.Zero);
            Directory.CreateDirectory(folder.PathOf(AbandonedFiles.NewName()));
            AbandonedFiles.Sweep(folder.Path);
            Assert.That(Directory.GetFiles(folder.Path), Is.EquivalentTo(new[] { held.Path, pipe }), left);
            File.Delete(pipe);
        }
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
        AbandonedFiles.Sweep(folder.PathOf("no such folder"));
    }

    private static ServerProcess Start(TemporaryFolder folder) =>
        ServerProcess.Serve(["--address", "http://127.0.0.1:0"], "env", $"TMPDIR={folder.Path}").WaitForStart();

    /// <summary>More than is kept in memory, and not all of it.</summary>
    private static RawClient Upload(ServerProcess server)
    {
        var client = new RawClient(server.EndPoint);
        client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n").Send(new byte[2_000_000]);
        return client;
    }

    private static async Task<string?> FileOf(TemporaryFolder folder, string[] others)
    {
        string? file = null;
        await Wait.Until(() => (file = Directory.GetFiles(folder.Path, "workerman.upload.*").Except(others)
            .SingleOrDefault()) is not null, "the body goes to a file");
        return file;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkfifo(string path, uint mode);
}
