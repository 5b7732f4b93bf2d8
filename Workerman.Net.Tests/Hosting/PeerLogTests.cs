using System.Globalization;
using System.Text;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>Hostile peers do not write the log: what they cause is a line a second of each kind, and a count.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class PeerLogTests(Type loopType)
{
    private const int Times = 50;

    /// <summary>How many lines with a text there are, and how many they stand for.</summary>
    private static (int Lines, int Events) Count(TestServer server, string text)
    {
        string[] lines = [.. server.Log.Lines.Where(line => line.Contains(text, StringComparison.Ordinal))];
        return (lines.Length, lines.Sum(line => line.Contains(" more lines like this one", StringComparison.Ordinal)
            ? int.Parse(line.AsSpan(line.IndexOf("] ", StringComparison.Ordinal) + 2).ToString().Split(' ')[0],
                CultureInfo.InvariantCulture)
            : 1));
    }

    [Test]
    public async Task RefusedFramesAreCounted()
    {
        TestServer server = TestServer.Start(loopType, new Worker<byte[]>("frame://127.0.0.1:0") { OnMessage = (_, _) => { } });
        for (int i = 0; i < Times; i++)
        {
            using RawClient client = server.Connect();
            Assert.That(client.Send("\0\0\0\u0001").ReadToEnd(), Is.Empty);
        }
        await server.DisposeAsync();
        (int lines, int events) = Count(server, "does not even count");
        Assert.That(events, Is.EqualTo(Times));
        Assert.That(lines, Is.LessThan(Times / 2));
    }

    [Test]
    public async Task OneFaultIsCountedAndAnotherOneHasItsLine()
    {
        TestServer server = TestServer.Http(loopType, (_, request) =>
        {
            if (request.Path == "/other") throw new FormatException("another fault");
            throw new InvalidOperationException("the same fault");
        });
        using RawClient client = server.Connect();
        for (int i = 0; i < Times; i++) client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        client.Send("GET /other HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        Assert.That(server.Log.Text, Does.Contain("the same fault").And.Contain("another fault"), "at once, in full");
        await server.DisposeAsync();
        (int lines, int events) = Count(server, "A callback of worker");
        Assert.That(events, Is.EqualTo(Times + 1));
        Assert.That(lines, Is.LessThan(Times / 2));
    }

    [Test]
    public async Task FaultsOfDatagramsAreCounted()
    {
        int received = 0;
        TestServer server = TestServer.Start(loopType, new UdpWorker<string>("udp://127.0.0.1:0")
        {
            OnMessage = (connection, _) =>
            {
                received++;
                connection.Send("x");
                throw new InvalidOperationException("of a datagram");
            }
        });
        using var client = new UdpClientSocket(server.EndPoint);
        for (int i = 0; i < Times; i++)
        {
            client.Send(Encoding.ASCII.GetBytes("x"));
            client.Receive();
        }
        await server.DisposeAsync();
        (int lines, int events) = Count(server, "failed for a datagram");
        Assert.That(events, Is.EqualTo(received));
        Assert.That(lines, Is.LessThan(Times / 2));
    }
}
