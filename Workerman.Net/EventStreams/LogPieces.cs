using System.Buffers;
using Workerman.Handover;

namespace Workerman.EventStreams;

/// <summary>
/// The image of a log as bytes, in pieces that a channel between processes carries one at a time, however large an event is. Each
/// says which stream it is of. No state; any thread.
/// </summary>
internal static class LogPieces
{
    /// <summary>What each piece begins with.</summary>
    public const byte Version = 2;

    /// <summary>Bytes that a piece has, but for its head.</summary>
    private const int Size = 1024 * 1024;

    /// <summary>Makes the pieces, one after the other, so that they are not all in memory at once.</summary>
    public static IEnumerable<byte[]> Encode(string name, int index, LogImage image)
    {
        var buffer = new PieceBuffer(name, index);
        var writer = new HandoverWriter(buffer);
        writer.Write(image.Epoch);
        writer.Write(image.Head);
        writer.Write(image.Floor);
        foreach (IReadOnlyList<PublishedEvent> events in new[] { image.Newest, image.Events })
        {
            writer.Write(events.Count);
            foreach (PublishedEvent published in events)
            {
                Write(writer, published, image.Now);
                while (buffer.Full.TryDequeue(out byte[]? piece)) yield return piece;
            }
        }
        buffer.End();
        while (buffer.Full.TryDequeue(out byte[]? piece)) yield return piece;
    }

    /// <summary>Reads the head of a piece.</summary>
    /// <exception cref="InvalidDataException">Another version has written it, or it is damaged.</exception>
    public static Piece Read(byte[] piece)
    {
        var reader = new HandoverReader(new ReadOnlySequence<byte>(piece));
        reader.ReadVersion(Version);
        return new Piece(reader.ReadText(), reader.ReadInt32(), reader.ReadInt32(), reader.ReadBoolean(),
            reader.Rest.First);
    }

    /// <summary>Puts the contents of all pieces together.</summary>
    /// <exception cref="InvalidDataException">They are damaged.</exception>
    public static LogImage Decode(IEnumerable<ReadOnlyMemory<byte>> contents)
    {
        var reader = new HandoverReader(Join(contents));
        string epoch = reader.ReadText();
        long head = reader.ReadInt64();
        long floor = reader.ReadInt64();
        PublishedEvent[] newest = ReadEvents(ref reader);
        PublishedEvent[] events = ReadEvents(ref reader);
        for (int i = 0; i < events.Length; i++)
        {
            if (events[i].Sequence != head - events.Length + 1 + i) throw HandoverReader.Damaged();
        }
        return new LogImage(epoch, head, floor, Now: 0, newest, events);
    }

    private static void Write(HandoverWriter writer, PublishedEvent published, long now)
    {
        writer.Write(published.Sequence);
        writer.Write(published.Id);
        published.AllTopics.WriteTo(writer);
        writer.Write(published.Key);
        writer.Write(published.Event);
        writer.Write(published.Data);
        writer.Write(published.Bytes);
        // Its age: the clocks of two processes need not agree.
        writer.Write(now - published.Time);
    }

    private static PublishedEvent[] ReadEvents(ref HandoverReader reader)
    {
        int count = reader.ReadInt32();
        // Each has more than a byte, so that no memory is taken for a number alone.
        if (count < 0 || count > reader.Rest.Length) throw HandoverReader.Damaged();
        var events = new PublishedEvent[count];
        for (int i = 0; i < count; i++)
        {
            events[i] = new PublishedEvent(reader.ReadInt64(), reader.ReadText(), EventTopics.ReadFrom(ref reader),
                reader.ReadTextOrNull(), reader.ReadTextOrNull(), reader.ReadTextOrNull(), reader.ReadBytes(),
                -reader.ReadInt64());
        }
        return events;
    }

    private static ReadOnlySequence<byte> Join(IEnumerable<ReadOnlyMemory<byte>> contents)
    {
        Segment? first = null;
        Segment? last = null;
        foreach (ReadOnlyMemory<byte> content in contents)
        {
            last = new Segment(content, last);
            first ??= last;
        }
        return first is null ? default : new ReadOnlySequence<byte>(first, 0, last!, last!.Memory.Length);
    }

    /// <summary>One piece.</summary>
    /// <param name="Name">Name of its stream.</param>
    /// <param name="Index">Which of the streams with that name.</param>
    /// <param name="Number">Which of the stream's pieces it is, from 0 on.</param>
    /// <param name="IsLast">Whether it is the last of them.</param>
    /// <param name="Content">The bytes.</param>
    internal readonly record struct Piece(string Name, int Index, int Number, bool IsLast, ReadOnlyMemory<byte> Content);

    /// <summary>Cuts what is written into pieces.</summary>
    private sealed class PieceBuffer(string name, int index) : IBufferWriter<byte>
    {
        private readonly byte[] _content = new byte[Size];
        private int _length;
        private int _number;

        /// <summary>Those that are ready.</summary>
        public Queue<byte[]> Full { get; } = [];

        public void Advance(int count) => _length += count;

        public Memory<byte> GetMemory(int sizeHint = 0)
        {
            if (_content.Length - _length < Math.Max(sizeHint, 1)) Cut(isLast: false);
            return _content.AsMemory(_length);
        }

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        /// <summary>All has been written.</summary>
        public void End() => Cut(isLast: true);

        private void Cut(bool isLast)
        {
            var piece = new ArrayBufferWriter<byte>(_length + 256);
            var writer = new HandoverWriter(piece);
            writer.Write(Version);
            writer.Write(name);
            writer.Write(index);
            writer.Write(_number++);
            writer.Write(isLast);
            piece.Write(_content.AsSpan(0, _length));
            Full.Enqueue(piece.WrittenSpan.ToArray());
            _length = 0;
        }
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? before)
        {
            Memory = memory;
            if (before is null) return;
            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }
}
