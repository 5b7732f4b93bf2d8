using Workerman.Handover;
using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>
/// Publishes an event in the process that has taken over.
/// </summary>
/// <param name="stream">Name of the stream.</param>
/// <param name="index">Which of the streams with that name.</param>
/// <param name="message">The event.</param>
/// <param name="topics">Its topics.</param>
/// <param name="key">Its key.</param>
/// <returns>Its id.</returns>
/// <exception cref="InvalidOperationException">That process is gone; the message says so, and what to do.</exception>
internal delegate string ForwardEvent(string stream, int index, ServerSentEvents message, EventTopics topics, string? key);

/// <summary>
/// The event streams that go from one process to the next together: all of a process (<see cref="Process"/>), or those of a test.
/// In the old process they are frozen and their logs exported, in the new one imported: by streams that are there, and by those
/// that are made later, for which the logs wait. A stream is known by its name and, where several have one, by which of them it
/// is in the order in which they were made (<see cref="EventStream.Index"/>); completed ones do not count. Any thread.
/// </summary>
/// <param name="waitTime">How long a log waits for its stream to be made; null for a minute.</param>
internal sealed class StreamGroup(TimeSpan? waitTime = null)
{
    private static readonly EventStreamOptions OptionsOfWaiting = new()
    {
        ReplayCount = 1_000_000,
        ReplayAge = Timeout.InfiniteTimeSpan,
        SlowSubscribers = SlowSubscribers.NewestPerKey,
    };

    private readonly Lock _gate = new();

    /// <summary>Pieces that have come, of logs that have not come whole.</summary>
    private readonly Dictionary<(string Name, int Index), List<ReadOnlyMemory<byte>>> _pieces = [];

    /// <summary>Logs whose stream is yet to be made.</summary>
    private readonly Dictionary<(string Name, int Index), (EventLog Log, long Floor)> _waiting = [];

    private System.Threading.Timer? _expiry;
    private ForwardEvent? _forward;

    /// <summary>That of the streams that applications make.</summary>
    public static StreamGroup Process { get; } = new();

    /// <summary>How many logs wait for their stream.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate) return _waiting.Count;
        }
    }

    /// <summary>A stream has been made: it goes on with the log that waits for it, or is frozen as the others are.</summary>
    public void Add(EventStream stream)
    {
        lock (_gate)
        {
            stream.Index = Same(stream.Name).Select(static other => other.Index + 1).DefaultIfEmpty().Max();
            StreamMeter.Add(stream);
            if (_forward is not null) stream.Freeze(_forward);
            // One that stands on a log of several processes has its events from there.
            if (!_waiting.Remove((stream.Name, stream.Index), out (EventLog Log, long Floor) waiting)
                || stream.Options.Log is not null) return;
            stream.GoOnWith(Capture(waiting), stream.Index);
        }
    }

    /// <summary>
    /// From here on what is published on the streams goes to the process that has taken over. What was published before is in
    /// <see cref="Export"/>.
    /// </summary>
    public void Freeze(ForwardEvent forward)
    {
        lock (_gate)
        {
            _forward = forward;
            var counts = new Dictionary<string, int>();
            foreach (EventStream stream in Streams())
            {
                // Some that were made before it may be gone, and are not made in the new process either.
                stream.Index = counts.GetValueOrDefault(stream.Name);
                counts[stream.Name] = stream.Index + 1;
                stream.Freeze(forward);
            }
        }
    }

    /// <summary>
    /// The logs of the frozen streams, and those whose stream has not been made here, in pieces of about a megabyte, which are
    /// made as they are asked for.
    /// </summary>
    public IEnumerable<byte[]> Export()
    {
        EventStream[] streams;
        KeyValuePair<(string Name, int Index), (EventLog Log, long Floor)>[] waiting;
        lock (_gate)
        {
            streams = [.. Streams().Where(static stream => stream.IsFrozen && stream.Options.Log is null)];
            waiting = [.. _waiting];
        }
        return streams.SelectMany(static stream => LogPieces.Encode(stream.Name, stream.Index, stream.Capture()))
            .Concat(waiting.SelectMany(static one => LogPieces.Encode(one.Key.Name, one.Key.Index, Capture(one.Value))));
    }

    /// <summary>Takes in a piece of what another process has exported. The pieces of a stream come in their order.</summary>
    /// <exception cref="InvalidDataException">Another version has exported it, or it is damaged.</exception>
    public void Import(byte[] piece)
    {
        LogPieces.Piece read = LogPieces.Read(piece);
        (string, int) of = (read.Name, read.Index);
        lock (_gate)
        {
            if (!_pieces.TryGetValue(of, out List<ReadOnlyMemory<byte>>? before)) _pieces.Add(of, before = []);
            if (read.Number != before.Count) throw HandoverReader.Damaged();
            before.Add(read.Content);
            if (!read.IsLast) return;
            _pieces.Remove(of);
            LogImage image = LogPieces.Decode(before);
            if (Find(read.Name, read.Index) is not { } stream) Wait(of, image);
            else if (stream.Options.Log is null) stream.GoOnWith(image, read.Index);
        }
    }

    /// <summary>
    /// Publishes for another process, also where the stream is yet to be made: the event waits with its log then.
    /// </summary>
    /// <inheritdoc cref="ForwardEvent"/>
    /// <exception cref="ArgumentException">The event is not valid; the message says why.</exception>
    /// <exception cref="InvalidOperationException">The stream is completed.</exception>
    public string Publish(string stream, int index, ServerSentEvents message, EventTopics topics, string? key)
    {
        EventStream? found;
        ForwardEvent? forward;
        lock (_gate)
        {
            found = Find(stream, index);
            forward = found is null ? _forward : null;
            if (found is null && forward is null)
            {
                EventLog log = _waiting.TryGetValue((stream, index), out (EventLog Log, long Floor) waiting)
                    ? waiting.Log
                    : Wait((stream, index), image: null);
                PublishedEvent published = log.Append(message, topics, key);
                // Nobody reads there, so only its size bounds it.
                lock (log.Gate) log.Trim(floor: 0);
                return published.Id;
            }
        }
        return forward?.Invoke(stream, index, message, topics, key) ?? found!.PublishOn(message, topics, key);
    }

    private static LogImage Capture((EventLog Log, long Floor) waiting)
    {
        lock (waiting.Log.Gate) return waiting.Log.Capture(waiting.Floor);
    }

    private EventLog Wait((string Name, int Index) of, LogImage? image)
    {
        var log = new EventLog(OptionsOfWaiting);
        if (image is not null)
        {
            lock (log.Gate) log.GoOnWith(image);
        }
        _waiting[of] = (log, image?.Floor ?? long.MaxValue);
        _expiry ??= new System.Threading.Timer(_ => StopWaiting());
        _expiry.Change(waitTime ?? TimeSpan.FromMinutes(1), Timeout.InfiniteTimeSpan);
        return log;
    }

    /// <summary>Nobody has made these streams: a new version of the application may have others.</summary>
    private void StopWaiting()
    {
        lock (_gate)
        {
            _waiting.Clear();
            _pieces.Clear();
        }
    }

    /// <summary>Rather one that is not completed: only such ones count where streams are told apart.</summary>
    private EventStream? Find(string name, int index) => StreamMeter.Streams()
        .Where(stream => stream.Group == this && stream.Name == name && stream.Index == index)
        .MinBy(static stream => stream.IsCompleted);

    private IEnumerable<EventStream> Same(string name) => Streams().Where(stream => stream.Name == name);

    /// <summary>In the order in which they were made.</summary>
    private IEnumerable<EventStream> Streams() =>
        StreamMeter.Streams().Where(stream => stream.Group == this && !stream.IsCompleted);
}

/// <summary>The event streams of this process on their way to the next one. Any thread.</summary>
internal static class StreamHandover
{
    /// <inheritdoc cref="StreamGroup.Freeze"/>
    public static void Freeze(ForwardEvent forward) => StreamGroup.Process.Freeze(forward);

    /// <inheritdoc cref="StreamGroup.Export"/>
    public static IEnumerable<byte[]> Export() => StreamGroup.Process.Export();

    /// <inheritdoc cref="StreamGroup.Import"/>
    public static void Import(byte[] piece) => StreamGroup.Process.Import(piece);

    /// <inheritdoc cref="StreamGroup.Publish"/>
    public static string Publish(string stream, int index, ServerSentEvents message, EventTopics topics, string? key) =>
        StreamGroup.Process.Publish(stream, index, message, topics, key);
}
