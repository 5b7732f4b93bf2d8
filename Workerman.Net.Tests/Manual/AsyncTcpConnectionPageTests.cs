using System.Text;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of Workerman's manual pages async-tcp-connection (construct, connect, reconnect, transport) and
/// tcp-connection/pipe in C#, with local servers in the places of those out on the internet. Those with ws:// are in
/// <see cref="WebSocketClientPageTests"/>.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class AsyncTcpConnectionPageTests(Type loopType)
{
    /// <summary>construct, example 1: asynchronously access an external HTTP service.</summary>
    [ManualPage("async-tcp-connection/construct.md")]
    [Test]
    public async Task AccessAnHttpService()
    {
        using var output = new EventQueue();
        await using TestServer site =
            TestServer.Http(loopType, (connection, request) => connection.Send($"this is {request.Host}"));
        await using TestServer task = TestServer.Raw(loopType, (_, _) => { }, worker => worker.OnWorkerStart = _ =>
        {
            var connection = new AsyncTcpConnection<ReadOnlyMemory<byte>>($"tcp://localhost:{site.EndPoint.Port}");
            connection.OnConnect = connection =>
            {
                output.Add("connect success");
                connection.Send("GET / HTTP/1.1\r\nHost: www.example.test\r\nConnection: keep-alive\r\n\r\n");
            };
            connection.OnMessage = (_, buffer) => output.Add(Encoding.UTF8.GetString(buffer.Span));
            connection.OnClose = _ => output.Add("connection closed");
            connection.OnError = (_, code, message) => output.Add($"Error code:{code} msg:{message}");
            connection.Connect();
        });
        Assert.That(output.Next(), Is.EqualTo("connect success"));
        Assert.That(output.Next(), Does.StartWith("HTTP/1.1 200 OK\r\n").And.EndWith("\r\n\r\nthis is www.example.test"));
        site.Main.Stop();
        Assert.That(output.Next(), Is.EqualTo("connection closed"));
    }

    /// <summary>connect: a proxy for MySQL.</summary>
    [ManualPage("async-tcp-connection/connect.md")]
    [Test]
    public async Task Proxy()
    {
        using var mysql = new Peer();
        var proxy = new Worker<ReadOnlyMemory<byte>>("tcp://127.0.0.1:0");
        proxy.OnConnect = connection =>
        {
            // Asynchronously establish a connection to the actual server.
            var connectionToMysql = new AsyncTcpConnection<ReadOnlyMemory<byte>>(mysql.Address)
            {
                OnMessage = (_, buffer) => connection.Send(buffer),
                OnClose = _ => connection.Close(),
                OnError = (_, _, _) => connection.Close(),
            };
            connectionToMysql.Connect();
            connection.OnMessage = (_, buffer) => connectionToMysql.Send(buffer);
            connection.OnClose = _ => connectionToMysql.Close();
            connection.OnError = (_, _, _) => connectionToMysql.Close();
        };
        await using TestServer server = TestServer.Start(loopType, proxy);
        using RawClient client = server.Connect();
        client.Send("login");
        using RawClient real = mysql.Accept();
        Assert.That(real.ReadExactly(5), Is.EqualTo("login"));
        real.Send("Welcome to the monitor.");
        Assert.That(client.ReadExactly(23), Is.EqualTo("Welcome to the monitor."));
        client.Dispose();
        Assert.That(real.ReadToEnd(), Is.Empty);
    }

    /// <summary>
    /// connect, the note: OnError belongs before Connect. Here it may also come right after, because nothing is told before
    /// Connect has returned.
    /// </summary>
    [ManualPage("async-tcp-connection/connect.md",
        Different = "OnError may also be set after Connect: nothing is told before that has returned")]
    [Test]
    public void OnErrorIsSetAfterConnect()
    {
        using var output = new EventQueue();
        using var loop = new LoopRunner(loopType);
        loop.Do(() =>
        {
            var connection = new AsyncTcpConnection<ReadOnlyMemory<byte>>($"tcp://127.0.0.1:{Peer.UnusedPort()}");
            connection.Connect();
            connection.OnError = (_, code, message) => output.Add($"{(int)code}, {message}");
        });
        Assert.That(output.Next(), Does.StartWith("1, connect tcp://127.0.0.1:"));
    }

    /// <summary>
    /// reconnect, both examples, on tcp://: after the connection is dropped, and with a greeting for the first time alone.
    /// </summary>
    [ManualPage("async-tcp-connection/reconnect.md")]
    [Test]
    public void ReconnectAfterTheConnectionIsDropped([Values] bool greetOnce)
    {
        using var peer = new Peer();
        using var output = new EventQueue();
        using var loop = new LoopRunner(loopType);
        loop.Do(() =>
        {
            bool isFirstConnect = true;
            var con = new AsyncTcpConnection<ReadOnlyMemory<byte>>(peer.Address);
            con.OnConnect = con =>
            {
                if (greetOnce && !isFirstConnect) return;
                isFirstConnect = false;
                con.Send("hello");
            };
            con.OnMessage = (_, message) => output.Add($"recv {Encoding.UTF8.GetString(message.Span)}");
            // The page waits for a second.
            con.OnClose = con => con.Reconnect(0.05);
            con.Connect();
        });
        using (RawClient first = peer.Accept())
        {
            Assert.That(first.ReadExactly(5), Is.EqualTo("hello"));
            first.Send("one");
            Assert.That(output.Next(), Is.EqualTo("recv one"));
        }
        using RawClient second = peer.Accept();
        if (!greetOnce) Assert.That(second.ReadExactly(5), Is.EqualTo("hello"));
        second.Send("two");
        Assert.That(output.Next(), Is.EqualTo("recv two"));
        Assert.That(second.Socket.Available, Is.Zero);
    }

    /// <summary>tcp-connection/pipe: a TCP proxy in a few lines.</summary>
    [ManualPage("tcp-connection/pipe.md")]
    [Test]
    public async Task Pipe()
    {
        await using TestServer site = TestServer.Http(loopType, (connection, _) => connection.Send("from port 80"));
        await using TestServer server = TestServer.Raw(loopType, (_, _) => { }, worker => worker.OnConnect = connection =>
        {
            // Asynchronously establish a connection to the local port 80.
            var connectionTo80 = new AsyncTcpConnection<ReadOnlyMemory<byte>>($"tcp://{site.EndPoint}");
            // What the client sends goes to the other connection, and what that answers to the client.
            connection.Pipe(connectionTo80);
            connectionTo80.Pipe(connection);
            connectionTo80.Connect();
        });
        using var client = new HttpClient();
        Assert.That(await client.GetStringAsync(new Uri($"http://{server.EndPoint}/")), Is.EqualTo("from port 80"));
    }

    /// <summary>transport: TLS below an address of tcp://.</summary>
    [ManualPage("async-tcp-connection/transport.md")]
    [Test]
    public async Task AccessAnHttpsService()
    {
        using var output = new EventQueue();
        await using TestServer site =
            TlsServers.Https(loopType, (connection, request) => connection.Send($"this is {request.Host}"));
        await using TestServer task = TestServer.Start(loopType, new Worker
        {
            OnWorkerStart = _ =>
            {
                var connection = new AsyncTcpConnection<string>($"tcp://localhost:{site.EndPoint.Port}");
                // Encrypted.
                connection.Transport = "ssl";
                connection.Tls.Authorities = [Certificates.Default.Root];
                connection.OnConnect = connection =>
                {
                    output.Add("connect success");
                    connection.Send("GET / HTTP/1.1\r\nHost: www.example.test\r\nConnection: close\r\n\r\n");
                };
                connection.OnMessage = (_, buffer) => output.Add(buffer);
                connection.OnClose = _ => output.Add("connection closed");
                connection.OnError = (_, code, message) => output.Add($"Error code:{code} msg:{message}");
                connection.Connect();
            },
        });
        Assert.That(output.Next(), Is.EqualTo("connect success"));
        Assert.That(output.Next(), Does.StartWith("HTTP/1.1 200 OK\r\n").And.EndWith("\r\n\r\nthis is www.example.test"));
        Assert.That(output.Next(), Is.EqualTo("connection closed"));
    }
}
