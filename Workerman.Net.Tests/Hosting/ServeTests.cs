using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>The server that load tools are pointed at gives them what they measure.</summary>
[Platform("Linux,MacOSX")]
internal sealed class ServeTests
{
    private const string StreamRequest = "GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n";

    [Test]
    public void BroadcastIsOneStreamForAll()
    {
        using ServerProcess server = ServerProcess.Serve(["--port", "0", "--broadcast-ms", "20", "--loops", "2"]).WaitForStart();
        using var first = new RawClient(server.EndPoint);
        first.Send(StreamRequest).ReadUntil("event: message\n");
        using var second = new RawClient(server.EndPoint);
        second.Send(StreamRequest).ReadUntil("event: message\n");
        string id = second.ReadUntil("\n\n").Split('\n').First(line => line.StartsWith("id: ", StringComparison.Ordinal));
        // What one subscriber gets the other gets too, under the same id.
        Assert.That(first.ReadUntil(id + "\n"), Does.Contain("data: hello\n"));
    }

    [Test]
    public void ConnectionsAreToldByLoop()
    {
        using ServerProcess server = ServerProcess.Serve(["--port", "0", "--loops", "2"]).WaitForStart();
        RawClient[] clients = [.. Enumerable.Range(0, 10).Select(_ => new RawClient(server.EndPoint))];
        try
        {
            // The answer means that the connection is counted.
            foreach (RawClient client in clients)
                Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("Hello, World!"));
            string body = clients[0].Send("GET /loops HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n")
                .ReadResponse().Body;
            Assert.That(body, Does.Match(@"^\[\d+,\d+\]$"));
            Assert.That(body.Trim('[', ']').Split(',').Sum(int.Parse), Is.EqualTo(clients.Length));
        }
        finally
        {
            foreach (RawClient client in clients) client.Dispose();
        }
    }
}
