using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Hosting;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>What is refused names what to write instead, in words that can be copied.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class RefusalTests(Type loopType)
{
    [TestCase("websocket")]
    [TestCase("ws")]
    [TestCase("wss")]
    [TestCase("text")]
    [TestCase("frame")]
    public void WorkerOfRequestsNamesTheWorkerOfTheScheme(string scheme) => Assert.That(
        () => _ = new Worker($"{scheme}://127.0.0.1:0"), Throws.ArgumentException
            .With.Message.Contains($"Cure: new Worker<string>(\"{scheme}://…\")").And.Message.Contains("http://"));

    [Test]
    public void WorkerWithoutAProtocolNamesTheTypesThatNeedNone()
    {
        var worker = new Worker("tcp://127.0.0.1:0") { OnMessage = (_, _) => { } };
        Assert.That(Refusal(worker), Does.Contain("not Workerman.Protocols.Http.Request; set Protocol")
            .And.Contain("Cure: new Worker<string>(\"tcp://…\")"));
    }

    [Test]
    public void OtherTypesAreToldToo()
    {
        Assert.That(() => _ = new Worker<string>("http://127.0.0.1:0"),
            Throws.ArgumentException.With.Message.Contains("Cure: new Worker(\"http://…\")"));
        Assert.That(() => _ = new Worker<WebSocketMessage>("text://127.0.0.1:0"),
            Throws.ArgumentException.With.Message.Contains("Schemes that deliver it: websocket://, ws://"));
        Assert.That(() => _ = new Worker<Uri>("text://127.0.0.1:0"),
            Throws.ArgumentException.With.Message.Contains("use tcp:// with a Protocol of your own (IProtocol<Uri>)"));
        Assert.That(() => _ = new AsyncTcpConnection<Uri>("ws://127.0.0.1:1"), Throws.ArgumentException
            .With.Message.Contains("A client on ws://").And.Message.Contains("new AsyncTcpConnection<string>(\"ws://…\")"));
        Assert.That(() => _ = new AsyncTcpConnection<string>("udp://127.0.0.1:1"),
            Throws.ArgumentException.With.Message.Contains("new AsyncUdpConnection<string>("));
        Assert.That(() => _ = new Worker<string>("udp://127.0.0.1:1"),
            Throws.ArgumentException.With.Message.Contains("new UdpWorker<string>("));
    }

    [Test]
    public void UnknownSchemeNamesHowAProtocolOfOnesOwnIsSet()
    {
        var worker = new Worker<string>("myprotocol://127.0.0.1:0") { OnMessage = (_, _) => { } };
        Assert.That(Refusal(worker),
            Does.Contain("the scheme myprotocol is not known").And.Contain("use tcp:// and set Protocol"));
        Assert.That(() => _ = new UdpWorker<string>("myprotocol://127.0.0.1:0"),
            Throws.ArgumentException.With.Message.Contains("udp:// with Protocol"));
    }

    [Test]
    public void TransportsOfPhpNameWhatTheyAreHere()
    {
        var worker = new Worker<string>("text://127.0.0.1:0");
        Assert.That(() => worker.Transport = "udp", Throws.ArgumentException.With.Message.Contains("new UdpWorker<string>("));
        Assert.That(() => worker.Transport = "unix", Throws.ArgumentException.With.Message.Contains("unix:///path/to.sock"));
        Assert.That(() => worker.Transport = "tls", Throws.ArgumentException.With.Message.Contains("\"ssl\" for TLS"));
        Assert.That(() => new AsyncTcpConnection<string>("text://127.0.0.1:1").Transport = "udp",
            Throws.ArgumentException.With.Message.Contains("new AsyncUdpConnection<string>("));
    }

    [Test]
    public async Task PortOfAnotherWorkerOfTheProgramNamesReusePort()
    {
        await using TestServer server = TestServer.Http(loopType, (_, _) => { });
        string address = $"127.0.0.1:{server.EndPoint.Port}";
        var worker = new Worker<string>($"text://{address}") { OnMessage = (_, _) => { } };
        Assert.That(Refusal(worker), Does.Contain("in use by another worker of this program").And.Contain("Cure: Set ReusePort"));
        await using TestServer udp =
            TestServer.Start(loopType, new UdpWorker<string>($"udp://{address}") { OnMessage = (_, _) => { } });
        var another = new UdpWorker<string>($"udp://{address}") { OnMessage = (_, _) => { } };
        Assert.That(Refusal(another), Does.Contain("Cure: Set ReusePort"));
    }

    [Test]
    public void PortOfAnotherProgramDoesNot()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var worker = new Worker<string>($"text://{taken.LocalEndpoint}") { OnMessage = (_, _) => { } };
        Assert.That(Refusal(worker), Does.Contain("in use by another program").And.Not.Contain("ReusePort"));
    }

    private string Refusal(WorkerBase worker) => TestServer.Refusal(loopType, worker);
}
