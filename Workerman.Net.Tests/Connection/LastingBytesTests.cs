using System.Runtime.InteropServices;
using System.Text;
using Workerman.Connection;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// What peers do not read of large arrays: the arrays are referred to, not copied for each of them; and it arrives as it was
/// sent, among all else. Without a kernel; <see cref="SendingTests"/> have one.
/// </summary>
internal sealed class LastingBytesTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private const int Least = LastingBytes.LeastReferenced;

    private static byte[] Numbered(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)('a' + i % 23))];

    private static byte[]? ArrayOf(ReadOnlyMemory<byte> memory) =>
        MemoryMarshal.TryGetArray(memory, out ArraySegment<byte> segment) ? segment.Array : null;

    [Test]
    public void LargeArrayIsReferredToAndASmallOneIsCopied([Values(Least, Least - 1)] int length)
    {
        byte[] bytes = Numbered(length);
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Socket.Room = 10;
        raw.Loop.Do(() => raw.Connection.Send(bytes));
        Assert.That(raw.Connection.SendBufferQueueSize, Is.EqualTo(length - 10));
        Assert.That(ReferenceEquals(ArrayOf(raw.Socket.Ordered), bytes), Is.EqualTo(length == Least));
        Drain(raw);
        Assert.That(raw.Socket.Sent, Is.EqualTo(Encoding.Latin1.GetString(bytes)));
        raw.AssertKeepsToTheContract();
    }

    /// <summary>A reference keeps the whole array: it is not worth that for its last bytes.</summary>
    [Test]
    public void SmallRestOfALargeArrayIsCopied([Values] bool large)
    {
        byte[] bytes = Numbered(Least);
        int rest = large ? UnsentBytes.LeastReferenced : UnsentBytes.LeastReferenced - 1;
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Socket.Room = bytes.Length - rest;
        raw.Loop.Do(() => raw.Connection.Send(bytes));
        Assert.That(raw.Connection.SendBufferQueueSize, Is.EqualTo(rest));
        Assert.That(ReferenceEquals(ArrayOf(raw.Socket.Ordered), bytes), Is.EqualTo(large));
    }

    /// <summary>Who sends a span goes on to use its memory.</summary>
    [Test]
    public void SpanIsCopiedAndMayChange()
    {
        byte[] bytes = Numbered(2 * Least);
        string sent = Encoding.Latin1.GetString(bytes);
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Socket.Room = 10;
        raw.Loop.Do(() =>
        {
            raw.Connection.Send(bytes.AsSpan());
            Array.Clear(bytes);
        });
        Drain(raw);
        Assert.That(raw.Socket.Sent, Is.EqualTo(sent));
    }

    /// <summary>Small and large, before and behind each other, within one message and in several, taken in pieces.</summary>
    [Test]
    public void OrderIsThatOfTheSends([Values(1, 1000, 70_000)] int room, [Values] bool waits)
    {
        byte[] large = Numbered(Least + 5);
        string text = Encoding.Latin1.GetString(large);
        MemoryConnection raw = MemoryConnection.Raw();
        raw.Socket.Room = waits ? 0 : room;
        raw.Loop.Do(() =>
        {
            raw.Connection.Send("one");
            raw.Connection.Send(large);
            raw.Connection.Send("two");
            raw.Connection.Send(large);
            raw.Connection.Send(large);
            raw.Connection.Send("three");
        });
        Drain(raw, room);
        Assert.That(raw.Socket.Sent, Is.EqualTo($"one{text}two{text}{text}three"));
        Assert.That(raw.Connection.BufferIsEmpty);
        raw.AssertKeepsToTheContract();
    }

    [Test]
    public void BodyOfAResponseIsReferredToByAllThatAreSentIt()
    {
        byte[] body = Numbered(Least);
        var response = new Response(200, null, body);
        var loop = new MemoryLoop();
        var buffers = new ConnectionBuffers(loop);
        MemoryConnection[] all = [.. Enumerable.Range(0, 3).Select(_ => MemoryConnection.Open<Request>(
            new HttpProtocol(new HttpOptions()), (connection, _) => connection.Send(response), loop, buffers))];
        foreach (MemoryConnection one in all) one.Socket.Arrive(Get).Room = 1000;
        loop.Turn();
        foreach (MemoryConnection one in all)
        {
            Assert.That(ArrayOf(one.Socket.Ordered), Is.SameAs(body));
            Drain(one);
            Assert.That(one.Socket.Sent, Does.EndWith($"Content-Length: {Least}\r\n\r\n{Encoding.Latin1.GetString(body)}"));
        }
    }

    /// <summary>Of each protocol whose messages hold the bytes as they are.</summary>
    [Test]
    public void MessageOfEachProtocolIsWhole()
    {
        byte[] bytes = Numbered(Least + 1);
        string text = Encoding.Latin1.GetString(bytes);
        (ConnectionProtocol Protocol, string Before, string Behind)[] cases =
        [
            (new MessageProtocol<ReadOnlyMemory<byte>>("text", new TextProtocol()), "", "\n"),
            (new MessageProtocol<ReadOnlyMemory<byte>>("frame", new FrameProtocol()), "\0\u0001\0\u0005", ""),
            (new WebSocketProtocol(true, new WebSocketOptions(), (DeflateParameters?)null),
                "\u0082\u007f\0\0\0\0\0\u0001\0\u0001", ""),
        ];
        foreach ((ConnectionProtocol protocol, string before, string behind) in cases)
        {
            MemoryConnection one = MemoryConnection.Open<ReadOnlyMemory<byte>>(protocol, (_, _) => { });
            one.Socket.Room = 100;
            one.Loop.Do(() => one.Connection.Send(bytes));
            Assert.That(ArrayOf(one.Socket.Ordered), Is.SameAs(bytes), protocol.Name);
            Drain(one);
            Assert.That(one.Socket.Sent, Is.EqualTo(before + text + behind), protocol.Name);
        }
    }

    [Test]
    public void ChunkIsReferredTo()
    {
        byte[] bytes = Numbered(Least);
        MemoryConnection http = MemoryConnection.Http((connection, _) =>
        {
            connection.Send(new Response().WithHeader("Transfer-Encoding", "chunked"));
            connection.Send(new Chunk(bytes));
            connection.Send(new Chunk(""));
        });
        http.Socket.Arrive(Get).Room = 500;
        http.Loop.Turn();
        Assert.That(ArrayOf(http.Socket.Ordered), Is.SameAs(bytes));
        Drain(http);
        Assert.That(http.Socket.Sent, Does.EndWith($"\r\n\r\n10000\r\n{Encoding.Latin1.GetString(bytes)}\r\n0\r\n\r\n"));
    }

    [Test]
    public void AnswerToHeadHasNoBodyOfEitherKind()
    {
        byte[] bytes = Numbered(Least);
        MemoryConnection http = MemoryConnection.Http((connection, request) =>
        {
            if (request.Path == "/bytes") connection.Send(bytes);
            else connection.Send(new Response(200, null, bytes));
        });
        http.Socket.Arrive("HEAD /bytes HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        http.Loop.Turn();
        Assert.That(http.Socket.Sent.Split($"Content-Length: {Least}\r\n\r\n"), Has.Length.EqualTo(3));
        Assert.That(http.Socket.Sent, Has.Length.LessThan(1000));
    }

    /// <summary>Encoded once, whatever its length, for all whose bytes are the same.</summary>
    [Test]
    public void BroadcastIsReferredToByAll([Values(UnsentBytes.LeastReferenced, UnsentBytes.LeastReferenced - 1)] int length)
    {
        var loop = new MemoryLoop();
        var buffers = new ConnectionBuffers(loop);
        MemoryConnection[] all = [.. Enumerable.Range(0, 3).Select(_ => MemoryConnection.Raw(loop: loop, buffers: buffers))];
        var connections = new ConnectionCollection();
        foreach (MemoryConnection one in all)
        {
            connections.Add(one.Connection);
            one.Socket.Room = 0;
        }
        string text = new('x', length);
        loop.Do(() => new Broadcast<string>(text).SendTo(connections));
        byte[]?[] arrays = [.. all.Select(one => ArrayOf(one.Socket.Ordered))];
        Assert.That(arrays.Distinct().Count(), Is.EqualTo(length == UnsentBytes.LeastReferenced ? 1 : 3));
        foreach (MemoryConnection one in all)
        {
            Drain(one);
            Assert.That(one.Socket.Sent, Is.EqualTo(text));
        }
    }

    private static void Drain(MemoryConnection one, int room = int.MaxValue)
    {
        // Past the first pieces, which show the order, in larger ones.
        for (int i = 0; one.Connection.SendBufferQueueSize > 0; i++)
        {
            one.Socket.MakeRoom(i < 100 ? room : Math.Max(room, 10_000));
            one.Loop.Turn();
        }
    }
}
