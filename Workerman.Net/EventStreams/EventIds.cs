using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Workerman.EventStreams;

/// <summary>
/// The ids that a stream gives to events: <c>epoch-sequence</c>. The epoch is unique to the stream, so an id of an earlier
/// process, or of another stream, is not mistaken for one of its own; the stream that goes on with it in a new process has its
/// epoch. Immutable; any thread.
/// </summary>
/// <param name="epoch">The epoch; null for a new one.</param>
internal sealed class EventIds(string? epoch = null)
{
    private const string Digits = "0123456789abcdefghijklmnopqrstuvwxyz";

    private readonly string _prefix = (epoch ?? NewEpoch()) + "-";

    public string Epoch => _prefix[..^1];

    public string Of(long sequence) => string.Create(CultureInfo.InvariantCulture, $"{_prefix}{sequence}");

    /// <summary>The sequence that an id of this stream carries.</summary>
    public bool TryRead(string id, out long sequence)
    {
        sequence = 0;
        return id.StartsWith(_prefix, StringComparison.Ordinal)
            && long.TryParse(id.AsSpan(_prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out sequence);
    }

    /// <summary>Checks that a client sends an id of the application's own back as it was given.</summary>
    /// <param name="id">The id.</param>
    /// <param name="maxLength">Characters that it may have.</param>
    /// <exception cref="ArgumentException">It does not.</exception>
    public static void Check(string id, int maxLength)
    {
        // WHATWG HTML section 9.2.3: an empty id is not sent back at all; RFC 9110 section 5.5: what stands around a field's
        // value is trimmed off, and control characters would have the request refused, after which an EventSource gives up.
        if (id.Length == 0)
            throw new ArgumentException("An empty id makes browsers forget the last one, so that they could not resume; "
                + "leave Id null to have one assigned.", nameof(id));
        if (id.Length > maxLength)
            throw new ArgumentException($"The id has {id.Length} characters, and a client that sends back more than {maxLength} "
                + "is refused. Cure: shorten it, or raise EventStreamOptions.MaxIdLength.", nameof(id));
        if (id[0] == ' ' || id[^1] == ' ')
            throw new ArgumentException("The id begins or ends with a space, which does not come back; trim it.", nameof(id));
        foreach (Rune rune in id.EnumerateRunes())
        {
            // Half a surrogate pair is encoded as U+FFFD, so it would not come back as it was.
            if (rune == Rune.ReplacementChar)
                throw new ArgumentException("The id has half a surrogate pair, or U+FFFD that stands for one; remove it.",
                    nameof(id));
        }
        foreach (char c in id)
        {
            if (char.IsControl(c))
                throw new ArgumentException("The id has a control character, which no header field can bring back; remove it.",
                    nameof(id));
        }
    }

    /// <summary>The time and a random number, in base 36.</summary>
    private static string NewEpoch()
    {
        long number = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 46_656 + RandomNumberGenerator.GetInt32(46_656);
        Span<char> text = stackalloc char[13];
        int start = text.Length;
        for (; number > 0; number /= 36) text[--start] = Digits[(int)(number % 36)];
        return new string(text[start..]);
    }
}
