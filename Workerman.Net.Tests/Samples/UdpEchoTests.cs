using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>The UDP echo, as a program of its own.</summary>
internal sealed class UdpEchoTests
{
    private const int Sigint = 2;

    [Test]
    public void EveryDatagramComesBackAndTheServerStopsInOrder()
    {
        using ServerProcess server = ServerProcess.Run("dotnet",
            Repository.ProgramOf(Path.Combine("samples", "UdpEcho"), "UdpEcho"), "udp://127.0.0.1:0").WaitForStart();
        using var client = new UdpClientSocket(server.EndPoint);
        byte[] largest = new byte[65_507];
        new Random(7).NextBytes(largest);
        foreach (byte[] datagram in new[] { "hello"u8.ToArray(), [], largest })
            Assert.That(client.Send(datagram).ReceiveBytes(), Is.EqualTo(datagram));
        if (OperatingSystem.IsWindows()) return;
        server.Signal(Sigint);
        Assert.That(server.WaitForExit(), Is.Zero);
    }
}
