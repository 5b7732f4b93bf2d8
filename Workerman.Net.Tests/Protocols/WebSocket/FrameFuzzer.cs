using System.IO.Compression;
using System.Text;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.WebSocket;

/// <summary>
/// Makes streams of WebSocket frames as a client sends them, valid ones of which most have been damaged. The same seed makes the
/// same.
/// </summary>
internal sealed class FrameFuzzer(Random random, bool deflates)
{
    public byte[] Next()
    {
        List<byte> wire = [];
        for (int messages = random.Next(1, 6); messages > 0; messages--) Append(wire);
        for (int damages = random.Next(4); damages > 0 && wire.Count > 0; damages--) Damage(wire);
        return [.. wire];
    }

    private void Append(List<byte> wire)
    {
        int kind = random.Next(10);
        if (kind == 0) wire.AddRange(FrameClient.Frame(0x80 | FrameClient.Ping, Noise(random.Next(20))));
        else if (kind == 1) wire.AddRange(FrameClient.Frame(0x80 | FrameClient.Pong, Noise(random.Next(126))));
        else if (kind == 2 && random.Next(4) == 0)
            wire.AddRange(FrameClient.CloseFrame(random.Next(2) == 0 ? 1000 : random.Next(65536), "bye"));
        else AppendMessage(wire);
    }

    private void AppendMessage(List<byte> wire)
    {
        bool isText = random.Next(2) == 0;
        byte[] payload = isText ? Text() : Noise(random.Next(random.Next(4) == 0 ? 70_000 : 300));
        bool compressed = deflates && random.Next(2) == 0;
        if (compressed) payload = Compress(payload);
        int first = (isText ? FrameClient.Text : FrameClient.Binary) | (compressed ? 0x40 : 0);
        int fragments = random.Next(1, 4);
        for (int fragment = 0, start = 0; fragment < fragments; fragment++)
        {
            bool isLast = fragment == fragments - 1;
            int end = isLast ? payload.Length : random.Next(start, payload.Length + 1);
            wire.AddRange(FrameClient.Frame((isLast ? 0x80 : 0) | (fragment == 0 ? first : 0), payload.AsSpan(start..end)));
            start = end;
            if (!isLast && random.Next(3) == 0) wire.AddRange(FrameClient.Frame(0x80 | FrameClient.Ping, Noise(3)));
        }
    }

    private void Damage(List<byte> wire)
    {
        // Heads are short, and most of the rules are about them: the beginning is hit more often than its share.
        int at = random.Next(2) == 0 ? random.Next(wire.Count) : random.Next(Math.Min(wire.Count, 16));
        switch (random.Next(4))
        {
            case 0:
                wire[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                wire[at] = (byte)random.Next(256);
                break;
            case 2:
                wire.RemoveRange(at, Math.Min(wire.Count - at, random.Next(1, 8)));
                break;
            default:
                wire.InsertRange(at, Noise(random.Next(1, 8)));
                break;
        }
    }

    private byte[] Text() => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(100))
        .Select(_ => new Rune(random.Next(2) == 0 ? random.Next(32, 127) : random.Next(0x400, 0xD000)))));

    private byte[] Noise(int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>RFC 7692 section 7.2.1: a block that ends at a byte, without the empty one that makes it so.</summary>
    private static byte[] Compress(byte[] plain)
    {
        using var output = new MemoryStream();
        using (var deflate = new DeflateStream(output, CompressionLevel.Fastest, leaveOpen: true))
        {
            deflate.Write(plain);
            deflate.Flush();
            byte[] block = output.ToArray();
            return block.AsSpan().EndsWith((ReadOnlySpan<byte>)[0, 0, 0xff, 0xff]) ? block[..^4] : [0];
        }
    }
}
