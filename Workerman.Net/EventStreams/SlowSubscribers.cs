namespace Workerman.EventStreams;

/// <summary>
/// What happens to a subscriber that has not read for so long that more than <see cref="EventStreamOptions.MaxBacklog"/> events,
/// or more than <see cref="EventStreamOptions.MaxBacklogSize"/> bytes of them, wait for it. One that keeps up gets every event,
/// whatever is chosen here.
/// </summary>
public enum SlowSubscribers
{
    /// <summary>
    /// It is disconnected. When it connects again, it resumes by the id of its last event, or is told that events are missing.
    /// </summary>
    Disconnect,

    /// <summary>It skips its oldest events, as many as are too many. They are counted as dropped.</summary>
    DropOldest,

    /// <summary>
    /// It gets of each key (see <see cref="EventStream.Publish(Protocols.Http.ServerSentEvents, string?, string?)"/>) only the
    /// newest event, in the order of publication; events without a key are treated as by <see cref="DropOldest"/>. What it skips
    /// is counted as dropped.
    /// </summary>
    NewestPerKey,
}
