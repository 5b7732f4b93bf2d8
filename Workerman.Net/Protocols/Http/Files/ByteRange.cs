using System.Globalization;

namespace Workerman.Protocols.Http.Files;

/// <summary>What a Range header field asks for.</summary>
internal enum RangeKind
{
    /// <summary>Everything: there is none, or it is one that is not honoured.</summary>
    Whole,

    /// <summary>One part.</summary>
    Part,

    /// <summary>A part that lies beyond the end: 416.</summary>
    Unsatisfiable,
}

/// <summary>
/// One range of bytes (RFC 9110 section 14.1.2). Section 14.2 lets a server ignore any Range: that is what becomes of other
/// units, of malformed ones and of several ranges at once, which cost a server much and are hardly asked for. Pure.
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
        // The last bytes of nothing are satisfiable, but Content-Range has no form for them.
        if (size == 0) return default;
        length = Math.Min(length, size);
        return new ByteRange(RangeKind.Part, size - length, length);
    }

    /// <summary>Digits alone; a number beyond all files is as good as the largest.</summary>
    private static bool TryRead(ReadOnlySpan<char> digits, out long number)
    {
        number = 0;
        if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9')) return false;
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number)) number = long.MaxValue;
        return true;
    }
}
