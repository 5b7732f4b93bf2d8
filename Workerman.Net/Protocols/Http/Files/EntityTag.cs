namespace Workerman.Protocols.Http.Files;

/// <summary>
/// One entity tag (RFC 9110 section 8.8.3): the text between the quotes, and whether it is weak. A value; pure.
/// </summary>
internal readonly record struct EntityTag(string Opaque, bool IsWeak)
{
    public override string ToString() => IsWeak ? $"W/\"{Opaque}\"" : $"\"{Opaque}\"";

    /// <summary>Section 8.8.3.2: both are the same and neither is weak.</summary>
    public bool EqualsStrongly(EntityTag other) => !IsWeak && !other.IsWeak && Opaque == other.Opaque;

    /// <summary>Section 8.8.3.2: the texts between the quotes are the same.</summary>
    public bool EqualsWeakly(EntityTag other) => Opaque == other.Opaque;

    /// <summary>Reads exactly one.</summary>
    public static bool TryParse(string? text, out EntityTag tag)
    {
        ReadOnlySpan<char> rest = text.AsSpan().Trim(" \t");
        return TryTake(ref rest, out tag) && rest.IsEmpty;
    }

    /// <summary>
    /// Whether a list of tags, or the asterisk that stands for any, has <paramref name="wanted"/>. What follows a malformed part
    /// of the list is ignored.
    /// </summary>
    public static bool ListHas(string list, EntityTag wanted, bool strongly)
    {
        ReadOnlySpan<char> rest = list.AsSpan().Trim(" \t");
        if (rest is "*") return true;
        while (true)
        {
            // Section 5.6.1.2: empty elements are skipped.
            rest = rest.TrimStart(" \t,");
            if (rest.IsEmpty || !TryTake(ref rest, out EntityTag tag)) return false;
            if (strongly ? tag.EqualsStrongly(wanted) : tag.EqualsWeakly(wanted)) return true;
            rest = rest.TrimStart(" \t");
            if (!rest.IsEmpty && rest[0] != ',') return false;
        }
    }

    /// <summary>entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE; there are no escapes, so the next quote ends it.</summary>
    private static bool TryTake(ref ReadOnlySpan<char> text, out EntityTag tag)
    {
        tag = default;
        bool weak = text.StartsWith("W/");
        ReadOnlySpan<char> quoted = weak ? text[2..] : text;
        if (quoted.IsEmpty || quoted[0] != '"') return false;
        int end = quoted[1..].IndexOf('"');
        if (end < 0) return false;
        ReadOnlySpan<char> opaque = quoted[1..(end + 1)];
        // etagc = %x21 / %x23-7E / obs-text
        foreach (char c in opaque)
        {
            if (c is <= ' ' or '\x7F') return false;
        }
        tag = new EntityTag(opaque.ToString(), weak);
        text = quoted[(end + 2)..];
        return true;
    }
}
