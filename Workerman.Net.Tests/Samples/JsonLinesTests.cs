using System.Net.Sockets;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>The chat in lines of JSON, as a program of its own.</summary>
internal sealed class JsonLinesTests
{
    private const int Sigint = 2;

    [Test]
    public void LinesOfJsonGoToEverybodyAndWhatIsNoneClosesItsConnectionAlone()
    {
        using ServerProcess server = Start("tcp://127.0.0.1:0");
        using var one = new RawClient(server.EndPoint);
        string welcome = one.ReadUntil("\n");
        Assert.That(welcome, Does.Match("^{\"welcome\":\\d+}\n$"));
        using var two = new RawClient(server.EndPoint);
        two.ReadUntil("\n");
        string id = welcome[11..^2];
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            one.Send("{\"say\": \"hello\"}\n", fragmentation);
            foreach (RawClient client in new[] { one, two })
                Assert.That(client.ReadUntil("\n"), Is.EqualTo($"{{\"from\":{id},\"said\":\"hello\"}}\n"), $"{fragmentation}");
        }
        Assert.That(two.Send("[1]\n").ReadUntil("\n"), Does.StartWith("{\"error\":"));
        foreach (string evil in new[] { "not JSON\n", "{} {}\n", "null\n", "\n" })
        {
            using var client = new RawClient(server.EndPoint);
            client.ReadUntil("\n");
            Assert.That(client.Send(evil).ReadToEnd(), Is.Empty, evil);
        }
        Assert.That(one.Send("{\"say\":{\"any\":[1,2]}}\n").ReadUntil("\n"),
            Is.EqualTo($"{{\"from\":{id},\"said\":{{\"any\":[1,2]}}}}\n"));
        if (OperatingSystem.IsWindows()) return;
        server.Signal(Sigint);
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(server.Output, Does.Contain("null is no message").And.Contain("invalid JSON literal"));
    }

    [Test]
    public void SpeaksOnAUnixSocketToo()
    {
        if (!Socket.OSSupportsUnixDomainSockets) Assert.Ignore("this system has no Unix sockets");
        using var folder = new TemporaryFolder();
        string path = folder.PathOf("chat.sock");
        using ServerProcess server = Start($"unix://{path}");
        Assert.That(server.Output, Does.Match($"unix +\\S+ +json lines +unix://{path} +1 +\\[OK\\]"), "the banner");
        using (var client = new RawClient(new UnixDomainSocketEndPoint(path)))
        {
            client.ReadUntil("\n");
            Assert.That(client.Send("{\"say\":1}\n").ReadUntil("\n"), Does.EndWith(",\"said\":1}\n"));
        }
        if (OperatingSystem.IsWindows()) return;
        server.Signal(Sigint);
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(File.Exists(path), Is.False);
    }

    private static ServerProcess Start(string address) =>
        ServerProcess.Run("dotnet", Repository.ProgramOf(Path.Combine("samples", "JsonLines"), "JsonLines"), address)
            .WaitForStart();
}
