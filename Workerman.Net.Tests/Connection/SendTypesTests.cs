using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>What can be sent by its type: what has one meaning, whatever the culture; what has none does not compile.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class SendTypesTests(Type loopType)
{
    [Test]
    public async Task NumbersAreSentAsTheirText()
    {
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            CultureInfo.CurrentCulture = new CultureInfo("")
            {
                NumberFormat = new NumberFormatInfo { NegativeSign = "\u2212", NumberDecimalSeparator = "," }
            };
            connection.Send(42);
            connection.Send(-1.5);
            connection.Send(0.1f);
            connection.Send(long.MaxValue);
            connection.Send(2.50m);
            connection.Send('x');
            connection.Send((byte)7);
            connection.End(-3);
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send("x").ReadToEnd(), Is.EqualTo("42-1.50.192233720368547758072.50x7-3"));
    }

    [Test]
    public async Task OverHttpANumberIsABody()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send(42));
        using RawClient client = server.Connect();
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("42"));
    }

    [Test]
    public async Task WhereTheProtocolHasMessagesOfThatTypeANumberIsOne()
    {
        var worker = new Worker<int>("tcp://127.0.0.1:0")
        {
            Protocol = () => new Numbers(),
            OnMessage = (connection, number) => connection.Send(number + 1)
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        Assert.That(client.Send("a").ReadExactly(1), Is.EqualTo("b"));
        worker.Broadcast(99);
        Assert.That(client.ReadExactly(1), Is.EqualTo("c"));
    }

    [Test]
    public async Task ANumberOfAnotherTypeBecomesOneOfTheProtocols()
    {
        var worker = new Worker<long>("tcp://127.0.0.1:0") { Protocol = () => new Longs() };
        worker.OnMessage = (connection, _) =>
        {
            connection.Send(98);
            ((StreamWorker)worker).Broadcast(99L);
            connection.Send(new ArraySegment<byte>("abc"u8.ToArray(), 1, 1));
            connection.Close(100);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        Assert.That(client.Send("a").ReadToEnd(), Is.EqualTo("bcbd"));
    }

    [Test]
    public async Task MessagesOfAnApplicationsProtocolAreSentWhereverItsConnectionsComeFrom()
    {
        var worker = new Worker<JsonNode>("tcp://127.0.0.1:0") { Protocol = () => new Json() };
        worker.OnConnect = connection => connection.Send(new JsonObject { ["to"] = "OnConnect" });
        worker.OnMessage = (connection, message) =>
        {
            connection.Send(message);
            foreach (var other in worker.Connections) other.Send(new JsonArray(1));
            worker.Connections[connection.Id]!.Send(new JsonArray(2));
            worker.Broadcast(new JsonArray(3));
            connection.End(new JsonArray(4));
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        Assert.That(client.Send("5\n").ReadToEnd(), Is.EqualTo("{\"to\":\"OnConnect\"}\n5\n[1]\n[2]\n[3]\n[4]\n"));
    }

    [Test]
    public async Task DatagramsToo()
    {
        var worker = new UdpWorker<string>("udp://127.0.0.1:0") { OnMessage = (connection, _) => connection.Send(-42) };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        client.Client.ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds;
        client.Send("x"u8, server.EndPoint);
        IPEndPoint? from = null;
        Assert.That(Encoding.UTF8.GetString(client.Receive(ref from)), Is.EqualTo("-42"));
    }

    /// <summary>
    /// <c>Send(true)</c> and <c>Send(dictionary)</c> have no method to call: each takes text, bytes, a number, a message of the
    /// library's, or the connection's own message.
    /// </summary>
    [Test]
    public void NothingElseHasAMethodToCall([Values("Send", "Close", "End", "Broadcast")] string verb)
    {
        Type[] faces =
            [typeof(TcpConnection), typeof(TcpConnection<>), typeof(UdpConnection), typeof(StreamWorker), typeof(Worker<>)];
        foreach (MethodInfo method in faces.SelectMany(face => face.GetMethods()).Where(method => method.Name == verb
            && method.GetParameters().Length > 0 && !method.IsDefined(typeof(ObsoleteAttribute))))
        {
            Type type = method.GetParameters()[0].ParameterType;
            Type[] allowed = [typeof(string), typeof(byte[]), typeof(ReadOnlyMemory<byte>), typeof(ReadOnlySpan<byte>),
                typeof(ArraySegment<byte>)];
            Assert.That(type.IsGenericParameter ? type.GetGenericParameterConstraints().Contains(typeof(IMessage))
                : allowed.Contains(type), $"{method}");
        }
    }

    private sealed class Numbers : IProtocol<int>
    {
        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out int message)
        {
            message = input.IsEmpty ? 0 : input.FirstSpan[0];
            if (input.IsEmpty) return Verdict.NeedMore;
            input = input.Slice(1);
            return Verdict.Message;
        }

        public void Encode(int message, IBufferWriter<byte> output) => output.Write([(byte)message]);
    }

    private sealed class Longs : IProtocol<long>, IEncoder<ReadOnlyMemory<byte>>
    {
        private readonly Numbers _numbers = new();

        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out long message)
        {
            Verdict verdict = _numbers.TryDecode(ref input, maxPackageSize, out int number);
            message = number;
            return verdict;
        }

        public void Encode(long message, IBufferWriter<byte> output) => output.Write([(byte)message]);

        public void Encode(ReadOnlyMemory<byte> message, IBufferWriter<byte> output) => output.Write(message.Span);
    }

    private sealed class Json : IProtocol<JsonNode>
    {
        private readonly LineProtocol _lines = new();

        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out JsonNode message)
        {
            Verdict verdict = _lines.TryDecode(ref input, maxPackageSize, out string line);
            message = verdict.Kind == VerdictKind.Message ? JsonNode.Parse(line)! : null!;
            return verdict;
        }

        public void Encode(JsonNode message, IBufferWriter<byte> output) => _lines.Encode(message.ToJsonString(), output);
    }
}
