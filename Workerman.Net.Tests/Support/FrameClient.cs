using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Workerman.Tests.Support;

/// <summary>
/// A WebSocket client that is told each frame: what it sends may be wrong, and what comes it takes apart itself.
/// </summary>
internal sealed class FrameClient : IDisposable
{
    public const byte Text = 1;
    public const byte Binary = 2;
    public const byte Close = 8;
    public const byte Ping = 9;
    public const byte Pong = 10;

    private const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    private static readonly byte[] Mask = [0x12, 0x34, 0x56, 0x78];

    public FrameClient(EndPoint endPoint, string fields = "", string path = "/", bool open = true,
        int receiveBufferSize = 0)
    {
        Client = new RawClient(endPoint, receiveBufferSize);
        Client.Send($"GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            + $"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {Key}\r\n{fields}\r\n");
        if (!open) return;
        Head = Client.ReadUntil("\r\n\r\n");
        Assert.That(Head, Does.StartWith("HTTP/1.1 101 ").And.Contain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")
            .And.Contain("Upgrade: websocket\r\n").And.Contain("Connection: Upgrade\r\n"));
    }

    public RawClient Client { get; }

    /// <summary>The answer to the handshake.</summary>
    public string Head { get; } = "";

    /// <summary>One frame as a client sends it.</summary>
    /// <param name="first">FIN, reserved bits and opcode.</param>
    /// <param name="payload">Not masked yet.</param>
    /// <param name="masked">Whether it is masked.</param>
    public static byte[] Frame(int first, ReadOnlySpan<byte> payload, bool masked = true)
    {
        var frame = new List<byte> { (byte)first };
        int mark = masked ? 0x80 : 0;
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(length, payload.Length);
        if (payload.Length <= 125) frame.Add((byte)(mark | payload.Length));
        else if (payload.Length <= ushort.MaxValue) frame.AddRange([(byte)(mark | 126), .. length[6..]]);
        else frame.AddRange([(byte)(mark | 127), .. length]);
        if (masked) frame.AddRange(Mask);
        for (int i = 0; i < payload.Length; i++) frame.Add((byte)(payload[i] ^ (masked ? Mask[i % 4] : 0)));
        return [.. frame];
    }

    /// <summary>A whole text message.</summary>
    public static byte[] TextFrame(string text) => Frame(0x80 | Text, Encoding.UTF8.GetBytes(text));

    public static byte[] CloseFrame(int code, string reason = "") =>
        Frame(0x80 | Close, [(byte)(code >> 8), (byte)code, .. Encoding.UTF8.GetBytes(reason)]);

    public FrameClient Send(byte[] bytes, Fragmentation? fragmentation = null)
    {
        foreach (Range piece in (fragmentation ?? Fragmentation.Whole).Cut(bytes.Length)) Client.Send(bytes[piece]);
        return this;
    }

    /// <summary>The next frame: its first byte, and its payload, which a server does not mask.</summary>
    public (int First, byte[] Payload) ReadFrame()
    {
        byte[] head = Bytes(2);
        Assert.That(head[1] & 0x80, Is.Zero, "a server does not mask");
        int length = head[1] switch
        {
            126 => BinaryPrimitives.ReadUInt16BigEndian(Bytes(2)),
            127 => (int)BinaryPrimitives.ReadInt64BigEndian(Bytes(8)),
            byte brief => brief,
        };
        return (head[0], Bytes(length));
    }

    /// <summary>The next frame, which is a whole text message.</summary>
    public string ReadText()
    {
        (int first, byte[] payload) = ReadFrame();
        Assert.That(first, Is.EqualTo(0x80 | Text), Encoding.Latin1.GetString(payload));
        return Encoding.UTF8.GetString(payload);
    }

    /// <summary>The next frame, which closes, and then the end of the connection. The code is 1005 where there is none.</summary>
    public (int Code, string Reason) ReadClose()
    {
        (int first, byte[] payload) = ReadFrame();
        Assert.That(first, Is.EqualTo(0x80 | Close), Encoding.Latin1.GetString(payload));
        Assert.That(Client.IsAtEnd(), "nothing follows a close frame");
        return payload.Length == 0
            ? (1005, "")
            : (BinaryPrimitives.ReadUInt16BigEndian(payload), Encoding.UTF8.GetString(payload[2..]));
    }

    public void Dispose() => Client.Dispose();

    private byte[] Bytes(int count) => Encoding.Latin1.GetBytes(Client.ReadExactly(count));
}
