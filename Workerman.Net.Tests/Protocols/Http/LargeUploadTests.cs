using System.Diagnostics;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// An upload of more bytes than an int counts, and than the server could hold if it tried. On one loop: which it is, what takes
/// the bytes does not know. In a process of its own, whose memory is measured.
/// </summary>
internal sealed class LargeUploadTests
{
    private const long Size = (2L << 30) + (64L << 20);
    private const string Part = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n";

    [Test]
    public async Task MoreThanTwoGibibytesAreTakenWithLittleMemory()
    {
        using var folder = new TemporaryFolder();
        using ServerProcess server = ScarceServer.Start(folder.Path).WaitForStart();
        using var process = Process.GetProcessById(server.Id);
        using var client = new RawClient(server.EndPoint);
        byte[] piece = new byte[1 << 20];
        client.Send("POST /size HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            + $"Content-Length: {Part.Length + Size + 7}\r\n\r\n{Part}");
        long before = process.WorkingSet64;
        for (long sent = 0; sent < Size; sent += piece.Length) client.Send(piece);
        client.Send("\r\n--b--");
        Assert.That(client.ReadResponse().Body, Is.EqualTo($"{Size}"));
        process.Refresh();
        Assert.That(process.PeakWorkingSet64 - before, Is.LessThan(Size / 16));
        await Wait.Until(() => Directory.GetFiles(folder.Path).Length == 0, "the file vanishes with the answer");
    }
}
