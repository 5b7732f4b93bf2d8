namespace Workerman.Protocols.Http;

/// <summary>
/// The elements of a comma-separated list, the last first. Each proxy adds one at the right end, so what a stranger wrote at the
/// left, quotes that never end included, changes nothing of what was added behind it. Pure.
/// </summary>
internal ref struct ListFromRight(ReadOnlySpan<char> list)
{
    private ReadOnlySpan<char> _rest = list;

    /// <summary>Takes the last element that is left and not empty, without the white space around it.</summary>
    public bool TryTake(out ReadOnlySpan<char> element)
    {
        do
        {
            int comma = LastComma(_rest);
            element = _rest[(comma + 1)..].Trim(" \t");
            _rest = comma < 0 ? default : _rest[..comma];
        }
        while (element.IsEmpty && !_rest.IsEmpty);
        return !element.IsEmpty;
    }

    /// <summary>The last comma that is not within a quoted string.</summary>
    private static int LastComma(ReadOnlySpan<char> text)
    {
        bool quoted = false;
        for (int i = text.Length - 1; i >= 0; i--)
        {
            if (text[i] == '"' && !IsEscaped(text, i)) quoted = !quoted;
            else if (text[i] == ',' && !quoted) return i;
        }
        return -1;
    }

    /// <summary>An odd number of backslashes stands before it (RFC 9110 section 5.6.4).</summary>
    private static bool IsEscaped(ReadOnlySpan<char> text, int index)
    {
        int first = index;
        while (first > 0 && text[first - 1] == '\\') first--;
        return (index - first) % 2 == 1;
    }
}
