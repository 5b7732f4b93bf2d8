using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>As many connections as a worker may have, and slow ones by the thousand.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ConnectionLimitTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Test]
    public async Task ConnectionsBeyondTheLimitWaitUntilOneIsClosed()
    {
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send("ok"), worker => worker.Options.MaxConnections = 2);
        using RawClient first = server.Connect();
        using RawClient second = server.Connect();
        Assert.That(first.Send(Get).ReadResponse().Body, Is.EqualTo("ok"));
        Assert.That(second.Send(Get).ReadResponse().Body, Is.EqualTo("ok"));
        using RawClient third = server.Connect();
        third.Send(Get);
        for (int i = 0; i < 20; i++) Assert.That(first.Send(Get).ReadResponse().Body, Is.EqualTo("ok"), "open connections go on");
        Assert.That(third.Socket.Available, Is.Zero, "the third has no place yet");
        Assert.That(server.Log.Text, Does.Contain("it has MaxConnections").And.Contain("Raise WorkerOptions.MaxConnections"));
        second.Socket.Close();
        Assert.That(third.ReadResponse().Body, Is.EqualTo("ok"));
        Assert.That(server.Log.Text, Does.Not.Contain("accepts again"), "it is full again");
        third.Socket.Close();
        await Wait.Until(() => server.Log.Text.Contains("accepts again"), "the log says that there is room for good");
    }

    /// <summary>
    /// Slow clients hold a connection each and nothing else: an ordinary client has each of its answers while they trickle, and
    /// they have theirs, 408, when their time is up.
    /// </summary>
    [Test]
    public async Task ThousandsOfSlowClientsKeepNobodyFromBeingServed()
    {
        const int Slow = 2000;
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"), worker =>
        {
            worker.Options.Http.HeadTimeout = TimeSpan.FromSeconds(1);
            worker.Options.Http.BodyTimeout = TimeSpan.FromSeconds(1);
        });
        var clients = new List<RawClient>();
        try
        {
            using RawClient ordinary = server.Connect();
            for (int i = 0; i < Slow; i++)
            {
                RawClient client = server.Connect();
                clients.Add(client);
                client.Send((i % 3) switch
                {
                    0 => "G",
                    1 => "GET / HTTP/1.1\r\nHost: a\r\nX: ",
                    _ => "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx"
                });
                if (i % 10 == 0) Assert.That(ordinary.Send(Get).ReadResponse().Body, Is.EqualTo("ok"));
            }
            foreach (RawClient client in clients)
                Assert.That(client.ReadUntil("\r\n"), Is.EqualTo("HTTP/1.1 408 Request Timeout\r\n"));
            Assert.That(ordinary.Send(Get).ReadResponse().Body, Is.EqualTo("ok"));
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }
}
