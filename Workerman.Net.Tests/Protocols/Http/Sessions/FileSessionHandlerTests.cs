using System.Text;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;
using Workerman.Protocols.Http.Sessions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http.Sessions;

/// <summary>
/// Files that nobody else may read, folders that nobody else may fill, ids that never leave them; and the bounds of the others.
/// </summary>
internal sealed class FileSessionHandlerTests
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    private string _folder = null!;

    private static string[] BadIds => ["", "a", "../../../../../../../etc/passwd0000", "..", ".", "/etc/passwd", new('a', 31),
        new('a', 33), new('A', 32), new string('a', 31) + "/", new string('a', 31) + "\n", new string('a', 31) + "\u00e9"];

    [SetUp]
    public void SetUp() => _folder = Path.Combine(Path.GetTempPath(), "workerman-test-" + Guid.NewGuid().ToString("N"));

    [TearDown]
    public void TearDown()
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    [Test]
    [Platform(Exclude = "Win")]
    public void FolderAndFilesAreTheOwnersAlone()
    {
        var handler = new FileSessionHandler(Path.Combine(_folder, "deeper"));
        Assert.That(Directory.Exists(_folder), Is.False, "made when it is needed");
        string id = SessionIds.Create();
        handler.Write(id, "x"u8.ToArray(), Lifetime);
        handler.Write(id, "y"u8.ToArray(), Lifetime);
        string file = Directory.GetFiles(handler.Folder).Single();
        Assert.That(Path.GetFileName(file), Is.EqualTo("session_" + id));
        if (OperatingSystem.IsWindows()) return;
        Assert.That(File.GetUnixFileMode(file), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(File.GetUnixFileMode(handler.Folder),
            Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute));
    }

    [TestCaseSource(nameof(BadIds))]
    public void AnIdThatIsNoneNeverBecomesAPathOrAKey(string id)
    {
        ISessionHandler[] handlers = [
            new FileSessionHandler(_folder),
            new DistributedCacheSessionHandler(new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions()))),
        ];
        foreach (ISessionHandler handler in handlers)
        {
            Assert.That(() => handler.Read(id, Lifetime), Throws.ArgumentException);
            Assert.That(() => handler.Write(id, [], Lifetime), Throws.ArgumentException);
            Assert.That(() => handler.Destroy(id), Throws.ArgumentException);
            Assert.That(() => handler.UpdateTimestamp(id, Lifetime), Throws.ArgumentException);
            Assert.That(() => handler.Update(id, _ => [], Lifetime), Throws.ArgumentException);
        }
        Assert.That(Directory.Exists(_folder), Is.False);
    }

    [Test]
    public void SweepingRemovesLeftoversAndLeavesFilesOfOthers()
    {
        var handler = new FileSessionHandler(_folder);
        handler.Write(SessionIds.Create(), "x"u8.ToArray(), Lifetime);
        string[] ours = ["session_new_" + SessionIds.Create(), "session_" + SessionIds.Create()];
        string[] others = ["session_notes.txt", "notes.txt", "session_"];
        foreach (string name in ours.Concat(others)) File.WriteAllText(Path.Combine(_folder, name), "");
        foreach (string file in Directory.GetFiles(_folder))
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow - Lifetime - TimeSpan.FromMinutes(2));
        handler.Gc(Lifetime);
        Assert.That(Directory.GetFiles(_folder).Select(Path.GetFileName), Is.EquivalentTo(others));
    }

    [Test]
    public void AFolderThatWasTidiedAwayIsMadeAgain()
    {
        var handler = new FileSessionHandler(_folder);
        string id = SessionIds.Create();
        handler.Write(id, "x"u8.ToArray(), Lifetime);
        Directory.Delete(_folder, recursive: true);
        Assert.That(handler.Read(id, Lifetime), Is.Null);
        Assert.That(() => handler.Gc(Lifetime), Throws.Nothing);
        handler.Write(id, "y"u8.ToArray(), Lifetime);
        Assert.That(handler.Read(id, Lifetime), Is.EqualTo("y"u8.ToArray()));
    }

    [Test]
    public void AFailedWriteLeavesTheOldDataAndNoLitter()
    {
        var handler = new FileSessionHandler(_folder);
        string id = SessionIds.Create();
        // A folder in the file's place is what no rename replaces, for root neither.
        Directory.CreateDirectory(Path.Combine(_folder, "session_" + id, "full"));
        Assert.That(() => handler.Write(id, "x"u8.ToArray(), Lifetime),
            Throws.InstanceOf<IOException>().Or.InstanceOf<UnauthorizedAccessException>());
        Assert.That(Directory.GetFiles(_folder), Is.Empty);
    }

    /// <summary>
    /// A process that was stopped while it saved: what reads goes on, what saves fails in a bounded time, and sweeping passes by.
    /// </summary>
    [Test]
    [Platform("Linux")]
    public async Task AFileThatSomebodyHoldsIsReadAndNotWaitedForWithoutEnd()
    {
        var handler = new FileSessionHandler(_folder);
        string id = SessionIds.Create();
        handler.Write(id, "x"u8.ToArray(), Lifetime);
        string file = Path.Combine(_folder, "session_" + id);
        using (ServerProcess holder = ServerProcess.Run("flock", "--exclusive", file, "sh", "-c", "echo held; exec sleep 60"))
        {
            await Wait.Until(() => holder.Output.Contains("held", StringComparison.Ordinal), "the lock of another process");
            Assert.That(handler.Read(id, Lifetime), Is.EqualTo("x"u8.ToArray()));
            Assert.That(() => handler.Write(id, "y"u8.ToArray(), Lifetime),
                Throws.InstanceOf<IOException>().With.Message.Not.Contain(id));
            Assert.That(() => handler.Destroy(id), Throws.InstanceOf<IOException>());
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow - Lifetime - TimeSpan.FromMinutes(2));
            handler.Gc(Lifetime);
            Assert.That(File.Exists(file));
        }
        handler.Write(id, "y"u8.ToArray(), Lifetime);
        Assert.That(handler.Read(id, Lifetime), Is.EqualTo("y"u8.ToArray()), "who is gone holds nothing");
        Assert.That(Directory.GetFiles(_folder), Is.EqualTo(new[] { file }));
    }

    [Test]
    public void DefaultFolderIsThisUsersAndThisPrograms()
    {
        string folder = new FileSessionHandler().Folder;
        Assert.That(Path.GetDirectoryName(folder), Is.EqualTo(Path.TrimEndingDirectorySeparator(Path.GetTempPath())));
        Assert.That(Path.GetFileName(folder),
            Does.Contain(Environment.UserName).And.Contain(AppDomain.CurrentDomain.FriendlyName));
        // In containers users have numbers, and names only sometimes.
        Assert.That(SessionFolder.Default("", 4711),
            Does.EndWith($"workerman-sessions-4711-{AppDomain.CurrentDomain.FriendlyName}"));
        Assert.That(SessionFolder.Default("tom/dick", 4711), Does.Contain("-tom_dick-"));
        Assert.That(() => new FileSessionHandler(" "), Throws.ArgumentException);
        Assert.That(new FileSessionHandler("relative").Folder, Is.EqualTo(Path.GetFullPath("relative")));
    }

    [Test]
    [Platform(Exclude = "Win")]
    public void ADefaultFolderThatOthersCanFillIsRefused()
    {
        if (OperatingSystem.IsWindows()) return;
        string target = _folder + "-target";
        Directory.CreateDirectory(_folder,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead);
        Assert.That(Secured, Throws.InstanceOf<IOException>().With.Message.Contains("FileSessionHandler("));
        File.SetUnixFileMode(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.That(Secured, Throws.Nothing);
        Directory.Move(_folder, target);
        Directory.CreateSymbolicLink(_folder, target);
        try
        {
            Assert.That(Secured, Throws.InstanceOf<IOException>());
        }
        finally
        {
            File.Delete(_folder);
            Directory.Delete(target);
        }
    }

    private void Secured()
    {
        if (!OperatingSystem.IsWindows()) SessionFolder.Secure(_folder);
    }

    [Test]
    [Platform("Linux")]
    public void TellsWhoseAFileIs()
    {
        Directory.CreateDirectory(_folder);
        Assert.That(FileOwner.IsCaller(_folder), Is.True);
        Assert.That(FileOwner.IsCaller("/proc/1"), Environment.UserName == "root" ? Is.True : Is.False);
        Assert.That(FileOwner.IsCaller(Path.Combine(_folder, "none")), Is.Null);
    }

    [Test]
    public void MemoryHoldsSoManyAndNoMore()
    {
        var handler = new MemorySessionHandler(3);
        string[] ids = [.. Enumerable.Range(0, 4).Select(_ => SessionIds.Create())];
        foreach (string id in ids[..3]) handler.Write(id, Encoding.UTF8.GetBytes(id), Lifetime);
        handler.Write(ids[0], "again"u8.ToArray(), Lifetime);
        Assert.That(handler.UpdateTimestamp(ids[1], Lifetime));
        handler.Write(ids[3], "new"u8.ToArray(), Lifetime);
        Assert.That(ids.Select(id => handler.Read(id, Lifetime) is not null), Is.EqualTo(new[] { true, true, false, true }));
        Assert.That((handler.Count, handler.MaxSessions), Is.EqualTo((3, 3)));
        Assert.That(() => new MemorySessionHandler(0), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void KeysOfTheCacheBeginAsTold()
    {
        var cache = new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions()));
        string id = SessionIds.Create();
        new DistributedCacheSessionHandler(cache).Write(id, "a"u8.ToArray(), Lifetime);
        new DistributedCacheSessionHandler(cache, "app:").Write(id, "b"u8.ToArray(), Lifetime);
        Assert.That((cache.GetString("session_" + id), cache.GetString("app:" + id)), Is.EqualTo(("a", "b")));
        Assert.That(() => new DistributedCacheSessionHandler(null!), Throws.ArgumentNullException);
    }
}
