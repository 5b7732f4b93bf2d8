using System.Globalization;
using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>
/// What an <see cref="EventStream"/> can stand on in place of the memory of its own process
/// (<see cref="EventStreamOptions.Log"/>): the events of a stream in one order, the same for all processes that use it. Several
/// streams, of one process or of many, may use one log. It is implemented by <see cref="MemoryEventLog"/> and, on Redis, by the
/// package Workerman.Net.Redis; an application may implement it on what it has (NATS JetStream, Kafka). Members are called on any
/// thread, also several at once.
/// <para>The events of a log have consecutive numbers from 1 on. Where a number has no event, because that was removed, those who
/// read past it are told: by the place that a batch begins after. A log that has lost events which somebody may have seen, or
/// gives their numbers to others, begins a new epoch, with number 1.</para>
/// </summary>
public interface IEventLog
{
    /// <summary>
    /// Whether <see cref="AppendAsync"/> is done when it returns, because it asks nobody: <see
    /// cref="EventStream.Publish(string)"/> can be used then.
    /// </summary>
    bool IsLocal { get; }

    /// <summary>Whether the log can be reached, and what it has; asks nobody. For metrics and health checks.</summary>
    EventLogStatus Status { get; }

    /// <summary>Adds an event at the end. Events that one caller adds one after the other keep their order.</summary>
    /// <param name="record">The event; its time and tag are the log's to set.</param>
    /// <param name="cancellation">Ends the waiting; the event may have been added all the same.</param>
    /// <returns>Its place.</returns>
    /// <exception cref="ArgumentException">An event with its id is in the log already, or the id is written as a place of the
    /// log's epoch is (<see cref="EventPlace.ToString"/>): a client that resumes by it could mean either.</exception>
    /// <exception cref="EventLogException">It could not be added, or it is not known whether it was; the message says
    /// which.</exception>
    ValueTask<EventPlace> AppendAsync(EventRecord record, CancellationToken cancellation = default);

    /// <summary>Reads what comes after a place.</summary>
    /// <param name="after">The place; null for the beginning, which is no gap.</param>
    /// <param name="limit">Events to read at most; the log may give fewer, so that a batch does not become too large, but at
    /// least one if there is one.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>The events after <paramref name="after"/>, or, if some of those are gone or another event has that place now, the
    /// first that there are: <see cref="EventBatch.After"/> differs from <paramref name="after"/> then.</returns>
    /// <exception cref="EventLogException">The log cannot be reached.</exception>
    ValueTask<EventBatch> ReadAsync(EventPlace? after, int limit, CancellationToken cancellation = default);

    /// <summary>Finds an event by an id of the application's own (<see cref="EventRecord.Id"/>).</summary>
    /// <param name="id">The id.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>Its place; null if there is none, or none any more.</returns>
    /// <exception cref="EventLogException">The log cannot be reached.</exception>
    ValueTask<EventPlace?> FindAsync(string id, CancellationToken cancellation = default);

    /// <summary>
    /// The events after a place, and then those that are added, each once and in order, until it is cancelled. It goes on by
    /// itself where the connection to the log is lost. A batch follows on the one before, unless
    /// <see cref="EventBatch.After"/> says that events are missing or that there is a new epoch, whose first events it then
    /// begins with. The first batch comes as soon as the log has been reached, without events if there are none.
    /// </summary>
    /// <param name="after">The place; null for none.</param>
    /// <param name="tail">Where <paramref name="after"/> is null: how many of the newest events it begins with.</param>
    /// <param name="cancellation">Ends it, with <see cref="OperationCanceledException"/> or without.</param>
    IAsyncEnumerable<EventBatch> FollowAsync(EventPlace? after, int tail, CancellationToken cancellation = default);

    /// <summary>Removes the events up to a place. Those that the log removes by itself, as it is set, need no call.</summary>
    /// <param name="upTo">The place of the last one that is removed; of another epoch: none is.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="EventLogException">The log cannot be reached.</exception>
    ValueTask TrimAsync(EventPlace upTo, CancellationToken cancellation = default);
}

/// <summary>
/// The place of an event in an <see cref="IEventLog"/>, which is also the id by which a client resumes after it. Immutable.
/// </summary>
/// <param name="Epoch">The epoch; letters and digits.</param>
/// <param name="Number">The number of the event in it, from 1 on; 0 for what stands before the first.</param>
/// <param name="Tag">Letters and digits that tell the event from another that had the same place before the log lost it; null
/// where that cannot happen, or is not known.</param>
public readonly record struct EventPlace(string Epoch, long Number, string? Tag = null)
{
    /// <summary>Reads what <see cref="ToString"/> has written.</summary>
    public static bool TryParse(string? text, out EventPlace place)
    {
        place = default;
        string[] parts = text?.Split('-') ?? [];
        if (parts.Length is not (2 or 3) || !parts.All(static part => part.Length > 0 && part.All(char.IsAsciiLetterOrDigit))
            || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long number)) return false;
        place = new EventPlace(parts[0], number, parts.ElementAtOrDefault(2));
        return true;
    }

    /// <summary><c>epoch-number</c> or <c>epoch-number-tag</c>.</summary>
    public override string ToString() => Tag is null
        ? string.Create(CultureInfo.InvariantCulture, $"{Epoch}-{Number}")
        : string.Create(CultureInfo.InvariantCulture, $"{Epoch}-{Number}-{Tag}");
}

/// <summary>An event as a log keeps it. Immutable.</summary>
public sealed record EventRecord
{
    /// <summary>The id of the application's own; null for the one of its place.</summary>
    public string? Id { get; init; }

    /// <summary>Its name; null for <c>message</c>.</summary>
    public string? Event { get; init; }

    /// <summary>Its data.</summary>
    public string? Data { get; init; }

    /// <summary>The comment that is sent before it.</summary>
    public string? Comment { get; init; }

    /// <summary>How long a client is to wait before it connects again, in milliseconds.</summary>
    public int? Retry { get; init; }

    /// <summary>Its topics; none if it is for all.</summary>
    public IReadOnlyList<string> Topics { get; init; } = [];

    /// <summary>The key of which it is the newest event.</summary>
    public string? Key { get; init; }

    /// <summary>When it was added, on the log's clock.</summary>
    public DateTimeOffset Time { get; init; }

    /// <summary>The tag of its place.</summary>
    public string? Tag { get; init; }

    /// <summary>
    /// How many characters its texts have: for a log that limits what it reads at once.
    /// </summary>
    public long Length => (Id?.Length ?? 0) + (Event?.Length ?? 0) + (Data?.Length ?? 0) + (Comment?.Length ?? 0)
        + (Key?.Length ?? 0) + Topics.Sum(static topic => topic.Length);

    /// <summary>Makes one of what is published.</summary>
    internal static EventRecord Of(ServerSentEvents message, IReadOnlyList<string> topics, string? key) => new()
    {
        Id = message.Id,
        Event = message.Event,
        Data = message.Data,
        Comment = message.Comment,
        Retry = message.Retry,
        Topics = topics,
        Key = key,
    };

    /// <summary>Whether an event can have such values.</summary>
    internal bool IsValid
    {
        get
        {
            try
            {
                _ = ToMessage();
                return Topics.All(static topic => topic is not null);
            }
            catch (ArgumentException)
            {
                return false;
            }
        }
    }

    /// <summary>The event as it is sent.</summary>
    /// <exception cref="ArgumentException">No event can have such values.</exception>
    internal ServerSentEvents ToMessage() => new() { Id = Id, Event = Event, Data = Data, Comment = Comment, Retry = Retry };
}

/// <summary>Some events that follow each other in a log. Immutable.</summary>
/// <param name="After">The place before the first of them.</param>
/// <param name="Events">The events, whose numbers follow that of <paramref name="After"/>; there may be none.</param>
public sealed record EventBatch(EventPlace After, IReadOnlyList<EventRecord> Events)
{
    /// <summary>The place of the last of them; <see cref="After"/> if there is none.</summary>
    public EventPlace End => Events.Count == 0 ? After : PlaceOf(Events.Count - 1);

    /// <summary>The place of one of them.</summary>
    public EventPlace PlaceOf(int index) => new(After.Epoch, After.Number + 1 + index, Events[index].Tag);
}

/// <summary>How it stands with a log. Immutable.</summary>
/// <param name="IsConnected">Whether the log could be reached when it was last asked or heard.</param>
/// <param name="Head">The newest place that is known; null as long as none is.</param>
/// <param name="GapReads">How often events had to be read because they had not been told.</param>
/// <param name="Pending">Events that wait to be added.</param>
public readonly record struct EventLogStatus(bool IsConnected, EventPlace? Head, long GapReads = 0, int Pending = 0);

/// <summary>
/// A log could not do what it was asked. The message says why, whether the event may have been published, and what to do.
/// </summary>
public sealed class EventLogException : IOException
{
    /// <inheritdoc cref="EventLogException(string, Exception?)"/>
    public EventLogException()
    {
    }

    /// <inheritdoc cref="EventLogException(string, Exception?)"/>
    public EventLogException(string? message)
        : base(message)
    {
    }

    /// <summary>Creates it.</summary>
    /// <param name="message">Why, and what to do.</param>
    /// <param name="innerException">What has caused it.</param>
    public EventLogException(string? message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
