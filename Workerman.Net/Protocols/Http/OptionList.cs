namespace Workerman.Protocols.Http;

/// <summary>Comma-separated lists of options, as in Connection (RFC 9110 section 7.6.1). Pure.</summary>
internal static class OptionList
{
    public static bool Contains(ReadOnlySpan<char> list, ReadOnlySpan<char> option)
    {
        foreach (Range range in list.Split(','))
        {
            if (list[range].Trim(" \t").Equals(option, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }
}
