using System.Globalization;

namespace Workerman.Protocols.Http.Files;

/// <summary>What a Range header field asks for.</summary>
internal enum RangeKind
{
    /// <summary>The whole file: there is no range, or one that is ignored.</summary>
    Whole,

    /// <summary>One part.</summary>
    Part,

    /// <summary>A part beyond the end of the file: 416.</summary>
    Unsatisfiable,
}

/// <summary>
/// One range of bytes (RFC 9110 section 14.1.2). Section 14.2 lets a server ignore any Range. Other units, malformed ranges, and
/// several ranges in one request are ignored; the latter cost a server much and clients hardly use them. Pure.
/// </summary>
internal readonly record struct ByteRange(RangeKind Kind, long First = 0, long Length = 0)
{
    /// <summary>The last byte's position.</summary>
    public long Last => First + Length - 1;

    /// <summary>
    /// Reads <c>bytes=first-last</c>, <c>bytes=first-</c> or <c>bytes=-count</c>, of a representation of <paramref name="size"/>
    /// bytes.
    /// </summary>
    public static ByteRange Parse(string? field, long size)
    {
        ReadOnlySpan<char> text = field.AsSpan().Trim(" \t");
        if (!text.StartsWith("bytes=", StringComparison.OrdinalIgnoreCase)) return default;
        text = text[6..].Trim(" \t");
        int dash = text.IndexOf('-');
        if (dash < 0) return default;
        ReadOnlySpan<char> from = text[..dash];
        ReadOnlySpan<char> to = text[(dash + 1)..];
        if (from.IsEmpty) return Suffix(to, size);
        if (!TryRead(from, out long first)) return default;
        long last = long.MaxValue;
        if (!to.IsEmpty && (!TryRead(to, out last) || last < first)) return default;
        if (first >= size) return new ByteRange(RangeKind.Unsatisfiable);
        return new ByteRange(RangeKind.Part, first, Math.Min(last, size - 1) - first + 1);
    }

    private static ByteRange Suffix(ReadOnlySpan<char> count, long size)
    {
        if (!TryRead(count, out long length)) return default;
        if (length == 0) return new ByteRange(RangeKind.Unsatisfiable);
        // The last bytes of an empty file are satisfiable, but Content-Range has no form for them.
        if (size == 0) return default;
        length = Math.Min(length, size);
        return new ByteRange(RangeKind.Part, size - length, length);
    }

    /// <summary>
    /// Reads a number of digits alone; one that is too large counts as the largest, which is beyond the end of any file.
    /// </summary>
    private static bool TryRead(ReadOnlySpan<char> digits, out long number)
    {
        number = 0;
        if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9')) return false;
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number)) number = long.MaxValue;
        return true;
    }
}
