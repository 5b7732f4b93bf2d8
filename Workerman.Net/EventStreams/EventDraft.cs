using System.Buffers;
using System.Text;
using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>
/// An event that is encoded, and has no place in the log yet: publishers encode side by side, each on its thread, and only the
/// place is given under the log's lock. The id of the stream is written for the place that the event is likely to get, and
/// corrected by <see cref="TryPlace"/> where it gets another. Made for one event; its bytes are the event's from then on.
/// </summary>
internal readonly struct EventDraft
{
    /// <summary>Where the bytes of the id begin.</summary>
    private readonly int _idAt;

    /// <summary>The sequence that the id is written for; 0 for an id of the application's own.</summary>
    private readonly long _sequence;

    /// <summary>The ids that it is one of.</summary>
    private readonly EventIds _ids;

    /// <param name="message">The event.</param>
    /// <param name="ids">The ids of the stream.</param>
    /// <param name="sequence">The place that it is likely to get.</param>
    /// <param name="limit">Bytes that it may have.</param>
    /// <exception cref="ArgumentException">It has more; nothing that large is made for it.</exception>
    public EventDraft(ServerSentEvents message, EventIds ids, long sequence, int limit)
    {
        if (StreamMeter.Delay.Enabled) Began = PublishedEvent.Microseconds();
        _sequence = message.Id is null ? sequence : 0;
        _ids = ids;
        Id = message.Id ?? ids.Of(sequence);
        long size = message.SizeWith(Id, limit, out _idAt);
        if (size > limit)
            throw new ArgumentException($"The event has more than {limit} bytes as it is sent, with \"data: \" before each line. "
                + "Every subscriber would be sent them, and the log would keep them. Cure: publish where it can be fetched, "
                + "or raise EventStreamOptions.MaxEventSize.", nameof(message));
        Message = message;
        Bytes = GC.AllocateUninitializedArray<byte>((int)size);
        message.WriteTo(new ExactBuffer(Bytes), Id);
    }

    /// <summary>One that has its place in another log already, and its id.</summary>
    public EventDraft(ServerSentEvents message, string id)
    {
        _ids = null!;
        Id = id;
        Message = message;
        Bytes = GC.AllocateUninitializedArray<byte>((int)message.SizeWith(id, Array.MaxLength, out _));
        message.WriteTo(new ExactBuffer(Bytes), id);
    }

    public ServerSentEvents Message { get; }

    /// <summary>When that was; see <see cref="PublishedEvent.Began"/>.</summary>
    public uint Began { get; }

    /// <summary>Its id, once it has its place.</summary>
    public string Id { get; }

    /// <summary>The event as it is sent.</summary>
    public byte[] Bytes { get; }

    /// <summary>Gives it its place.</summary>
    /// <param name="ids">The ids of the stream.</param>
    /// <param name="sequence">The place.</param>
    /// <param name="id">Its id there.</param>
    /// <returns>False if the id of that place has another length, which happens once for each digit: it is drafted
    /// again.</returns>
    public bool TryPlace(EventIds ids, long sequence, out string id)
    {
        id = Id;
        if (_sequence == 0 || (_sequence == sequence && _ids == ids)) return true;
        id = ids.Of(sequence);
        if (id.Length != Id.Length) return false;
        Encoding.ASCII.GetBytes(id, Bytes.AsSpan(_idAt));
        return true;
    }

    /// <summary>
    /// An array that is as long as what is written to it. Writers ask for more room than they turn out to need. Used once, on the
    /// thread that drafts.
    /// </summary>
    private sealed class ExactBuffer(byte[] bytes) : IBufferWriter<byte>
    {
        private int _length;

        public void Advance(int count) => _length += count;

        public Memory<byte> GetMemory(int sizeHint = 0) => bytes.AsMemory(_length);

        public Span<byte> GetSpan(int sizeHint = 0) => bytes.AsSpan(_length);
    }
}
