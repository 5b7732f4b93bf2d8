using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of Workerman's manual pages faq/how-to-create-udp-service, worker/construct and worker/transport (the UDP ones)
/// and async-udp-connection/construct, connect, send and close, in C#. Those four have one example; its second is a hundredth of
/// one here.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class UdpPageTests(Type loopType)
{
    [ManualPage("faq/how-to-create-udp-service.md", Different = "UDP is a class, UdpWorker")]
    [ManualPage("worker/construct.md", Different = "UDP is a class, UdpWorker")]
    [Test]
    public async Task UdpService()
    {
        var dumped = new TaskCompletionSource<string>();
        var udpWorker = new UdpWorker<string>("udp://127.0.0.1:0");
        udpWorker.OnMessage = (connection, data) =>
        {
            dumped.TrySetResult(data);
            connection.Send("get");
        };
        await using TestServer server = TestServer.Start(loopType, udpWorker);
        using var client = new UdpClientSocket(server.EndPoint);
        Assert.That(client.Send("hello").Receive(), Is.EqualTo("get"));
        Assert.That(Wait.For(dumped.Task), Is.EqualTo("hello"));
    }

    /// <summary>
    /// worker/transport: PHP sets <c>$worker->transport = 'udp'</c> for an address of text://; here the class says that it is
    /// UDP.
    /// </summary>
    [ManualPage("worker/transport.md", Different = "UDP is a class, UdpWorker")]
    [Test]
    public async Task TextOverUdp()
    {
        var worker = new UdpWorker<string>("text://127.0.0.1:0");
        worker.OnMessage = (connection, data) =>
        {
            connection.Send($"Hello {data}");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new UdpClientSocket(server.EndPoint);
        Assert.That(client.Send("world\r\n").Receive(), Is.EqualTo("Hello world\n"));
    }

    [ManualPage("async-udp-connection/construct.md", Different = "UDP is a class, UdpWorker")]
    [ManualPage("async-udp-connection/connect.md", Different = "UDP is a class, UdpWorker")]
    [ManualPage("async-udp-connection/send.md", Different = "UDP is a class, UdpWorker")]
    [ManualPage("async-udp-connection/close.md", Different = "UDP is a class, UdpWorker")]
    [Test]
    public async Task UdpClientInAWorker()
    {
        var received = new TaskCompletionSource<string>();
        var closed = new TaskCompletionSource();
        var worker = new UdpWorker<string>("udp://127.0.0.1:0");
        worker.OnWorkerStart = worker =>
        {
            // After a second, connect to the port and send "hi".
            Timer.Add(0.01, () =>
            {
                var udpConnection = new AsyncUdpConnection<string>($"udp://{worker.LocalEndPoint}");
                udpConnection.OnConnect = udpConnection =>
                {
                    udpConnection.Send("hi");
                };
                udpConnection.OnMessage = (udpConnection, data) =>
                {
                    // The server's answer, "hello".
                    received.TrySetResult($"recv {data} from {udpConnection.RemoteIp}:{udpConnection.RemotePort}");
                    udpConnection.Close();
                };
                udpConnection.OnClose = _ => closed.TrySetResult();
                udpConnection.Connect();
            }, persistent: false);
        };
        worker.OnMessage = (connection, data) =>
        {
            // What the client sent; the answer is "hello".
            connection.Send(data == "hi" ? "hello" : "what?");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(Wait.For(received.Task), Is.EqualTo($"recv hello from {server.EndPoint}"));
        Wait.For(closed.Task);
    }
}
