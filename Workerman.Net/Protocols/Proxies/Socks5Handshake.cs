using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Workerman.Protocols.Proxies;

/// <summary>
/// SOCKS5 (RFC 1928) with user and password (RFC 1929). A host name goes to the proxy as it is, which then looks it up. Owned by
/// its attempt, on the loop's thread.
/// </summary>
internal sealed class Socks5Handshake(string host, int port, string? user, string? password) : ProxyHandshake
{
    private const byte Version = 5;
    private const byte NegotiationVersion = 1;
    private const byte NoAuthentication = 0;
    private const byte UserAndPassword = 2;
    private const byte NoneAcceptable = 0xFF;
    private const byte Connect = 1;
    private const byte IPv4 = 1;
    private const byte DomainName = 3;
    private const byte IPv6 = 4;

    /// <summary>RFC 1928, section 6: version, reply, reserved, type, a name of up to 255 bytes with its length, port.</summary>
    private const int LongestReply = 4 + 1 + 255 + 2;

    private Step _step = Step.Method;

    private enum Step
    {
        Method,
        Authentication,
        Reply,
    }

    public override int MaxReplySize => 2 + 2 + LongestReply;

    /// <summary>RFC 1928, section 3: user and password are offered only if there are any.</summary>
    public override void Begin(IBufferWriter<byte> output) =>
        output.Write<byte>(user is null ? [Version, 1, NoAuthentication] : [Version, 2, NoAuthentication, UserAndPassword]);

    public override Verdict Read(ref ReadOnlySequence<byte> input, IBufferWriter<byte> output)
    {
        while (true)
        {
            Step step = _step;
            Verdict verdict = step switch
            {
                Step.Method => ReadMethod(ref input, output),
                Step.Authentication => ReadAuthentication(ref input, output),
                _ => ReadReply(ref input),
            };
            // A proxy may have sent the replies to several steps at once: they are read now.
            if (verdict.Kind != VerdictKind.NeedMore || _step == step) return verdict;
        }
    }

    private Verdict ReadMethod(ref ReadOnlySequence<byte> input, IBufferWriter<byte> output)
    {
        var reader = new SequenceReader<byte>(input);
        if (!reader.TryRead(out byte version)) return Verdict.NeedMore;
        if (version != Version) return Verdict.Reject(0, "it does not speak SOCKS5");
        if (!reader.TryRead(out byte method)) return Verdict.NeedMore;
        input = input.Slice(reader.Position);
        switch (method)
        {
            case NoAuthentication:
                _step = Step.Reply;
                WriteRequest(output);
                return Verdict.NeedMore;
            case UserAndPassword when user is not null:
                _step = Step.Authentication;
                WriteAuthentication(output);
                return Verdict.NeedMore;
            case NoneAcceptable:
                return Verdict.Reject(407,
                    user is null ? "it wants a user and a password" : "it accepts no authentication by user and password");
            default:
                return Verdict.Reject(0, $"it chose authentication method {method}, which it was not offered");
        }
    }

    /// <summary>RFC 1929, section 2.</summary>
    private Verdict ReadAuthentication(ref ReadOnlySequence<byte> input, IBufferWriter<byte> output)
    {
        var reader = new SequenceReader<byte>(input);
        if (!reader.TryRead(out byte version)) return Verdict.NeedMore;
        if (version != NegotiationVersion) return Verdict.Reject(0, $"it answered the authentication in version {version}");
        if (!reader.TryRead(out byte status)) return Verdict.NeedMore;
        input = input.Slice(reader.Position);
        if (status != 0) return Verdict.Reject(407, "it refused the user or the password");
        _step = Step.Reply;
        WriteRequest(output);
        return Verdict.NeedMore;
    }

    /// <summary>RFC 1928, section 6. The address in the reply is the proxy's own, and not used.</summary>
    private static Verdict ReadReply(ref ReadOnlySequence<byte> input)
    {
        var reader = new SequenceReader<byte>(input);
        if (!reader.TryRead(out byte version)) return Verdict.NeedMore;
        if (version != Version) return Verdict.Reject(0, $"it answered the request in version {version}");
        if (!reader.TryRead(out byte reply)) return Verdict.NeedMore;
        // A refusal is known from its code alone, and some proxies send no more than that.
        if (reply != 0) return Verdict.Reject(reply, WordsOf(reply));
        if (!reader.TryRead(out byte reserved)) return Verdict.NeedMore;
        if (reserved != 0) return Verdict.Reject(0, "its reply is malformed");
        if (!reader.TryRead(out byte type)) return Verdict.NeedMore;
        int length;
        switch (type)
        {
            case IPv4:
                length = 4;
                break;
            case IPv6:
                length = 16;
                break;
            case DomainName:
                if (!reader.TryRead(out byte count)) return Verdict.NeedMore;
                length = count;
                break;
            default:
                return Verdict.Reject(0, $"its reply has an address of type {type}");
        }
        if (reader.Remaining < length + 2) return Verdict.NeedMore;
        reader.Advance(length + 2);
        input = input.Slice(reader.Position);
        return Verdict.Message;
    }

    private void WriteAuthentication(IBufferWriter<byte> output)
    {
        output.Write<byte>([NegotiationVersion]);
        WriteCounted(Encoding.UTF8.GetBytes(user!), output);
        WriteCounted(Encoding.UTF8.GetBytes(password!), output);
    }

    /// <summary>RFC 1928, section 4.</summary>
    private void WriteRequest(IBufferWriter<byte> output)
    {
        output.Write<byte>([Version, Connect, 0]);
        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            output.Write<byte>([address.AddressFamily == AddressFamily.InterNetworkV6 ? IPv6 : IPv4]);
            output.Write(address.GetAddressBytes());
        }
        else
        {
            output.Write<byte>([DomainName]);
            WriteCounted(Encoding.ASCII.GetBytes(host), output);
        }
        BinaryPrimitives.WriteUInt16BigEndian(output.GetSpan(2), (ushort)port);
        output.Advance(2);
    }

    private static void WriteCounted(byte[] bytes, IBufferWriter<byte> output)
    {
        output.Write<byte>([(byte)bytes.Length]);
        output.Write(bytes);
    }

    private static string WordsOf(byte reply) => reply switch
    {
        1 => "general failure",
        2 => "its rules do not allow the connection",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => $"reply {reply}",
    };
}
