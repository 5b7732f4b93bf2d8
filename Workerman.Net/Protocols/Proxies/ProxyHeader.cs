using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Numerics;
using System.Text;

namespace Workerman.Protocols.Proxies;

/// <summary>
/// The header that a proxy sends first on a connection (HAProxy's "The PROXY protocol", versions 1 and 2): the addresses of the
/// client. A value; reading it is pure.
/// </summary>
/// <param name="Source">The client; null where the proxy does not say, or says something other than TCP over IP: the connection's
/// own address counts.</param>
/// <param name="Destination">What the client connected to; null together with <paramref name="Source"/>.</param>
internal readonly record struct ProxyHeader(IPEndPoint? Source, IPEndPoint? Destination)
{
    /// <summary>Section 2.1: with the longest addresses, the line end included.</summary>
    public const int MaxTextSize = 107;

    private const int BinaryHeadSize = 16;
    private const int Ip4Size = 12;
    private const int Ip6Size = 36;
    private const int UnixSize = 216;

    private static ReadOnlySpan<byte> TextBeginning => "PROXY "u8;

    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>Reads a header off the beginning of a connection.</summary>
    /// <param name="bytes">What has come so far.</param>
    /// <param name="maxSize">Bytes that a header of version 2 may have.</param>
    /// <param name="header">The header, where the verdict is a message.</param>
    /// <param name="length">Its bytes.</param>
    public static Verdict TryRead(ReadOnlySpan<byte> bytes, int maxSize, out ProxyHeader header, out int length)
    {
        header = default;
        length = 0;
        if (bytes.IsEmpty) return Verdict.NeedMore;
        return bytes[0] == TextBeginning[0]
            ? TryReadText(bytes, out header, out length)
            : TryReadBinary(bytes, maxSize, out header, out length);
    }

    private static Verdict TryReadText(ReadOnlySpan<byte> bytes, out ProxyHeader header, out int length)
    {
        header = default;
        length = 0;
        if (!Begins(bytes, TextBeginning)) return Refuse("no PROXY protocol header, which this peer must begin with");
        int end = bytes[..Math.Min(bytes.Length, MaxTextSize)].IndexOf("\r\n"u8);
        if (end < 0) return bytes.Length < MaxTextSize ? Verdict.NeedMore : Refuse("the line is too long");
        length = end + 2;
        return TryReadLine(Encoding.Latin1.GetString(bytes[TextBeginning.Length..end]),
            out header) ? Verdict.Message : Refuse("its line is malformed");
    }

    /// <summary>"TCP4" / "TCP6" SP source SP destination SP source-port SP destination-port, or "UNKNOWN" with anything behind it
    /// (section 2.1).</summary>
    private static bool TryReadLine(string line, out ProxyHeader header)
    {
        header = default;
        if (line == "UNKNOWN" || line.StartsWith("UNKNOWN ", StringComparison.Ordinal)) return true;
        string[] words = line.Split(' ');
        if (words.Length != 5 || words[0] is not ("TCP4" or "TCP6")) return false;
        AddressFamily family = words[0] == "TCP4" ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        if (!TryReadEndPoint(words[1], words[3], family, out IPEndPoint? source)
            || !TryReadEndPoint(words[2], words[4], family, out IPEndPoint? destination)) return false;
        header = new ProxyHeader(source, destination);
        return true;
    }

    private static bool TryReadEndPoint(string address, string port, AddressFamily family, out IPEndPoint? endPoint)
    {
        endPoint = null;
        if (!AddressText.TryRead(address, out IPAddress? ip) || ip!.AddressFamily != family) return false;
        if (!ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number)
            || (port[0] == '0' && port.Length > 1)) return false;
        endPoint = new IPEndPoint(NetworkList.Unmap(ip), number);
        return true;
    }

    /// <summary>Section 2.2: signature, version and command, family and transport, length; then addresses and what else there
    /// is.</summary>
    private static Verdict TryReadBinary(ReadOnlySpan<byte> bytes, int maxSize, out ProxyHeader header, out int length)
    {
        header = default;
        length = 0;
        if (!Begins(bytes, Signature)) return Refuse("no PROXY protocol header, which this peer must begin with");
        if (bytes.Length > 12 && bytes[12] is not (0x20 or 0x21)) return Refuse("its version or command is unknown");
        if (bytes.Length > 13 && bytes[12] == 0x21 && (bytes[13] >> 4 > 3 || (bytes[13] & 0xF) > 2))
            return Refuse("its address family or transport is unknown");
        if (bytes.Length < BinaryHeadSize) return Verdict.NeedMore;
        int total = BinaryHeadSize + BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        if (total > maxSize) return Refuse($"{total} bytes are more than MaxHeaderSize");
        int addresses = (bytes[13] >> 4) switch { 1 => Ip4Size, 2 => Ip6Size, 3 => UnixSize, _ => -1 };
        // LOCAL is a connection of the proxy itself, usually a health check: the rest of the header is to be ignored.
        bool isLocal = bytes[12] == 0x20 || addresses < 0;
        if (!isLocal && total < BinaryHeadSize + addresses) return Refuse("it is shorter than its addresses");
        if (bytes.Length < total) return Verdict.NeedMore;
        length = total;
        if (isLocal) return Verdict.Message;
        if (!AreWhole(bytes[..total], BinaryHeadSize + addresses, out string? fault)) return Refuse(fault!);
        // 1 is STREAM (TCP); the addresses of any other transport are not those of this connection.
        if ((bytes[13] & 0xF) != 1 || addresses == UnixSize) return Verdict.Message;
        ReadOnlySpan<byte> block = bytes.Slice(BinaryHeadSize, addresses);
        int size = (addresses - 4) / 2;
        header = new ProxyHeader(EndPoint(block[..size], block[(2 * size)..]),
            EndPoint(block.Slice(size, size), block[(2 * size + 2)..]));
        return Verdict.Message;
    }

    private static IPEndPoint EndPoint(ReadOnlySpan<byte> address, ReadOnlySpan<byte> port) =>
        new(NetworkList.Unmap(new IPAddress(address)), BinaryPrimitives.ReadUInt16BigEndian(port));

    /// <summary>Skips the type-length-value fields behind the addresses; a checksum among them must be right (section
    /// 2.2.3).</summary>
    private static bool AreWhole(ReadOnlySpan<byte> header, int position, out string? fault)
    {
        const byte Checksum = 0x03;
        fault = null;
        while (position < header.Length && fault is null)
        {
            ReadOnlySpan<byte> rest = header[position..];
            int size = rest.Length < 3 ? -1 : BinaryPrimitives.ReadUInt16BigEndian(rest[1..]);
            if (size < 0 || size > rest.Length - 3) fault = "one of its fields is longer than the header";
            else if (rest[0] == Checksum
                && (size != 4 || BinaryPrimitives.ReadUInt32BigEndian(rest[3..]) != ChecksumOf(header, position + 3)))
                fault = "its checksum is wrong";
            position += 3 + size;
        }
        return fault is null;
    }

    /// <summary>CRC32c of the whole header, with the checksum's own four bytes as zeros.</summary>
    private static uint ChecksumOf(ReadOnlySpan<byte> header, int at)
    {
        uint crc = uint.MaxValue;
        for (int i = 0; i < header.Length; i++) crc = BitOperations.Crc32C(crc, i >= at && i < at + 4 ? (byte)0 : header[i]);
        return ~crc;
    }

    /// <summary>Whether bytes begin as expected, or may still do so when more has arrived.</summary>
    private static bool Begins(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> beginning)
    {
        int common = Math.Min(bytes.Length, beginning.Length);
        return bytes[..common].SequenceEqual(beginning[..common]);
    }

    private static Verdict Refuse(string reason) => Verdict.Reject(0, reason);
}
