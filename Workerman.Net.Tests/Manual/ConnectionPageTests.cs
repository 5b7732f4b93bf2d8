using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of Workerman's manual about what connections tell, and their callbacks: the folder tcp-connection, and the
/// on-… pages of worker, in C#. The rest of them is in <see cref="WebSocketPageTests"/>.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ConnectionPageTests(Type loopType)
{
    /// <summary>on-connect, get-remote-ip, get-remote-port and id: who it is.</summary>
    [ManualPage("worker/on-connect.md")]
    [ManualPage("tcp-connection/get-remote-ip.md", Different = "it is a property, RemoteIp")]
    [ManualPage("tcp-connection/get-remote-port.md", Different = "it is a property, RemotePort")]
    [ManualPage("tcp-connection/id.md", Different = "an id is unique in the process, whatever the loop, and is not assigned")]
    [Test]
    public async Task NewConnectionTellsWhoItIs()
    {
        using var output = new EventQueue();
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        worker.OnConnect = connection =>
        {
            output.Add($"new connection from ip {connection.RemoteIp}");
            output.Add($"new connection from address {connection.RemoteIp}:{connection.RemotePort}");
            output.Add($"{connection.Id}");
        };
        await using TestServer server = Start(worker);
        using var client = new FrameClient(server.EndPoint);
        Assert.That(output.Next(), Is.EqualTo("new connection from ip 127.0.0.1"));
        Assert.That(output.Next(), Is.EqualTo($"new connection from address {client.Client.Socket.LocalEndPoint}"));
        long first = long.Parse(output.Next(), null);
        using var other = new FrameClient(server.EndPoint);
        Assert.That((output.Next(), output.Next()), Is.Not.EqualTo(("", "")));
        Assert.That(long.Parse(output.Next(), null), Is.GreaterThan(first));
    }

    /// <summary>on-message of a worker and of a connection, and send.</summary>
    [ManualPage("worker/on-message.md")]
    [ManualPage("tcp-connection/on-message.md")]
    [ManualPage("tcp-connection/send.md",
        Different = "Send says Sent, Queued or Dropped; raw data has a method of its own, SendRaw")]
    [Test]
    public async Task OnMessageOfAWorkerOrOfAConnection([Values] bool ofTheWorker)
    {
        using var dumped = new EventQueue();
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        if (ofTheWorker) worker.OnMessage = OnMessage;
        else worker.OnConnect = connection => connection.OnMessage = OnMessage;
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new FrameClient(server.EndPoint);
        Assert.That(client.Send(FrameClient.TextFrame("tom")).ReadText(), Is.EqualTo("receive success"));
        Assert.That((dumped.Next(), dumped.Next()), Is.EqualTo(("tom", "Sent")));

        void OnMessage(TcpConnection connection, string data)
        {
            dumped.Add(data);
            dumped.Add($"{connection.Send("receive success")}");
        }
    }

    /// <summary>
    /// on-buffer-full and on-buffer-drain of a worker and of a connection: who sends more than the peer reads is told, and told
    /// when it may go on; on-error: what finds no room then is dropped, and told too.
    /// </summary>
    [ManualPage("worker/on-buffer-full.md")]
    [ManualPage("worker/on-buffer-drain.md")]
    [ManualPage("worker/on-error.md")]
    [ManualPage("tcp-connection/on-buffer-full.md")]
    [ManualPage("tcp-connection/on-buffer-drain.md")]
    [ManualPage("tcp-connection/on-error.md")]
    [Test]
    public async Task SlowReaderFillsTheBufferAndDrainsIt([Values] bool ofTheWorker)
    {
        const int Size = 64 * 1024;
        using var output = new EventQueue();
        string large = new('x', Size);
        int sent = 0;
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        if (ofTheWorker)
        {
            worker.OnBufferFull = BufferFull;
            worker.OnBufferDrain = BufferDrain;
            worker.OnError = Error;
        }
        worker.OnConnect = connection =>
        {
            connection.MaxSendBufferSize = 102400;
            if (ofTheWorker) return;
            connection.OnBufferFull = BufferFull;
            connection.OnBufferDrain = BufferDrain;
            connection.OnError = Error;
        };
        worker.OnMessage = (connection, _) =>
        {
            // It does not stop when it is told that the buffer is full: then the rest is dropped.
            while (connection.Send(large) != SendResult.Dropped) sent++;
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new FrameClient(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send(FrameClient.TextFrame("go"));
        Assert.That(output.Next(), Is.EqualTo("bufferFull and do not send again"));
        Assert.That(output.Next(), Does.StartWith("error SendFail "));
        await Wait.Until(() => output.Count == 0, "the end of the callback");
        // The loop has left the callback when it has answered another.
        using (var other = new FrameClient(server.EndPoint))
        {
        }
        for (int i = 0; i < sent; i++) Assert.That(client.ReadText(), Has.Length.EqualTo(Size));
        Assert.That(output.Next(), Is.EqualTo("buffer drain and continue send"));

        void BufferFull(TcpConnection connection) => output.Add("bufferFull and do not send again");

        void BufferDrain(TcpConnection connection) => output.Add("buffer drain and continue send");

        void Error(TcpConnection connection, ConnectionError code, string msg) => output.Add($"error {code} {msg}");
    }

    /// <summary>destroy: at once, without a close frame.</summary>
    [ManualPage("tcp-connection/destroy.md", Different = "OnClose follows at the end of the loop's turn")]
    [Test]
    public async Task DestroyIfSomethingIsWrong()
    {
        using var output = new EventQueue();
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        worker.OnMessage = (connection, _) =>
        {
            // If something is wrong.
            connection.Destroy();
            output.Add($"{connection.Status}");
        };
        worker.OnClose = _ => output.Add("close");
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new FrameClient(server.EndPoint);
        client.Send(FrameClient.TextFrame("anything"));
        Assert.That(client.Client.ReadToEnd(), Is.Empty);
        Assert.That((output.Next(), output.Next()), Is.EqualTo(("Closed", "close")));
    }

    /// <summary>default-max-package-size: what is larger closes its connection.</summary>
    // Alone: the default is the process's.
    [ManualPage("tcp-connection/default-max-package-size.md")]
    [Test]
    [NonParallelizable]
    public async Task PackageThatIsTooLargeClosesItsConnection()
    {
        var usual = TcpConnection.DefaultMaxPackageSize;
        TcpConnection.DefaultMaxPackageSize = 1024;
        try
        {
            var worker = new Worker<string>("websocket://127.0.0.1:0");
            worker.OnMessage = (connection, _) => connection.Send("hello");
            await using TestServer server = TestServer.Start(loopType, worker);
            using var client = new FrameClient(server.EndPoint);
            Assert.That(client.Send(FrameClient.TextFrame(new string('x', 1000))).ReadText(), Is.EqualTo("hello"));
            client.Send(FrameClient.TextFrame(new string('x', 1025)));
            Assert.That(client.ReadClose().Code, Is.EqualTo(1009));
        }
        finally
        {
            TcpConnection.DefaultMaxPackageSize = usual;
        }
    }

    private TestServer Start<T>(Worker<T> worker)
    {
        worker.OnMessage ??= (_, _) => { };
        return TestServer.Start(loopType, worker);
    }
}
