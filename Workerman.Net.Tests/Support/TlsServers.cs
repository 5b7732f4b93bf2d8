using System.Net.Http;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Workerman.Connection;
using Workerman.Protocols.Http;

namespace Workerman.Tests.Support;

/// <summary>Workers with the certificate of <see cref="Certificates.Default"/>, and clients of .NET's that trust it.</summary>
internal static class TlsServers
{
    public static TestServer Https(Type loopType, Action<TcpConnection, Request>? onMessage, Action<Worker>? setUp = null)
    {
        var worker = new Worker("https://127.0.0.1:0") { Name = "test", OnMessage = onMessage };
        worker.Options.Tls.Certificate = Certificates.Default.Server;
        setUp?.Invoke(worker);
        return TestServer.Start(loopType, worker);
    }

    /// <summary>A worker without a protocol.</summary>
    public static TestServer Raw(Type loopType, Action<TcpConnection, ReadOnlyMemory<byte>> onMessage,
        Action<Worker<ReadOnlyMemory<byte>>>? setUp = null)
    {
        var worker =
            new Worker<ReadOnlyMemory<byte>>("tcp://127.0.0.1:0") { Name = "test", Transport = "ssl", OnMessage = onMessage };
        worker.Options.Tls.Certificate = Certificates.Default.Server;
        setUp?.Invoke(worker);
        return TestServer.Start(loopType, worker);
    }

    public static Uri UriOf(TestServer server) => new($"https://localhost:{server.EndPoint.Port}/");

    public static HttpClient Http(SslProtocols version = SslProtocols.None)
    {
        var handler = new SocketsHttpHandler { SslOptions = TlsClient.Options(version) };
        // The name is in the certificate, but need not be in the system's list of hosts.
        handler.ConnectCallback = async (context, stop) =>
        {
            var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp)
            {
                NoDelay = true
            };
            await socket.ConnectAsync(System.Net.IPAddress.Loopback, context.DnsEndPoint.Port, stop);
            return new System.Net.Sockets.NetworkStream(socket, ownsSocket: true);
        };
        return new HttpClient(handler) { Timeout = Wait.Limit };
    }
}
