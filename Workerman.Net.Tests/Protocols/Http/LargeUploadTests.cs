using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// An upload of more bytes than an int counts, and than the server could hold if it tried. On one loop: which it is, what takes
/// the bytes does not know.
/// </summary>
// Alone: it measures the memory of the process.
[NonParallelizable]
internal sealed class LargeUploadTests
{
    private const long Size = (2L << 30) + (64L << 20);
    private const string Part = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n";

    /// <summary>
    /// Looked at after a collection each time: what the collector has not come round to yet is nobody's memory.
    /// </summary>
    [Test]
    public async Task MoreThanTwoGibibytesAreTakenWithLittleMemory()
    {
        using var folder = new TemporaryFolder();
        await using TestServer server =
            TestServer.Http(Loops.Available[0], (connection, request) => connection.Send($"{request.File("f")!.Size}"), worker =>
            {
                worker.Options.Http.UploadFolder = folder.Path;
                worker.OnConnect = connection => connection.MaxPackageSize = 3L << 30;
            });
        using RawClient client = server.Connect();
        byte[] piece = new byte[1 << 20];
        client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            + $"Content-Length: {Part.Length + Size + 7}\r\n\r\n{Part}");
        // What tests before this one have left of the heap goes back to the system, so that it does not come and go meanwhile.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        long before = HeldMemory();
        long most = 0;
        for (long sent = 0; sent < Size; sent += piece.Length)
        {
            client.Send(piece);
            if (sent % (Size / 8) == 0) most = Math.Max(most, HeldMemory());
        }
        client.Send("\r\n--b--");
        Assert.That(client.ReadResponse().Body, Is.EqualTo($"{Size}"));
        Assert.That(most - before, Is.LessThan(Size / 16));
        await Wait.Until(() => Directory.GetFiles(folder.Path).Length == 0, "the file vanishes with the answer");
    }

    /// <summary>
    /// Objects that are alive, and what the process has beside the collector's heap: the latter is known only at a collection,
    /// and between two of them would count new objects a second time.
    /// </summary>
    private static long HeldMemory()
    {
        long alive = GC.GetTotalMemory(forceFullCollection: true);
        return alive + Environment.WorkingSet - GC.GetGCMemoryInfo().TotalCommittedBytes;
    }
}
