using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>How a worker's loops share its connections.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class LoopShareTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Test]
    public async Task NewConnectionsMakeUpForThoseThatOneLoopHasLost()
    {
        const int Half = 100;
        TestServer? started = null;
        await using TestServer server = started =
            TestServer.Http(loopType, (connection, _) => connection.Send($"{started!.Main.Id}"), worker => worker.Count = 2);
        var clients = new List<(RawClient Client, int Loop)>();
        try
        {
            while (clients.Count(one => one.Loop == 0) < Half) Open();
            foreach ((RawClient client, int loop) in clients)
            {
                if (loop == 1) client.Dispose();
            }
            clients.RemoveAll(one => one.Loop == 1);
            await Wait.Until(() => server.Main.Connections.Count == Half, "the other loop has none");
            while (clients.Count < 2 * Half) Open();
            Assert.That(clients.Count(one => one.Loop == 0), Is.LessThanOrEqualTo(1.3 * Half),
                "chance alone would leave it with half as many again as its share");
        }
        finally
        {
            clients.ForEach(one => one.Client.Dispose());
        }

        void Open()
        {
            RawClient client = server.Connect();
            clients.Add((client, int.Parse(client.Send(Get).ReadResponse().Body, null)));
        }
    }
}
