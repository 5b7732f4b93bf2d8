using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Workerman.Protocols.Http;

namespace Workerman.Grouping;

/// <summary>A message as it comes from another node. Immutable.</summary>
/// <param name="Node">Who has sent it.</param>
/// <param name="Group">To whom; null for all.</param>
/// <param name="Message">The message.</param>
/// <param name="Except">Who is not to get it: groups alone, because connections are known to their own node only.</param>
internal sealed record RemoteMessage(Guid Node, string? Group, GroupMessage Message, Exclusion Except);

/// <summary>What a message was refused for; its text is the reason.</summary>
internal sealed class GroupWireException(string reason, Exception? inner = null) : Exception(reason, inner);

/// <summary>
/// How messages between nodes are bytes: a version (1), the sending node (16 bytes), the kind, whether a group follows (1) or all
/// are meant (0), the group, how many groups are excepted (a byte) and their names, then the content. A name is two bytes of
/// length, the most significant first, and UTF-8. What comes is trusted in nothing: it may be of another version, cut off, or
/// somebody else's. Pure; any thread.
/// </summary>
internal static class GroupWire
{
    /// <summary>How many groups can be excepted.</summary>
    public const int MostExcepted = byte.MaxValue;

    private const byte Version = 1;

    /// <summary>Bytes that are not valid UTF-8, and text that is not valid UTF-16, are refused and not replaced.</summary>
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private enum Kind : byte
    {
        /// <summary>Text, as UTF-8.</summary>
        Text = 1,

        /// <summary>Bytes.</summary>
        Bytes = 2,

        /// <summary>An event: which of its fields it has, a byte of <see cref="Fields"/>, then those.</summary>
        Event = 3,

        /// <summary>The members are closed.</summary>
        Close = 4,

        /// <summary>The members are sent a last text, and closed.</summary>
        CloseWithText = 5,

        /// <summary>The members leave the group.</summary>
        Dissolve = 6,
    }

    [Flags]
    private enum Fields : byte
    {
        /// <summary>The event's name.</summary>
        Event = 1,

        /// <summary>Its data.</summary>
        Data = 2,

        /// <summary>Its id.</summary>
        Id = 4,

        /// <summary>How long a client waits, four bytes of milliseconds.</summary>
        Retry = 8,

        /// <summary>A comment.</summary>
        Comment = 16,
    }

    /// <summary>Whether a name is the same on all nodes: valid UTF-16 can be UTF-8.</summary>
    public static bool IsValidName(string name)
    {
        try
        {
            Utf8.GetByteCount(name);
            return true;
        }
        catch (EncoderFallbackException)
        {
            return false;
        }
    }

    /// <summary>Writes a message, as it is not changed any more.</summary>
    /// <exception cref="InvalidOperationException">It is of a kind that only its own node knows.</exception>
    public static byte[] Write(Guid node, string? group, GroupMessage message, string[] except)
    {
        var output = new ArrayBufferWriter<byte>();
        output.Write([Version]);
        node.TryWriteBytes(output.GetSpan(16));
        output.Advance(16);
        output.Write([(byte)KindOf(message), group is null ? (byte)0 : (byte)1]);
        if (group is not null) WriteName(group, output);
        output.Write([(byte)except.Length]);
        foreach (string name in except) WriteName(name, output);
        WriteContent(message, output);
        return output.WrittenSpan.ToArray();
    }

    /// <exception cref="GroupWireException">It is malformed, or of a version that is not known here.</exception>
    public static RemoteMessage Read(ReadOnlyMemory<byte> bytes)
    {
        var reader = new Reader(bytes);
        byte version = reader.Byte();
        if (version != Version) throw new GroupWireException($"it is of version {version}, and this node knows {Version} alone");
        var node = new Guid(reader.Bytes(16).Span);
        var kind = (Kind)reader.Byte();
        string? group = reader.Byte() switch
        {
            0 => null,
            1 => reader.Name(),
            byte other => throw new GroupWireException($"it is neither for all nor for a group ({other})"),
        };
        string[] except = new string[reader.Byte()];
        for (int i = 0; i < except.Length; i++) except[i] = reader.Name();
        GroupMessage message = ReadContent(kind, ref reader);
        if (message is DissolveMessage && group is null) throw new GroupWireException("it dissolves no group");
        return new RemoteMessage(node, group, message, except.Length == 0 ? Exclusion.None : new Exclusion([], except));
    }

    private static Kind KindOf(GroupMessage message) => message switch
    {
        TextMessage => Kind.Text,
        BytesMessage => Kind.Bytes,
        EventMessage => Kind.Event,
        CloseMessage { Last: null } => Kind.Close,
        CloseMessage => Kind.CloseWithText,
        DissolveMessage => Kind.Dissolve,
        _ => throw new InvalidOperationException($"A {message.Kind} is a message of your own protocol, which other nodes cannot "
            + "read. Cure: send its text or its bytes, or send it on each node."),
    };

    private static void WriteName(string name, ArrayBufferWriter<byte> output)
    {
        Span<byte> span = output.GetSpan(2 + Utf8.GetByteCount(name));
        int length = Utf8.GetBytes(name, span[2..]);
        BinaryPrimitives.WriteUInt16BigEndian(span, (ushort)length);
        output.Advance(2 + length);
    }

    private static void WriteContent(GroupMessage message, ArrayBufferWriter<byte> output)
    {
        switch (message)
        {
            // As on the wire to the members, text that is not valid UTF-16 has U+FFFD where it is not.
            case TextMessage text: Encoding.UTF8.GetBytes(text.Text, output); break;
            case CloseMessage { Last: { } last }: Encoding.UTF8.GetBytes(last.Text, output); break;
            case BytesMessage bytes: output.Write(bytes.Bytes.Span); break;
            case EventMessage sent: WriteEvent(sent.Event, output); break;
        }
    }

    private static void WriteEvent(ServerSentEvents message, ArrayBufferWriter<byte> output)
    {
        Fields fields = (message.Event is null ? 0 : Fields.Event) | (message.Data is null ? 0 : Fields.Data)
            | (message.Id is null ? 0 : Fields.Id) | (message.Retry is null ? 0 : Fields.Retry)
            | (message.Comment is null ? 0 : Fields.Comment);
        output.Write([(byte)fields]);
        WriteText(message.Event, output);
        WriteText(message.Data, output);
        WriteText(message.Id, output);
        if (message.Retry is { } retry) WriteNumber(retry, output);
        WriteText(message.Comment, output);
    }

    private static void WriteText(string? text, ArrayBufferWriter<byte> output)
    {
        if (text is null) return;
        WriteNumber(Encoding.UTF8.GetByteCount(text), output);
        Encoding.UTF8.GetBytes(text, output);
    }

    private static void WriteNumber(int number, ArrayBufferWriter<byte> output)
    {
        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(4), number);
        output.Advance(4);
    }

    private static GroupMessage ReadContent(Kind kind, ref Reader reader) => kind switch
    {
        Kind.Text => new TextMessage(reader.RestAsText()),
        Kind.Bytes => new BytesMessage(reader.Rest()),
        Kind.Event => new EventMessage(ReadEvent(ref reader)),
        Kind.Close => new CloseMessage(null),
        Kind.CloseWithText => new CloseMessage(new TextMessage(reader.RestAsText())),
        Kind.Dissolve => DissolveMessage.Instance,
        _ => throw new GroupWireException($"its kind {(byte)kind} is not known here"),
    };

    private static ServerSentEvents ReadEvent(ref Reader reader)
    {
        var fields = (Fields)reader.Byte();
        var message = new ServerSentEvents();
        try
        {
            if (fields.HasFlag(Fields.Event)) message.Event = reader.Text();
            if (fields.HasFlag(Fields.Data)) message.Data = reader.Text();
            if (fields.HasFlag(Fields.Id)) message.Id = reader.Text();
            if (fields.HasFlag(Fields.Retry)) message.Retry = reader.Number();
            if (fields.HasFlag(Fields.Comment)) message.Comment = reader.Text();
        }
        catch (ArgumentException e)
        {
            throw new GroupWireException($"its event is none: {e.Message}", e);
        }
        return message;
    }

    /// <summary>What has not been read of a message. A value of who reads, on its thread.</summary>
    private struct Reader(ReadOnlyMemory<byte> rest)
    {
        private ReadOnlyMemory<byte> _rest = rest;

        public byte Byte() => Bytes(1).Span[0];

        public int Number() => BinaryPrimitives.ReadInt32BigEndian(Bytes(4).Span);

        public string Name()
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(Bytes(2).Span);
            return length == 0 ? throw new GroupWireException("a group has no name") : TextOf(Bytes(length));
        }

        public string Text() => TextOf(Bytes(Number()));

        public ReadOnlyMemory<byte> Rest() => Bytes(_rest.Length);

        public string RestAsText() => TextOf(Rest());

        public ReadOnlyMemory<byte> Bytes(int count)
        {
            if (count < 0 || count > _rest.Length) throw new GroupWireException("it ends too early");
            ReadOnlyMemory<byte> bytes = _rest[..count];
            _rest = _rest[count..];
            return bytes;
        }

        private static string TextOf(ReadOnlyMemory<byte> bytes)
        {
            try
            {
                return Utf8.GetString(bytes.Span);
            }
            catch (DecoderFallbackException e)
            {
                throw new GroupWireException("a text in it is not valid UTF-8", e);
            }
        }
    }
}
