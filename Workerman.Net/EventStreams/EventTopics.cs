using Workerman.Handover;

namespace Workerman.EventStreams;

/// <summary>
/// The topics of an event, in the room of one reference, because there is one for each event of a log: null for none, the topic
/// itself, or an object that has several. They stand in the order in which they were given, each once. Immutable; any thread.
/// </summary>
internal readonly struct EventTopics
{
    /// <summary>So many are compared one by one, which is faster than to look them up.</summary>
    public const int Few = 8;

    private readonly object? _topics;

    private EventTopics(object? topics) => _topics = topics;

    /// <summary>One topic; null for none.</summary>
    public static implicit operator EventTopics(string? topic) => new(topic);

    /// <summary>Whether the event is for those of topics; otherwise it is for all.</summary>
    public bool Any => _topics is not null;

    /// <summary>The first; null for none.</summary>
    public string? First => _topics as string ?? (_topics as Several)?.Topics[0];

    /// <summary>All. Made anew for one topic alone.</summary>
    public IReadOnlyList<string> All => _topics switch
    {
        null => [],
        string one => [one],
        _ => ((Several)_topics).Topics,
    };

    public int Count => _topics switch
    {
        null => 0,
        Several several => several.Topics.Length,
        _ => 1,
    };

    public string this[int index] => _topics as string ?? ((Several)_topics!).Topics[index];

    /// <summary>
    /// How many keys a key of the event is: the newest event of a key is kept for each topic by itself, and for those without a
    /// topic.
    /// </summary>
    public int KeyCount => Math.Max(Count, 1);

    /// <summary>One of those topics of a key; null if there is none.</summary>
    public string? TopicOfKey(int index) => Any ? this[index] : null;

    /// <summary>Makes them of what a publisher has given, which is copied.</summary>
    /// <exception cref="ArgumentException">One is null.</exception>
    public static EventTopics Of(IReadOnlyCollection<string> topics)
    {
        string[] distinct = [.. topics.Distinct(StringComparer.Ordinal)];
        if (distinct.Contains(null!))
            throw new ArgumentException("A topic is null. Cure: leave it out; an event for all subscribers has no topics.",
                nameof(topics));
        return distinct.Length switch
        {
            0 => default,
            1 => distinct[0],
            _ => new EventTopics(new Several(distinct)),
        };
    }

    /// <summary>Checks that they are within the limits of a stream.</summary>
    /// <exception cref="ArgumentException">They are not; the message says why.</exception>
    public void Check(EventStreamOptions options)
    {
        if (_topics is string one)
        {
            CheckLength(one, options.MaxTopicLength);
            return;
        }
        if (_topics is not Several several) return;
        if (several.Topics.Length > options.MaxTopicsPerEvent)
            throw new ArgumentException($"The event has {several.Topics.Length} topics, which are kept with it, and may have "
                + $"{options.MaxTopicsPerEvent}. Cure: publish on a topic that its subscribers have in common, or raise "
                + "EventStreamOptions.MaxTopicsPerEvent.");
        foreach (string topic in several.Topics) CheckLength(topic, options.MaxTopicLength);
    }

    /// <summary>Whether a subscriber of some topics gets the event.</summary>
    public bool Meet(WantedTopics wanted) => _topics switch
    {
        null => true,
        string one => wanted.Has(one),
        _ => ((Several)_topics).Meet(wanted),
    };

    /// <summary>Writes them for another process.</summary>
    public void WriteTo(HandoverWriter writer)
    {
        if (_topics is not Several several)
        {
            writer.Write(_topics is null ? 0 : 1);
            if (_topics is string one) writer.Write(one);
            return;
        }
        writer.Write(several.Topics.Length);
        foreach (string topic in several.Topics) writer.Write(topic);
    }

    /// <summary>Reads what <see cref="WriteTo"/> has written.</summary>
    /// <exception cref="InvalidDataException">The bytes cannot be that.</exception>
    public static EventTopics ReadFrom(ref HandoverReader reader)
    {
        int count = reader.ReadInt32();
        // Each has more than a byte, so that no memory is taken for a number alone.
        if (count < 0 || count > reader.Rest.Length) throw HandoverReader.Damaged();
        if (count == 0) return default;
        if (count == 1) return reader.ReadText();
        string[] topics = new string[count];
        for (int i = 0; i < count; i++) topics[i] = reader.ReadText();
        return Of(topics);
    }

    /// <summary>Separated by commas, for logs and debuggers.</summary>
    public override string ToString() => Any ? string.Join(',', All) : "*";

    private static void CheckLength(string topic, int limit)
    {
        if (topic.Length > limit)
            throw new ArgumentException($"A topic has {topic.Length} characters, and a client that asks for one of more than "
                + $"{limit} is refused. Cure: shorten it, or raise EventStreamOptions.MaxTopicLength.", nameof(topic));
    }

    /// <summary>Two topics or more.</summary>
    private sealed class Several(string[] topics)
    {
        private readonly HashSet<string>? _many = topics.Length > Few ? topics.ToHashSet(StringComparer.Ordinal) : null;

        public string[] Topics => topics;

        public bool Meet(WantedTopics wanted)
        {
            if (_many is not null && wanted.AreFew(out string[] few))
            {
                foreach (string one in few)
                {
                    if (_many.Contains(one)) return true;
                }
                return false;
            }
            foreach (string topic in topics)
            {
                if (wanted.Has(topic)) return true;
            }
            return false;
        }
    }
}
