using System.Buffers;
using System.Text;
using Workerman.Protocols;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>An application's own protocol on a generic worker.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ProtocolTests(Type loopType)
{
    [Test]
    public async Task MessagesAreReadAndWrittenByTheProtocol()
    {
        await using TestServer server = Start(() => new Lines());
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using RawClient client = server.Connect();
            client.Send("one\ntwo\nthree\n", fragmentation);
            Assert.That(client.ReadExactly(17), Is.EqualTo("[one]\n[two]\n[thre"));
        }
    }

    [Test]
    public async Task ThrowingOrEndlessDecoderClosesItsConnectionAlone()
    {
        await using TestServer server = Start(() => new Lines());
        using RawClient healthy = server.Connect();
        foreach (string evil in new[] { "throw\n", "stuck\n", new string('x', 3000) })
        {
            using RawClient client = server.Connect();
            client.Send(evil);
            Assert.That(client.ReadToEnd(), Is.Empty, evil);
        }
        Assert.That(healthy.Send("fine\n").ReadExactly(7), Is.EqualTo("[fine]\n"));
        Assert.That(server.Log.Text, Does.Contain("bad line").And.Contain("without consuming").And.Contain("MaxPackageSize"));
    }

    private TestServer Start(Func<IProtocol<string>> protocol) => TestServer.Start(loopType, new Worker<string>("tcp://127.0.0.1:0")
    {
        Protocol = protocol,
        OnConnect = connection => connection.MaxPackageSize = 1000,
        OnMessage = (connection, line) => connection.Send($"[{line}]"),
    });

    private sealed class Lines : IProtocol<string>
    {
        public Verdict TryDecode(ref ReadOnlySequence<byte> input, int maxPackageSize, out string message)
        {
            message = "";
            if (input.PositionOf((byte)'\n') is not { } end) return Verdict.NeedMore;
            message = Encoding.UTF8.GetString(input.Slice(0, end));
            if (message == "throw") throw new FormatException("bad line");
            if (message != "stuck") input = input.Slice(input.GetPosition(1, end));
            return Verdict.Message;
        }

        public void Encode(string message, IBufferWriter<byte> output) => output.Write(Encoding.UTF8.GetBytes(message + "\n"));
    }
}
