using System.Buffers;
using System.Text;
using Workerman.Hosting;
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

    /// <summary>It is judged by what the message has, not by how it arrived.</summary>
    [Test]
    public async Task MessageAboveMaxPackageSizeIsRefusedAlsoWhenItArrivesWhole()
    {
        await using TestServer server = Start(() => new Lines());
        using RawClient fine = server.Connect();
        Assert.That(fine.Send(new string('x', 999) + "\n").ReadExactly(1002), Does.EndWith("x]\n"));
        using RawClient client = server.Connect();
        Assert.That(client.Send(new string('x', 1000) + "\n").ReadToEnd(), Is.Empty);
        Assert.That(server.Log.Text, Does.Contain("[Warning]").And.Contain("exceeds MaxPackageSize (1000 bytes)"));
    }

    /// <summary>
    /// What a decoder consumed while it needs more is gone: it keeps what it wants to know of it itself. It counts nevertheless.
    /// </summary>
    [Test]
    public async Task DecoderMayConsumeWhileItNeedsMore()
    {
        await using TestServer server = Start(() => new Collector());
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using RawClient client = server.Connect();
            client.Send(new string('a', 999) + ";" + new string('b', 20) + ";", fragmentation);
            Assert.That(client.ReadExactly(11), Is.EqualTo("[999];[20];"), $"{fragmentation}");
            using RawClient tooLong = server.Connect();
            tooLong.Send(new string('a', 1000) + ";", fragmentation);
            Assert.That(tooLong.ReadToEnd(), Is.Empty, $"{fragmentation}");
        }
    }

    [Test]
    public async Task DecoderThatRefusesClosesItsConnectionWithItsReason()
    {
        await using TestServer server = Start(() => new Lines());
        using RawClient client = server.Connect();
        Assert.That(client.Send("first\nrefuse\nlast\n").ReadToEnd(), Is.EqualTo("[first]\n"));
        Assert.That(server.Log.Text, Does.Contain("[Warning]").And.Contain("I do not like it"));
    }

    [Test]
    public async Task DecoderThatMakesItsInputLongerClosesItsConnection()
    {
        await using TestServer server = Start(() => new Lines());
        using RawClient client = server.Connect();
        Assert.That(client.Send("longer\n").ReadToEnd(), Is.Empty);
        using RawClient healthy = server.Connect();
        Assert.That(healthy.Send("fine\n").ReadExactly(7), Is.EqualTo("[fine]\n"));
        Assert.That(server.Log.Text, Does.Contain("made the input longer than it was"));
    }

    [Test]
    public async Task EncoderThatThrowsIsTheHandlersFaultAndLeavesNoHalfMessage()
    {
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("tcp://127.0.0.1:0")
        {
            Protocol = () => new Lines(),
            OnMessage = (connection, line) =>
            {
                connection.Send(line);
                connection.Send("half");
            },
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send("one\ntwo\n").ReadExactly(8), Is.EqualTo("one\ntwo\n"));
        Assert.That(server.Log.Text, Does.Contain("no half messages"));
    }

    [Test]
    public async Task ProtocolThatIsNotMadeCostsItsConnectionAlone()
    {
        int made = 0;
        await using TestServer server = Start(() => ++made switch
        {
            1 => null!,
            2 => throw new InvalidOperationException("out of protocols"),
            _ => new Lines(),
        });
        for (int i = 0; i < 2; i++)
        {
            using RawClient client = server.Connect();
            Assert.That(client.ReadToEnd(), Is.Empty);
        }
        using RawClient healthy = server.Connect();
        Assert.That(healthy.Send("fine\n").ReadExactly(7), Is.EqualTo("[fine]\n"));
        Assert.That(server.Log.Text, Does.Contain("returned null").And.Contain("out of protocols"));
    }

    /// <summary>
    /// The library's own are protocols like any other: PHP's <c>$worker->protocol = 'Workerman\Protocols\Text'</c>.
    /// </summary>
    [Test]
    public async Task ProtocolOfTheLibraryMayBeNamed()
    {
        await using TestServer server = Start(() => new TextProtocol());
        using RawClient client = server.Connect();
        Assert.That(client.Send("hello\r\n").ReadExactly(8), Is.EqualTo("[hello]\n"));
    }

    [Test]
    public void SchemeThatBringsItsOwnTakesNoOther()
    {
        var worker = new Worker<string>("text://127.0.0.1:0") { Protocol = () => new Lines(), OnMessage = (_, _) => { } };
        Assert.That(TestServer.Refusal(loopType, worker), Does.Contain("text:// brings its own"));
    }

    private TestServer Start(Func<IProtocol<string>> protocol) =>
        TestServer.Start(loopType, new Worker<string>("tcp://127.0.0.1:0")
        {
            Protocol = protocol,
            OnConnect = connection => connection.MaxPackageSize = 1000,
            OnMessage = (connection, line) => connection.Send($"[{line}]"),
        });

    private sealed class Lines : IProtocol<string>
    {
        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out string message)
        {
            message = "";
            if (input.PositionOf((byte)'\n') is not { } end) return Verdict.NeedMore;
            message = Encoding.UTF8.GetString(input.Slice(0, end));
            if (message == "refuse") return Verdict.Reject(0, "I do not like it");
            if (message == "longer") input = new ReadOnlySequence<byte>(new byte[100]);
            if (message == "throw") throw new FormatException("bad line");
            if (message is not ("stuck" or "longer")) input = input.Slice(input.GetPosition(1, end));
            return Verdict.Message;
        }

        public void Encode(string message, IBufferWriter<byte> output)
        {
            output.Write(Encoding.UTF8.GetBytes(message + "\n"));
            if (message == "half") throw new FormatException("no half messages");
        }
    }

    /// <summary>Counts what stands before a semicolon, and keeps none of it.</summary>
    private sealed class Collector : IProtocol<string>
    {
        private long _count;

        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out string message)
        {
            message = "";
            if (input.PositionOf((byte)';') is not { } end)
            {
                _count += input.Length;
                input = input.Slice(input.End);
                return Verdict.NeedMore;
            }
            message = $"{_count + input.Slice(0, end).Length}";
            _count = 0;
            input = input.Slice(input.GetPosition(1, end));
            return Verdict.Message;
        }

        public void Encode(string message, IBufferWriter<byte> output) => output.Write(Encoding.UTF8.GetBytes(message + ";"));
    }
}
