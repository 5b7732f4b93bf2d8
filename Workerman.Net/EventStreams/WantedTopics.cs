using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>
/// The topics that a subscription wants, in the room of one reference, because there may be a million subscriptions: null for
/// all, an array of a few, a set of many, or an object that has patterns beside them. Immutable but for what that object
/// remembers; on the loop's thread.
/// </summary>
internal readonly struct WantedTopics
{
    private readonly object? _wanted;

    private WantedTopics(object? wanted) => _wanted = wanted;

    /// <summary>Whether only some topics are wanted.</summary>
    public bool Any => _wanted is not null;

    /// <summary>Those that are named; none for all, or for patterns alone.</summary>
    public IReadOnlyCollection<string> Topics => _wanted switch
    {
        null => [],
        TopicSelection selection => selection.Topics.Topics,
        _ => (IReadOnlyCollection<string>)_wanted,
    };

    /// <summary>The patterns.</summary>
    public TopicPattern[] Patterns => Selection?.Patterns ?? [];

    /// <summary>What has patterns; null if none are wanted.</summary>
    public TopicSelection? Selection => _wanted as TopicSelection;

    /// <summary>Copies what is asked for.</summary>
    /// <exception cref="ArgumentException">A topic or a pattern is null.</exception>
    /// <exception cref="BadRequestException">A pattern is none.</exception>
    public static WantedTopics Of(SubscribeOptions options)
    {
        WantedTopics named = Named(options.Topics);
        if (options.TopicPatterns.Count == 0) return named;
        string[] texts = [.. options.TopicPatterns.Distinct(StringComparer.Ordinal)];
        if (texts.Contains(null!))
            throw new ArgumentException("A pattern is null; leave it out.", nameof(options));
        return Of(new TopicSelection(named, [.. texts.Select(static text => new TopicPattern(text))]));
    }

    public static WantedTopics Of(TopicSelection selection) => new(selection);

    /// <summary>Whether a topic is wanted. Not called where all are.</summary>
    public bool Has(string topic)
    {
        if (_wanted is string[] few)
        {
            foreach (string one in few)
            {
                if (one == topic) return true;
            }
            return false;
        }
        return _wanted is HashSet<string> many ? many.Contains(topic) : ((TopicSelection)_wanted!).Has(topic);
    }

    /// <summary>Whether an event is wanted. Not called where all are.</summary>
    public bool Want(PublishedEvent published) =>
        _wanted is TopicSelection selection ? selection.Wants(published) : published.AllTopics.Meet(this);

    /// <summary>Those of a few that are among the topics of an event; see <see cref="EventTopics.Meet"/>.</summary>
    public bool AreFew(out string[] few)
    {
        few = _wanted as string[] ?? [];
        return few.Length > 0;
    }

    private static WantedTopics Named(IReadOnlyCollection<string> topics)
    {
        string[] copy = [.. topics];
        if (copy.Contains(null!))
            throw new ArgumentException("A topic is null; leave the topics away to subscribe to all.", nameof(topics));
        // A few topics are compared faster than looked up in a set.
        object named = copy.Length > EventTopics.Few ? copy.ToHashSet(StringComparer.Ordinal) : copy;
        return copy.Length == 0 ? default : new WantedTopics(named);
    }
}

/// <summary>
/// Topics and patterns that a subscription wants. The subscriptions of a hub that want the same share one, which then decides
/// about each event of a round once for all of them. Made where a connection is subscribed; afterwards it belongs to the hub, on
/// the loop's thread.
/// </summary>
/// <param name="topics">The topics that are named.</param>
/// <param name="patterns">The patterns, one or more.</param>
internal sealed class TopicSelection(WantedTopics topics, TopicPattern[] patterns)
{
    private SharedSelections? _shared;
    private byte[]? _decided;
    private long _round;

    public WantedTopics Topics => topics;

    public TopicPattern[] Patterns => patterns;

    /// <summary>How many subscriptions share it.</summary>
    public int Sharers { get; set; }

    /// <summary>It is one of these.</summary>
    public void Enter(SharedSelections shared) => _shared = shared;

    /// <summary>Whether a topic is wanted.</summary>
    public bool Has(string topic)
    {
        if (topics.Any && topics.Has(topic)) return true;
        foreach (TopicPattern pattern in patterns)
        {
            if (pattern.Matches(topic)) return true;
        }
        return false;
    }

    /// <summary>Whether an event is wanted.</summary>
    public bool Wants(PublishedEvent published)
    {
        EventTopics of = published.AllTopics;
        if (!of.Any) return true;
        int index = Sharers > 1 ? _shared!.IndexOf(published) : -1;
        return index < 0 ? of.Meet(WantedTopics.Of(this)) : Decide(of, index);
    }

    /// <summary>Decides about an event of the round, unless it has: for each 0 for not yet, 1 for no, 2 for yes.</summary>
    private bool Decide(EventTopics of, int index)
    {
        _decided ??= new byte[SharedSelections.MostEvents];
        if (_round != _shared!.Round)
        {
            _decided.AsSpan().Clear();
            _round = _shared.Round;
        }
        ref byte decided = ref _decided[index];
        if (decided == 0) decided = of.Meet(WantedTopics.Of(this)) ? (byte)2 : (byte)1;
        return decided == 2;
    }
}

/// <summary>
/// The selections that the subscribers of a hub share, and the events of its round. Belongs to its hub, on the loop's thread.
/// </summary>
/// <param name="window">The events of the round, in their order; null where there are none.</param>
internal sealed class SharedSelections(PublishedEvent?[] window)
{
    /// <summary>Events that a round has at most.</summary>
    public const int MostEvents = 256;

    private readonly HashSet<TopicSelection> _selections = new(new SameTexts());
    private long _first;

    /// <summary>Which round it is, from 1 on.</summary>
    public long Round { get; private set; }

    /// <summary>How many different ones there are.</summary>
    public int Count => _selections.Count;

    /// <summary>A round begins with an event of this sequence.</summary>
    public void Begin(long first)
    {
        _first = first;
        Round++;
    }

    /// <summary>Which event of the round it is; -1 for none.</summary>
    public int IndexOf(PublishedEvent published)
    {
        long index = published.Sequence - _first;
        return (ulong)index < (ulong)window.Length && window[index] == published ? (int)index : -1;
    }

    /// <summary>A subscription comes: the selection that it shares with those that want the same.</summary>
    public TopicSelection Enter(TopicSelection selection)
    {
        if (!_selections.TryGetValue(selection, out TopicSelection? shared))
        {
            shared = selection;
            shared.Enter(this);
            _selections.Add(shared);
        }
        shared.Sharers++;
        return shared;
    }

    /// <summary>A subscription leaves.</summary>
    public void Leave(TopicSelection shared)
    {
        if (--shared.Sharers == 0) _selections.Remove(shared);
    }

    /// <summary>Whether two have the same topics and patterns, in the same order. No state; any thread.</summary>
    private sealed class SameTexts : IEqualityComparer<TopicSelection>
    {
        public bool Equals(TopicSelection? a, TopicSelection? b) => Texts(a!).SequenceEqual(Texts(b!));

        public int GetHashCode(TopicSelection of)
        {
            var code = new HashCode();
            foreach (string? text in Texts(of)) code.Add(text);
            return code.ToHashCode();
        }

        /// <summary>With null between topics and patterns, so that none of the ones is taken for one of the others.</summary>
        private static IEnumerable<string?> Texts(TopicSelection of) =>
            [.. of.Topics.Topics, null, .. of.Patterns.Select(static pattern => pattern.Text)];
    }
}
