using System.Buffers.Binary;
using System.Net;
using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Proxies;

namespace Workerman.Tests.Protocols.Proxies;

/// <summary>Headers of the PROXY protocol: what they say, and the byte at which a wrong one is refused. Each is shown whole and
/// in all its beginnings.</summary>
internal sealed class ProxyHeaderTests
{
    private const int MaxSize = 1024;

    private static readonly byte[] Signature = "\r\n\r\n\0\r\nQUIT\n"u8.ToArray();

    private static readonly byte[] Ip4 = [192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0, 80];

    private static readonly byte[] Ip6 = [.. IPAddress.Parse("2001:db8::1").GetAddressBytes(),
        .. IPAddress.Parse("2001:db8::2").GetAddressBytes(), 0x12, 0x34, 0, 80];

    private static IEnumerable<TestCaseData> Accepted() =>
    [
        Text("PROXY TCP4 192.0.2.1 198.51.100.2 4660 80\r\n", "192.0.2.1:4660", "198.51.100.2:80"),
        Text("PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n", "255.255.255.255:65535", "0.0.0.0:0"),
        Text("PROXY TCP6 2001:db8::1 2001:DB8:0:0:0:0:0:2 4660 80\r\n", "[2001:db8::1]:4660", "[2001:db8::2]:80"),
        Text("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 4660 80\r\n", "192.0.2.1:4660", "198.51.100.2:80"),
        Text("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"),
        Text("PROXY UNKNOWN\r\n", null, null),
        Text("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", null, null),
        Text("PROXY UNKNOWN " + new string('x', 91) + "\r\n", null, null),
        Binary("TCP4", V2(0x21, 0x11, Ip4), "192.0.2.1:4660", "198.51.100.2:80"),
        Binary("TCP6", V2(0x21, 0x21, Ip6), "[2001:db8::1]:4660", "[2001:db8::2]:80"),
        Binary("TCP6, mapped", V2(0x21, 0x21, [.. IPAddress.Parse("::ffff:192.0.2.1").GetAddressBytes(), .. Ip6[16..]]),
            "192.0.2.1:4660", "[2001:db8::2]:80"),
        Binary("unspecified", V2(0x21, 0x00, []), null, null),
        Binary("unspecified with anything", V2(0x21, 0x00, [1, 2, 3, 4, 5]), null, null),
        Binary("LOCAL", V2(0x20, 0x00, []), null, null),
        Binary("LOCAL with addresses", V2(0x20, 0x11, Ip4), null, null),
        Binary("LOCAL with a strange family", V2(0x20, 0xFF, [1, 2, 3]), null, null),
        Binary("UDP4", V2(0x21, 0x12, Ip4), null, null),
        Binary("UDP6", V2(0x21, 0x22, Ip6), null, null),
        Binary("unspecified transport", V2(0x21, 0x10, Ip4), null, null),
        Binary("Unix", V2(0x21, 0x31, new byte[216]), null, null),
        Binary("fields", V2(0x21, 0x11, [.. Ip4, 0x04, 0, 3, 1, 2, 3, 0x02, 0, 1, (byte)'a', 0xEE, 0, 0]), "192.0.2.1:4660",
            "198.51.100.2:80"),
        Binary("checksum", WithChecksum(V2(0x21, 0x11, [.. Ip4, 0x04, 0, 1, 9, 0x03, 0, 4, 0, 0, 0, 0]), 35), "192.0.2.1:4660",
            "198.51.100.2:80"),
        Binary("as long as may be", V2(0x21, 0x11, [.. Ip4, 0x04, 0x03, 0xE1, .. new byte[MaxSize - 16 - 12 - 3]]),
            "192.0.2.1:4660", "198.51.100.2:80"),
    ];

    private static IEnumerable<TestCaseData> Refused() =>
    [
        RefusedText("G"),
        RefusedText("\0"),
        RefusedText("\x16"),
        RefusedText("PROXYX"),
        RefusedText("proxy"[..1]),
        RefusedText("PROXY TCP4 192.0.2.1 198.51.100.2 1 80 \r\n"),
        RefusedText("PROXY  TCP4 192.0.2.1 198.51.100.2 1 80\r\n"),
        RefusedText("PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n"),
        RefusedText("PROXY TCP4 192.0.2.1 198.51.100.2 65536 80\r\n"),
        RefusedText("PROXY TCP4 192.0.2.1 198.51.100.2 080 80\r\n"),
        RefusedText("PROXY TCP4 192.0.2.1 198.51.100.2 +1 80\r\n"),
        RefusedText("PROXY TCP4 192.0.2.1 198.51.100.2 -1 80\r\n"),
        RefusedText("PROXY TCP4 192.0.2.256 198.51.100.2 1 80\r\n"),
        RefusedText("PROXY TCP4 192.0.513 198.51.100.2 1 80\r\n"),
        RefusedText("PROXY TCP4 192.0.2.01 198.51.100.2 1 80\r\n"),
        RefusedText("PROXY TCP4 2001:db8::1 2001:db8::2 1 80\r\n"),
        RefusedText("PROXY TCP6 192.0.2.1 198.51.100.2 1 80\r\n"),
        RefusedText("PROXY TCP6 [2001:db8::1] 2001:db8::2 1 80\r\n"),
        RefusedText("PROXY TCP6 fe80::1%1 2001:db8::2 1 80\r\n"),
        RefusedText("PROXY TCP4 example.org 198.51.100.2 1 80\r\n"),
        RefusedText("PROXY TCP5 192.0.2.1 198.51.100.2 1 80\r\n"),
        RefusedText("PROXY UDP4 192.0.2.1 198.51.100.2 1 80\r\n"),
        RefusedText("PROXY tcp4 192.0.2.1 198.51.100.2 1 80\r\n"),
        RefusedText("PROXY UNKNOWNX\r\n"),
        RefusedText("PROXY \r\n"),
        RefusedText("PROXY UNKNOWN " + new string('x', 93)),
        RefusedBinary("another signature", [.. Signature[..11], 0]),
        RefusedBinary("version 1", [.. Signature, 0x11]),
        RefusedBinary("version 3", [.. Signature, 0x31]),
        RefusedBinary("unknown command", [.. Signature, 0x22]),
        RefusedBinary("unknown family", [.. Signature, 0x21, 0x41]),
        RefusedBinary("unknown transport", [.. Signature, 0x21, 0x13]),
        RefusedBinary("too short for TCP4", [.. Signature, 0x21, 0x11, 0, 11]),
        RefusedBinary("too short for TCP6", [.. Signature, 0x21, 0x21, 0, 12]),
        RefusedBinary("too short for Unix", [.. Signature, 0x21, 0x31, 0, 215]),
        RefusedBinary("too long", [.. Signature, 0x21, 0x11, 0x03, 0xF1]),
        RefusedBinary("longest", [.. Signature, 0x20, 0x00, 0xFF, 0xFF]),
        RefusedBinary("field beyond the end", V2(0x21, 0x11, [.. Ip4, 0x04, 0, 2, 1])),
        RefusedBinary("half a field", V2(0x21, 0x11, [.. Ip4, 0x04, 0])),
        RefusedBinary("wrong checksum", V2(0x21, 0x11, [.. Ip4, 0x03, 0, 4, 1, 2, 3, 4])),
        RefusedBinary("checksum of three bytes", V2(0x21, 0x11, [.. Ip4, 0x03, 0, 3, 1, 2, 3])),
    ];

    [TestCaseSource(nameof(Accepted))]
    public void SaysWhoseConnectionItIs(byte[] bytes, string? source, string? destination)
    {
        for (int i = 0; i < bytes.Length; i++)
            Assert.That(ProxyHeader.TryRead(bytes.AsSpan(0, i), MaxSize, out _, out _).Kind, Is.EqualTo(VerdictKind.NeedMore),
                $"{i} bytes");
        foreach (byte[] behind in new byte[][] { [], [.. "GET / HTTP/1.1\r\n"u8], bytes })
        {
            Verdict verdict = ProxyHeader.TryRead([.. bytes, .. behind], MaxSize, out ProxyHeader header, out int length);
            Assert.That((verdict.Kind, length, header.Source?.ToString(), header.Destination?.ToString()),
                Is.EqualTo((VerdictKind.Message, bytes.Length, source, destination)), verdict.Reason);
        }
    }

    [TestCaseSource(nameof(Refused))]
    public void IsRefusedAtTheByteThatMakesItWrong(byte[] bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
            Assert.That(ProxyHeader.TryRead(bytes.AsSpan(0, i), MaxSize, out _, out _).Kind, Is.EqualTo(VerdictKind.NeedMore),
                $"{i} bytes");
        Assert.That(ProxyHeader.TryRead(bytes, MaxSize, out _, out _).Kind, Is.EqualTo(VerdictKind.Reject));
        Assert.That(ProxyHeader.TryRead([.. bytes, .. new byte[2000]], MaxSize, out _, out _).Kind,
            Is.EqualTo(VerdictKind.Reject));
    }

    /// <summary>A header of version 2.</summary>
    internal static byte[] V2(byte command, byte family, byte[] content) =>
        [.. Signature, command, family, (byte)(content.Length >> 8), (byte)content.Length, .. content];

    /// <summary>The check value of CRC-32C (RFC 3720 appendix B.4), without the machine's own instruction.</summary>
    private static byte[] WithChecksum(byte[] header, int at)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in header)
        {
            crc ^= b;
            for (int i = 0; i < 8; i++) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(at), ~crc);
        return header;
    }

    private static TestCaseData Text(string line, string? source, string? destination) =>
        Binary(Printed(line), Encoding.ASCII.GetBytes(line), source, destination);

    private static TestCaseData Binary(string name, byte[] bytes, string? source, string? destination) =>
        new TestCaseData(bytes, source, destination).SetArgDisplayNames(name);

    private static TestCaseData RefusedText(string line) => RefusedBinary(Printed(line), Encoding.Latin1.GetBytes(line));

    private static TestCaseData RefusedBinary(string name, byte[] bytes) => new TestCaseData(bytes).SetArgDisplayNames(name);

    private static string Printed(string line) =>
        string.Concat(line.Select(c => c is >= ' ' and <= '~' ? $"{c}" : $"<{(int)c:x2}>"));
}
