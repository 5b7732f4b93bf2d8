using System.Text;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.WebSocket;

/// <summary>
/// What breaks the rules of RFC 6455 ends the connection with the code for it; each case is named after its section.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class FrameRuleTests(Type loopType)
{
    private const int Final = 0x80;
    private const int Text = Final | FrameClient.Text;

    private static readonly int[] OpcodesThatAreNone = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];

    private static readonly int[] CodesThatAreNotSent = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];

    private static IEnumerable<TestCaseData> Broken
    {
        get
        {
            foreach (int bit in new[] { 0x40, 0x20, 0x10 })
                yield return Case($"5.2 reserved bit {bit:x2}", 1002, FrameClient.Frame(Text | bit, "x"u8));
            foreach (int opcode in OpcodesThatAreNone)
                yield return Case($"5.2 opcode {opcode:x}", 1002, FrameClient.Frame(Final | opcode, "x"u8));
            yield return Case("5.1 no mask", 1002, FrameClient.Frame(Text, "x"u8, masked: false));
            yield return Case("5.2 16 bits for a length of 125", 1002, [Text, 0x80 | 126, 0, 125]);
            yield return Case("5.2 64 bits for a length of 65535", 1002, [Text, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]);
            yield return Case("5.2 a length of 64 bits", 1002, [Text, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0]);
            yield return Case("5.4 nothing to continue", 1002, FrameClient.Frame(Final, "x"u8));
            yield return Case("5.4 a message within a message", 1002,
                [.. FrameClient.Frame(FrameClient.Text, "x"u8), .. FrameClient.Frame(Text, "y"u8)]);
            foreach (int opcode in new[] { FrameClient.Close, FrameClient.Ping, FrameClient.Pong })
            {
                yield return Case($"5.5 control frame {opcode:x} in fragments", 1002, FrameClient.Frame(opcode, []));
                yield return Case($"5.5 control frame {opcode:x} of 126 bytes", 1002,
                    [(byte)(Final | opcode), 0x80 | 126, 0, 126]);
            }
            yield return Case("5.5.1 half a close code", 1002, FrameClient.Frame(Final | FrameClient.Close, [3]));
            yield return Case("5.5.1 a reason that is not UTF-8", 1007,
                FrameClient.Frame(Final | FrameClient.Close, [3, 232, 0xC3, 0x28]));
            foreach (int code in CodesThatAreNotSent)
                yield return Case($"7.4 close code {code}", 1002, FrameClient.CloseFrame(code));
            yield return Case("7.4.1 bytes to one who reads text", 1003, FrameClient.Frame(Final | FrameClient.Binary, "x"u8));
            yield return Case("7.4.1 a frame above the limit", 1009, [Text, 0x80 | 126, 0x04, 0x01]);
            yield return Case("7.4.1 a message above the limit", 1009,
                [.. FrameClient.Frame(FrameClient.Text, new byte[1000]), 0x80, 0x80 | 25]);
            foreach ((string name, byte[] text) in NotUtf8) yield return Case($"8.1 {name}", 1007, FrameClient.Frame(Text, text));
            foreach ((string name, byte[] text) in NotUtf8)
                yield return Case($"8.1 {name}, in the second fragment", 1007,
                    [.. FrameClient.Frame(FrameClient.Text, "κόσμε"u8), .. FrameClient.Frame(Final, text)]);
            yield return Case("8.1 a character that never ends", 1007,
                [.. FrameClient.Frame(FrameClient.Text, [0xF0, 0x9F]), .. FrameClient.Frame(Final, [0x98])]);
        }
    }

    private static (string Name, byte[] Text)[] NotUtf8 =>
    [
        ("a lone continuation", [0x80]), ("an overlong slash", [0xC0, 0xAF]), ("an overlong of three", [0xE0, 0x80, 0xAF]),
        ("a surrogate", [0xED, 0xA0, 0x80]),
        ("above U+10FFFF", [0xF4, 0x90, 0x80, 0x80]), ("a lead without its continuation", [0xC3, 0x28]), ("FE", [0xFE]),
    ];

    [TestCaseSource(nameof(Broken))]
    public async Task EndsWithTheCodeForIt(int code, byte[] bytes)
    {
        await using TestServer server = Echo();
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using var client = new FrameClient(server.EndPoint);
            client.Send(FrameClient.TextFrame("before")).ReadText();
            client.Send(bytes, fragmentation);
            Assert.That(client.ReadClose().Code, Is.EqualTo(code), $"{fragmentation}");
        }
        Assert.That(server.Log.Text, Does.Contain($"{code}"));
    }

    /// <summary>Section 5.2: a length may be all of 63 bits, and so may the limits.</summary>
    [TestCase(long.MaxValue, "message too big (TcpConnection.MaxPackageSize)")]
    [TestCase(10L << 20, "frame too big (WebSocketOptions.MaxFrameSize)")]
    public async Task LongestLengthIsTooLongWhateverTheLimits(long maxFrameSize, string reason)
    {
        var worker = new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "test",
            OnConnect = connection => connection.MaxPackageSize = long.MaxValue
        };
        worker.Options.WebSocket.MaxFrameSize = maxFrameSize;
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new FrameClient(server.EndPoint);
        client.Send([0x01, 0x81, 0, 0, 0, 0, (byte)'x', 0x80, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]);
        Assert.That(client.ReadClose().Code, Is.EqualTo(1009));
        Assert.That(server.Log.Text, Does.Contain(reason));
    }

    /// <summary>Section 8.1: as it arrives, not when the message is whole.</summary>
    [Test]
    public async Task BadByteEndsItBeforeTheMessageIsWhole([Values(1, 2, 3)] int begun)
    {
        await using TestServer server = Echo();
        using var client = new FrameClient(server.EndPoint);
        byte[] text =
            [.. Encoding.UTF8.GetBytes("good"), .. new byte[] { 0xF0, 0x9F, 0x98 }[..begun], (byte)'!', .. new byte[100]];
        byte[] frame = FrameClient.Frame(Text, text);
        client.Send(frame[..(6 + 4 + begun + 1)]);
        Assert.That(client.ReadClose().Code, Is.EqualTo(1007));
    }

    private TestServer Echo() => TestServer.Start(loopType, new Worker<string>("websocket://127.0.0.1:0")
    {
        Name = "test",
        OnConnect = connection => connection.MaxPackageSize = 1024,
        OnMessage = (connection, text) => connection.Send(text),
    });

    private static TestCaseData Case(string name, int code, byte[] bytes) =>
        new TestCaseData(code, bytes).SetArgDisplayNames(name);
}
