using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols;

/// <summary>
/// How slowly a line, a frame or a message of a protocol of the application's own may come, once much of it waits: to the second,
/// on a loop whose clock stands still until it is moved.
/// </summary>
[TestFixture("text")]
[TestFixture("frame")]
[TestFixture("own")]
internal sealed class MessageRateTests(string scheme)
{
    private static readonly MessageRate Default = new WorkerOptions().MessageRate;

    private readonly List<int> _messages = [];

    [SetUp]
    public void NoMessages() => _messages.Clear();

    [Test]
    public void MessageAtTheLeastRateIsTakenIn()
    {
        MemoryConnection peer = Begin(MessageRate.FreeSize + 1);
        Trickle(peer, 240, seconds: 100);
        Assert.That(peer.Events, Is.Empty);
    }

    [Test]
    public void MessageBelowItIsRefusedAfterTheGrace()
    {
        MemoryConnection peer = Begin(MessageRate.FreeSize + 1);
        // The first look is where it begins.
        Trickle(peer, 239, seconds: 1 + 5);
        Assert.That(peer.Events, Is.Empty, "the grace");
        Trickle(peer, 239, seconds: 1);
        Assert.That(peer.Events, Has.Some.StartsWith("rejected"));
    }

    [Test]
    public void MuchThatCameAtOnceAndThenNothingIsRefused()
    {
        MemoryConnection peer = Begin(9_900_000);
        Trickle(peer, 0, seconds: 40);
        Assert.That(peer.Events, Has.Some.StartsWith("rejected"));
    }

    [Test]
    public void LittleMayWaitForAnyTime()
    {
        MemoryConnection peer = Begin(MessageRate.FreeSize);
        Trickle(peer, 0, seconds: 1000);
        Assert.That(peer.Events, Is.Empty);
    }

    [Test]
    public void EachMessageBeginsAnewAndSilenceBetweenThemIsFree()
    {
        MemoryConnection peer = Begin(0);
        for (int i = 0; i < 3; i++)
        {
            Come(peer, Beginning(MessageRate.FreeSize + 10));
            Trickle(peer, 1, seconds: 5);
            Come(peer, End);
            Trickle(peer, 0, seconds: 100);
        }
        Assert.That(peer.Events, Is.Empty);
        Assert.That(_messages, Has.Count.EqualTo(3));
    }

    [Test]
    public void SettingsCount()
    {
        MemoryConnection peer = Begin(MessageRate.FreeSize + 1, new MessageRate(10, TimeSpan.Zero));
        Trickle(peer, 10, seconds: 20);
        Assert.That(peer.Events, Is.Empty);
        Trickle(peer, 9, seconds: 1);
        Assert.That(peer.Events, Has.Some.StartsWith("rejected"));

        peer = Begin(MessageRate.FreeSize + 1, new WorkerOptions { MinMessageRate = 0 }.MessageRate);
        Trickle(peer, 0, seconds: 1000);
        Assert.That(peer.Events, Is.Empty, "any rate");
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new WorkerOptions { MinMessageRate = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            _ = new WorkerOptions { MinMessageRateGrace = Timeout.InfiniteTimeSpan });
    }

    /// <summary>What ends a message that was begun; of a frame its length is said at the beginning.</summary>
    private byte[] End => scheme == "frame" ? new byte[FrameRest] : "\n"u8.ToArray();

    private static int FrameRest => 4;

    private MemoryConnection Begin(int size, MessageRate? rate = null)
    {
        MessageRate chosen = rate ?? Default;
        void Note(TcpConnection connection, byte[] message) => _messages.Add(message.Length);
        MemoryConnection peer = MemoryConnection.Open<byte[]>(scheme switch
        {
            "text" => new MessageProtocol<byte[]>("text", new TextProtocol(), chosen),
            "frame" => new MessageProtocol<byte[]>("frame", new FrameProtocol(), chosen),
            _ => new MessageProtocol<byte[]>("tcp", new Hoarder(), chosen),
        }, Note);
        peer.Connection.MaxPackageSize = 10_000_000;
        foreach (byte[] piece in Beginning(size, isOpen: true).Chunk(50_000))
        {
            peer.Socket.Arrive(Encoding.Latin1.GetString(piece));
            peer.Loop.TurnUntilNothingHappens();
        }
        return peer;
    }

    /// <summary>The first bytes of a message; a frame that is not open ends five bytes and its rest behind them.</summary>
    private byte[] Beginning(int size, bool isOpen = false)
    {
        byte[] bytes = new byte[size];
        Array.Fill(bytes, (byte)'x');
        if (scheme == "frame" && size > 0)
            BinaryPrimitives.WriteInt32BigEndian(bytes, isOpen ? 10_000_000 : size + 5 + FrameRest);
        return bytes;
    }

    private static void Trickle(MemoryConnection peer, int bytes, int seconds)
    {
        for (int i = 0; i < seconds; i++) Come(peer, Encoding.ASCII.GetBytes(new string('x', bytes)));
    }

    /// <summary>A second, and what comes in it.</summary>
    private static void Come(MemoryConnection peer, byte[] bytes)
    {
        if (bytes.Length > 0) peer.Socket.Arrive(Encoding.Latin1.GetString(bytes));
        peer.Loop.TurnUntilNothingHappens();
        peer.Loop.Advance(TimeSpan.FromSeconds(1));
    }

    /// <summary>Lines, whose bytes it consumes as they come.</summary>
    private sealed class Hoarder : IProtocol<byte[]>
    {
        private readonly ArrayBufferWriter<byte> _line = new();

        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out byte[] message)
        {
            message = [];
            SequencePosition? end = input.PositionOf((byte)'\n');
            ReadOnlySequence<byte> part = end is { } at ? input.Slice(0, at) : input;
            foreach (ReadOnlyMemory<byte> piece in part) _line.Write(piece.Span);
            input = end is { } position ? input.Slice(input.GetPosition(1, position)) : input.Slice(input.End);
            if (end is null) return Verdict.NeedMore;
            message = _line.WrittenSpan.ToArray();
            _line.Clear();
            return Verdict.Message;
        }

        public void Encode(byte[] message, IBufferWriter<byte> output) => output.Write(message);
    }
}
