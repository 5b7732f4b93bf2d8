using System.Runtime.InteropServices;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Bytes in memory up to a threshold and in a file beyond it: the same bytes either way, and no file that is left.
/// </summary>
internal sealed class SpooledBytesTests
{
    private TemporaryFolder _folder = null!;

    private string[] Files => Directory.GetFiles(_folder.Path);

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void NothingIsEmptyAndNoFile([Values(0, 10)] int threshold)
    {
        using SpooledBytes spooled = Make(threshold);
        spooled.Append([]);
        spooled.Complete();
        Assert.That((spooled.Length, spooled.IsInMemory, spooled.ToMemory().Length, Files.Length), Is.EqualTo((0L, true, 0, 0)));
        using Stream stream = spooled.OpenRead();
        Assert.That(stream.ReadByte(), Is.EqualTo(-1));
    }

    [TestCase(0, 1)]
    [TestCase(1, 1)]
    [TestCase(1000, 1)]
    [TestCase(1000, 999)]
    [TestCase(1000, 1000)]
    public void ThresholdIsWhatStaysInMemory(int threshold, int piece)
    {
        byte[] bytes = Bytes(threshold + 1);
        using SpooledBytes spooled = Make(threshold);
        for (int start = 0; start < threshold; start += piece)
            spooled.Append(bytes.AsSpan(start, Math.Min(piece, threshold - start)));
        Assert.That((spooled.Length, spooled.IsInMemory, Files.Length), Is.EqualTo(((long)threshold, true, 0)),
            "exactly the threshold");
        spooled.Append(bytes.AsSpan(threshold));
        Assert.That((spooled.Length, spooled.IsInMemory, Files.Length), Is.EqualTo((threshold + 1L, false, 1)), "one beyond");
        spooled.Complete();
        AssertHolds(spooled, bytes);
    }

    [Test]
    public void FileGrowsWithEachPiece()
    {
        byte[] bytes = Bytes(5000);
        using SpooledBytes spooled = Make(threshold: 10);
        foreach (byte[] piece in bytes.Chunk(7)) spooled.Append(piece);
        spooled.Complete();
        Assert.That((spooled.Length, Files.Length), Is.EqualTo((5000L, 1)));
        AssertHolds(spooled, bytes);
    }

    /// <summary>Who announces a gigabyte has not sent one.</summary>
    [TestCase(1_000_000_000, 1, 256)]
    [TestCase(1_000_000_000, 257, 512)]
    [TestCase(300, 257, 300)]
    [TestCase(100, 1, 100)]
    [TestCase(-1, 257, 512)]
    [TestCase(100, 101, 256)]
    public void MemoryIsTakenForWhatHasComeAndForNoMoreThanIsExpected(int expected, int sent, int taken)
    {
        using var spooled = new SpooledBytes(int.MaxValue, expected, new HttpOptions { UploadFolder = _folder.Path });
        for (int i = 0; i < sent; i++) spooled.Append([1]);
        Assert.That(MemoryMarshal.TryGetArray(spooled.ToMemory(), out ArraySegment<byte> memory));
        Assert.That((memory.Count, memory.Array!.Length), Is.EqualTo((sent, taken)));
    }

    [Test]
    public void MovedFileStays([Values(0, 1000)] int threshold, [Values] bool overwrite)
    {
        byte[] bytes = Bytes(100);
        string path = _folder.PathOf("target");
        if (overwrite) File.WriteAllText(path, "before");
        using (SpooledBytes spooled = Make(threshold))
        {
            spooled.Append(bytes);
            spooled.Complete();
            spooled.MoveTo(path, overwrite);
        }
        Assert.That(Files, Is.EqualTo(new[] { path }));
        Assert.That(File.ReadAllBytes(path), Is.EqualTo(bytes));
    }

    [Test]
    public void MoveThatIsRefusedLosesNothing([Values(0, 1000)] int threshold)
    {
        byte[] bytes = Bytes(100);
        string path = _folder.Write("target", "before");
        using (SpooledBytes spooled = Make(threshold))
        {
            spooled.Append(bytes);
            spooled.Complete();
            Assert.Throws<IOException>(() => spooled.MoveTo(path, overwrite: false));
            AssertHolds(spooled, bytes);
        }
        Assert.That(Files.Select(File.ReadAllText), Is.EqualTo(new[] { "before" }));
    }

    [Test]
    public void FileOfWhatIsInMemoryIsMadeWhenItIsAskedFor()
    {
        byte[] bytes = Bytes(100);
        using SpooledBytes spooled = Make(threshold: 1000);
        spooled.Append(bytes);
        spooled.Complete();
        Assert.That(Files, Is.Empty);
        string path = spooled.ToFile();
        Assert.That((spooled.ToFile(), spooled.IsInMemory), Is.EqualTo((path, false)), "once");
        Assert.That(File.ReadAllBytes(path), Is.EqualTo(bytes));
        AssertHolds(spooled, bytes);
    }

    [Test]
    public void DisposedOfTheFileIsGone()
    {
        SpooledBytes spooled = Make(threshold: 0);
        spooled.Append([1]);
        spooled.Complete();
        spooled.Dispose();
        spooled.Dispose();
        Assert.That(Files, Is.Empty);
        Assert.Throws<InvalidOperationException>(() => spooled.ToMemory());
        Assert.Throws<InvalidOperationException>(() => spooled.OpenRead());
        Assert.Throws<InvalidOperationException>(() => spooled.ToFile());
        Assert.Throws<InvalidOperationException>(() => spooled.MoveTo(_folder.PathOf("target"), overwrite: false));
    }

    /// <summary>A body that breaks off.</summary>
    [Test]
    public void DisposedOfInTheMiddleTheFileIsGoneToo()
    {
        SpooledBytes spooled = Make(threshold: 0);
        spooled.Append([1]);
        Assert.That(Files, Has.Length.EqualTo(1));
        spooled.Dispose();
        Assert.That(Files, Is.Empty);
    }

    [Test]
    public void DisposedOfWhatWasInMemoryCanBeReadAndMakesNoFile()
    {
        SpooledBytes spooled = Make(threshold: 1);
        spooled.Append([7]);
        spooled.Complete();
        spooled.Dispose();
        Assert.That(spooled.ToMemory().ToArray(), Is.EqualTo(new byte[] { 7 }));
        Assert.Throws<InvalidOperationException>(() => spooled.ToFile());
        Assert.That(Files, Is.Empty);
    }

    private SpooledBytes Make(int threshold) =>
        new(threshold, -1, new HttpOptions { UploadFolder = _folder.Path }, new DiskBacklog(static work => work()));

    private static void AssertHolds(SpooledBytes spooled, byte[] bytes)
    {
        Assert.That(spooled.ToMemory().ToArray(), Is.EqualTo(bytes));
        using Stream stream = spooled.OpenRead();
        byte[] read = new byte[bytes.Length];
        stream.ReadExactly(read);
        Assert.That((read.SequenceEqual(bytes), stream.ReadByte()), Is.EqualTo((true, -1)));
    }

    private static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }
}
