using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Workerman.EventStreams;

/// <summary>
/// An event that was published on an <see cref="EventStream"/>: what filters are given, with the bytes that are sent to every
/// subscriber. It never changes, except for the mark that its key has a newer one. Any thread.
/// </summary>
public sealed class PublishedEvent
{
    private bool _superseded;

    internal PublishedEvent(long sequence, string id, EventTopics topics, string? key, string? name, string? data, byte[] bytes,
        long time)
    {
        Sequence = sequence;
        Id = id;
        AllTopics = topics;
        Key = key;
        Event = name;
        Data = data;
        Bytes = bytes;
        Time = time;
    }

    /// <summary>Its place among the events of the stream, from 1 on.</summary>
    public long Sequence { get; }

    /// <summary>Its id: the application's own, or the one that the stream gave it.</summary>
    public string Id { get; }

    /// <summary>Its topic, the first if it has several; null if it is for all.</summary>
    public string? Topic => AllTopics.First;

    /// <summary>
    /// Its topics, in the order in which they were given, each once; none if it is for all. <see cref="Topic"/> costs less where
    /// it has only one.
    /// </summary>
    public IReadOnlyList<string> Topics => AllTopics.All;

    /// <summary>The key of which it is the newest event, for <see cref="SlowSubscribers.NewestPerKey"/>; null for none.</summary>
    public string? Key { get; }

    /// <summary>Its name; null for <c>message</c>.</summary>
    public string? Event { get; }

    /// <summary>Its data.</summary>
    public string? Data { get; }

    /// <summary>The same as <see cref="Topics"/>.</summary>
    internal EventTopics AllTopics { get; }

    /// <summary>The event as it is sent. Nobody changes these bytes.</summary>
    internal byte[] Bytes { get; }

    /// <summary>How many bytes all events up to it have, itself included.</summary>
    internal long End { get; init; }

    /// <summary>When it was published, on the clock of the stream's options.</summary>
    internal long Time { get; }

    /// <summary>
    /// When its publication began, in microseconds modulo 2^32; 0 if nobody measures how long events take. It has the room that
    /// <see cref="IsSuperseded"/> leaves.
    /// </summary>
    internal uint Began { get; init; }

    /// <summary>Whether its key has a newer event.</summary>
    internal bool IsSuperseded
    {
        get => Volatile.Read(ref _superseded);
        set => Volatile.Write(ref _superseded, value);
    }

    /// <summary>The time for <see cref="Began"/>, never 0.</summary>
    internal static uint Microseconds()
    {
        uint now = (uint)(Stopwatch.GetElapsedTime(0).Ticks / TimeSpan.TicksPerMicrosecond);
        return now == 0 ? 1 : now;
    }

    /// <summary>The same event at another place.</summary>
    /// <param name="sequence">The place.</param>
    /// <param name="id">Its id there; the bytes are written anew where it is another one.</param>
    /// <param name="time">When it was published, on the clock there.</param>
    /// <param name="end">How many bytes the events before it have.</param>
    internal PublishedEvent At(long sequence, string id, long time, long end)
    {
        byte[] bytes = id == Id ? Bytes : WithId(id);
        return new PublishedEvent(sequence, id, AllTopics, Key, Event, Data, bytes, time) { End = end + bytes.Length };
    }

    /// <summary>
    /// What its bytes alone have of what was published: no other line begins with a colon, or with the name of that field.
    /// </summary>
    internal (string? Comment, int? Retry) ReadCommentAndRetry()
    {
        var comment = new List<string>();
        int? retry = null;
        foreach (string line in Encoding.UTF8.GetString(Bytes).Split('\n'))
        {
            if (line.StartsWith(": ", StringComparison.Ordinal)) comment.Add(line[2..]);
            else if (line.StartsWith("retry: ", StringComparison.Ordinal))
                retry = int.Parse(line.AsSpan(7), NumberStyles.None, CultureInfo.InvariantCulture);
        }
        return (comment.Count == 0 ? null : string.Join('\n', comment), retry);
    }

    /// <summary>
    /// Its bytes with another id. No other line of an event begins with the name of that field: those of data, comments and names
    /// have their own.
    /// </summary>
    private byte[] WithId(string id)
    {
        ReadOnlySpan<byte> line = Encoding.UTF8.GetBytes($"id: {Id}\n");
        int at = Bytes.AsSpan().StartsWith(line) ? 0 : Bytes.AsSpan().IndexOf([(byte)'\n', .. line]) + 1;
        return [.. Bytes.AsSpan(0, at), .. Encoding.UTF8.GetBytes($"id: {id}\n"), .. Bytes.AsSpan(at + line.Length)];
    }

    /// <summary>Id, topics and name, for logs and debuggers.</summary>
    public override string ToString() => $"{Id} {AllTopics} {Event ?? "message"}";
}
