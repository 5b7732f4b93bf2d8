using System.Text;

namespace Workerman.Benchmarks;

/// <summary>A body of random bytes in one of the three framings, and the answer that it must have.</summary>
internal sealed class SoakUpload
{
    private const string Boundary = "soak-boundary-7MA4YWxkTrZu0gW";

    /// <summary>At least; at most 32 times as much, so that some stay in memory and most go to a temporary file.</summary>
    private const int LeastSize = 8 * 1024;

    public SoakUpload(Random random)
    {
        var content = new byte[LeastSize * random.Next(1, 33)];
        random.NextBytes(content);
        Expected = Answer(content.Length, SumOf(content));
        Bytes = random.Next(3) switch
        {
            0 => Multipart(content),
            1 => Chunked(content, random),
            _ => Plain(content),
        };
    }

    /// <summary>The whole request.</summary>
    public byte[] Bytes { get; }

    /// <summary>The body of its answer.</summary>
    public string Expected { get; }

    public static string Answer(long length, long sum) => $"{length} bytes, sum {sum}";

    public static long SumOf(ReadOnlySpan<byte> bytes)
    {
        long sum = 0;
        foreach (byte value in bytes) sum += value;
        return sum;
    }

    private static byte[] Plain(byte[] content) => [.. Head($"Content-Length: {content.Length}"), .. content];

    private static byte[] Multipart(byte[] content)
    {
        byte[] before = Encoding.ASCII.GetBytes($"--{Boundary}\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nsoak\r\n"
            + $"--{Boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"soak.bin\"\r\n"
            + "Content-Type: application/octet-stream\r\n\r\n");
        byte[] after = Encoding.ASCII.GetBytes($"\r\n--{Boundary}--\r\n");
        byte[] head = Head($"Content-Type: multipart/form-data; boundary={Boundary}\r\n"
            + $"Content-Length: {before.Length + content.Length + after.Length}");
        return [.. head, .. before, .. content, .. after];
    }

    private static byte[] Chunked(byte[] content, Random random)
    {
        var body = new MemoryStream();
        body.Write(Head("Transfer-Encoding: chunked"));
        for (int start = 0; start < content.Length;)
        {
            int length = Math.Min(random.Next(1, 16 * 1024), content.Length - start);
            body.Write(Encoding.ASCII.GetBytes($"{length:x}\r\n"));
            body.Write(content, start, length);
            body.Write("\r\n"u8);
            start += length;
        }
        body.Write("0\r\n\r\n"u8);
        return body.ToArray();
    }

    private static byte[] Head(string fields) =>
        Encoding.ASCII.GetBytes($"POST /upload HTTP/1.1\r\nHost: soak\r\n{fields}\r\n\r\n");
}
