using System.Net;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>The TCP proxy as a program of its own, between a real client and a real server.</summary>
internal sealed class TcpProxyTests
{
    private const int Sigterm = 15;

    [Test]
    public async Task CarriesBothWaysAndStops()
    {
        await using TestServer site =
            TestServer.Http(Loops.Available[0], (connection, request) => connection.Send($"{request.RawBody.Length} bytes"));
        using ServerProcess proxy = Start($"tcp://{site.EndPoint}", out IPEndPoint endPoint);
        using (var client = new HttpClient())
        {
            byte[] large = new byte[3 * 1024 * 1024];
            using HttpResponseMessage answer =
                await client.PostAsync(new Uri($"http://{endPoint}/"), new ByteArrayContent(large));
            Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo($"{large.Length} bytes"));
            // An open connection to the upstream does not keep it.
            proxy.Signal(Sigterm);
            Assert.That(proxy.WaitForExit(), Is.Zero);
        }
    }

    [Test]
    public void UpstreamThatIsNotThereClosesTheClient()
    {
        using ServerProcess proxy = Start($"tcp://127.0.0.1:{Peer.UnusedPort()}", out IPEndPoint endPoint);
        using var client = new RawClient(endPoint);
        Assert.That(client.Send("anybody?").ReadToEnd(), Is.Empty);
    }

    private static ServerProcess Start(string upstream, out IPEndPoint endPoint)
    {
        ServerProcess proxy = ServerProcess.Run("dotnet", Repository.ProgramOf(Path.Combine("samples", "TcpProxy"), "TcpProxy"),
            "tcp://127.0.0.1:0", upstream).WaitForStart();
        endPoint = proxy.EndPoint;
        return proxy;
    }
}
