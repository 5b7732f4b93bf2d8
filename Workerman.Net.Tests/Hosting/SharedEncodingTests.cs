using System.Buffers;
using Workerman.Connection;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>Which connections share an encoding of a message, and that each kind of them has the message encoded once.</summary>
internal sealed class SharedEncodingTests
{
    private static IEnumerable<TestCaseData> Kinds
    {
        get
        {
            yield return Case("lines", new MessageProtocol<string>("text", new TextProtocol()), typeof(TextProtocol));
            yield return Case("bytes of lines", new MessageProtocol<byte[]>("text", new TextProtocol()),
                typeof(TextProtocol));
            yield return Case("frames", new MessageProtocol<string>("frame", new FrameProtocol()), typeof(FrameProtocol));
            yield return Case("bytes", new RawProtocol("tcp"), typeof(RawProtocol));
            yield return Case("text", new RawTextProtocol("tcp", datagrams: false), typeof(RawProtocol));
            yield return Case("WebSocket", new WebSocketProtocol(true, new(), deflate: null), typeof(WebSocketProtocol));
            var deflate = new DeflateParameters(false, false, 15, null);
            yield return Case("compressed", new WebSocketProtocol(true, new(), deflate), null);
            var options = new WebSocketOptions { Deflate = new DeflateOptions() };
            yield return Case("compressed each by itself",
                new WebSocketProtocol(true, options, deflate with { ServerNoContextTakeover = true }),
                new SharedDeflate(options.Deflate, 15));
            yield return Case("own", new MessageProtocol<string>("tcp", new Counting(() => { })), null);
            yield return Case("HTTP", new HttpProtocol(new HttpOptions()), null);

            static TestCaseData Case(string name, object protocol, object? kind) =>
                new TestCaseData(protocol, kind).SetArgDisplayNames(name);
        }
    }

    [TestCaseSource(nameof(Kinds))]
    public void ConnectionsOfAKindShareIt(object protocol, object? kind) =>
        Assert.That(((ConnectionProtocol)protocol).SharedEncoding, Is.EqualTo(kind));

    [Test]
    public void KindsThatTakeTurnsAreEncodedOnceEach()
    {
        int encoded = 0;
        var loop = new MemoryLoop();
        var buffers = new ConnectionBuffers(loop);
        Func<ConnectionProtocol>[] kinds =
        [
            () => new MessageProtocol<string>("tcp", new CountingOnce(() => encoded++)),
            () => new MessageProtocol<string>("text", new TextProtocol()),
            () => new RawProtocol("tcp"),
        ];
        MemoryConnection[] connections = [.. Enumerable.Range(0, 9)
            .Select(i => MemoryConnection.Open<string>(kinds[i % 3](), (_, _) => { }, loop, buffers))];
        var broadcast = new Broadcast<string>("x");
        loop.Do(() =>
        {
            foreach (MemoryConnection connection in connections) Assert.That(broadcast.TrySendTo(connection.Connection));
        });
        Assert.That(encoded, Is.EqualTo(1));
        Assert.That(connections.Select(connection => connection.Socket.Sent),
            Is.EqualTo(new[] { "x", "x\n", "x", "x", "x\n", "x", "x", "x\n", "x" }));
    }

    private class Counting(Action count) : IProtocol<string>
    {
        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out string message)
        {
            message = "";
            return Verdict.NeedMore;
        }

        public void Encode(string message, IBufferWriter<byte> output)
        {
            count();
            output.Write(System.Text.Encoding.ASCII.GetBytes(message));
        }
    }

    private sealed class CountingOnce(Action count) : Counting(count), IStatelessEncoder;
}
