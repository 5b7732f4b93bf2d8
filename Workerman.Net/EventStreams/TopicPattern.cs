using System.Buffers;
using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>
/// A pattern of topics: segments between separators, of which <c>*</c> is any one, also an empty one, and a last <c>**</c> any
/// rest of one segment or more. The separator is <c>/</c> where the pattern has one, otherwise <c>.</c>, so that
/// <c>files/*</c> has <c>files/a.txt</c>; in a pattern without either it is both. As in the subjects of NATS (<c>*</c> and a
/// last <c>&gt;</c>) and the filters of MQTT (<c>+</c> and a last <c>#</c>); it is no glob, as those of Redis are, whose
/// <c>*</c> stops at nothing. A topic is read once from its start to its end, and nothing is allocated. Immutable; any thread.
/// </summary>
internal sealed class TopicPattern
{
    private static readonly SearchValues<char> Both = SearchValues.Create('/', '.');

    /// <summary>What stands before the first wildcard, between two, and behind the last.</summary>
    private readonly string[] _literals;

    /// <summary>What a <c>*</c> ends before; null for both.</summary>
    private readonly char? _separator;

    private readonly bool _endsWithRest;

    /// <param name="text">The pattern.</param>
    /// <exception cref="BadRequestException">It is none.</exception>
    public TopicPattern(string text)
    {
        if (text.Length == 0) throw new BadRequestException("an empty topic pattern");
        Text = text;
        _separator = text.AsSpan().Contains('/') ? '/' : text.AsSpan().Contains('.') ? '.' : null;
        string[] segments = _separator is { } separator ? text.Split(separator) : [text];
        for (int i = 0; i < segments.Length; i++) Check(segments[i], isLast: i == segments.Length - 1);
        _endsWithRest = segments[^1] == "**";
        _literals = (_endsWithRest ? text[..^1] : text).Split('*');
    }

    /// <summary>The pattern.</summary>
    public string Text { get; }

    /// <summary>Whether a topic is one of those.</summary>
    public bool Matches(ReadOnlySpan<char> topic)
    {
        if (!topic.StartsWith(_literals[0])) return false;
        topic = topic[_literals[0].Length..];
        for (int i = 1; i < _literals.Length; i++)
        {
            if (_endsWithRest && i == _literals.Length - 1) return true;
            topic = topic[SegmentOf(topic)..];
            if (!topic.StartsWith(_literals[i])) return false;
            topic = topic[_literals[i].Length..];
        }
        return topic.IsEmpty;
    }

    private static void Check(string segment, bool isLast)
    {
        if (segment == "**" && !isLast)
            throw new BadRequestException("a topic pattern with ** before its last segment");
        if (segment is not ("*" or "**") && segment.Contains('*', StringComparison.Ordinal))
            throw new BadRequestException("a topic pattern with * in a segment that has more; it stands for a whole one");
    }

    /// <summary>How long the segment is that the topic goes on with.</summary>
    private int SegmentOf(ReadOnlySpan<char> topic)
    {
        int length = _separator is { } separator ? topic.IndexOf(separator) : topic.IndexOfAny(Both);
        return length < 0 ? topic.Length : length;
    }
}
