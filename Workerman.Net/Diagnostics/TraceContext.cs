using System.Buffers;
using System.Diagnostics;

namespace Workerman.Diagnostics;

/// <summary>
/// The header fields <c>traceparent</c> and <c>tracestate</c> (W3C Trace Context, Recommendation of 23 November 2021): which
/// trace a request belongs to. The runtime's own parser takes no version but 00, so that a newer client would begin a new trace
/// with each request. Pure; any thread.
/// </summary>
internal static class TraceContext
{
    private const int Length = 55;
    private const int MaxMembers = 32;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");
    private static readonly SearchValues<char> KeyChars = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_-*/");

    /// <summary>Reads both fields, which are joined by commas where there are several.</summary>
    /// <returns>Default where there is no valid parent, and the request begins a trace of its own.</returns>
    public static ActivityContext Read(string? traceParent, string? traceState)
    {
        ReadOnlySpan<char> parent = (traceParent ?? "").AsSpan().Trim(" \t");
        if (!IsParent(parent)) return default;
        // Section 3.2.2.5: only the flag that is known counts.
        bool sampled = (HexValue(parent[54]) & 1) != 0;
        return new ActivityContext(ActivityTraceId.CreateFromString(parent.Slice(3, 32)),
            ActivitySpanId.CreateFromString(parent.Slice(36, 16)),
            sampled ? ActivityTraceFlags.Recorded : ActivityTraceFlags.None, IsState(traceState) ? traceState : null,
            isRemote: true);
    }

    /// <summary>
    /// Section 3.2.2: version, trace-id, parent-id and trace-flags. Section 4.3: of a later version what is known is read, and
    /// more may follow behind a dash. Two fields that were joined are no valid one.
    /// </summary>
    private static bool IsParent(ReadOnlySpan<char> text)
    {
        if (text.Length < Length || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
        ReadOnlySpan<char> version = text[..2];
        bool isKnown = version.SequenceEqual("00");
        return IsHex(version) && !version.SequenceEqual("ff")
            && IsId(text.Slice(3, 32)) && IsId(text.Slice(36, 16)) && IsHex(text.Slice(53, 2))
            && (text.Length == Length || (!isKnown && text[Length] == '-'));
    }

    /// <summary>Not all zeros.</summary>
    private static bool IsId(ReadOnlySpan<char> text) => IsHex(text) && text.ContainsAnyExcept('0');

    private static bool IsHex(ReadOnlySpan<char> text) => !text.ContainsAnyExcept(HexDigits);

    private static int HexValue(char digit) => digit <= '9' ? digit - '0' : digit - 'a' + 10;

    /// <summary>Section 3.3.1: up to 32 members, empty ones aside. One that is invalid makes the whole field so.</summary>
    private static bool IsState(string? state)
    {
        if (state is null) return false;
        int members = 0;
        foreach (Range range in state.AsSpan().Split(','))
        {
            ReadOnlySpan<char> member = state.AsSpan(range).Trim(" \t");
            if (member.IsEmpty) continue;
            int equals = member.IndexOf('=');
            if (++members > MaxMembers || equals < 0) return false;
            if (!IsKey(member[..equals]) || !IsValue(member[(equals + 1)..])) return false;
        }
        return members > 0;
    }

    /// <summary>Section 3.3.1.3.1: a simple key, or a tenant and a system with an @ between them.</summary>
    private static bool IsKey(ReadOnlySpan<char> key)
    {
        int at = key.IndexOf('@');
        if (at < 0) return IsKeyPart(key, 256) && char.IsAsciiLetterLower(key[0]);
        return IsKeyPart(key[..at], 241) && IsKeyPart(key[(at + 1)..], 14) && char.IsAsciiLetterLower(key[at + 1]);
    }

    private static bool IsKeyPart(ReadOnlySpan<char> part, int most) => !part.IsEmpty && part.Length <= most
        && (char.IsAsciiLetterLower(part[0]) || char.IsAsciiDigit(part[0]))
        && !part.ContainsAnyExcept(KeyChars);

    /// <summary>Section 3.3.1.3.2: printable ASCII without comma and equals sign, whose last character is no space.</summary>
    private static bool IsValue(ReadOnlySpan<char> value) => !value.IsEmpty && value.Length <= 256 && value[^1] != ' '
        && !value.ContainsAnyExceptInRange(' ', '~') && !value.ContainsAny(',', '=');
}
