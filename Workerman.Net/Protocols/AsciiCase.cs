using System.Buffers;

namespace Workerman.Protocols;

/// <summary>Lower case as protocols mean it: the 26 letters of ASCII, in every culture, and nothing else. Pure.</summary>
internal static class AsciiCase
{
    private static readonly SearchValues<char> Capitals = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    public static string ToLower(string text) =>
        !text.AsSpan().ContainsAny(Capitals) ? text : string.Create(text.Length, text, static (lower, text) =>
        {
            for (int i = 0; i < lower.Length; i++) lower[i] = char.IsAsciiLetterUpper(text[i]) ? (char)(text[i] | 0x20) : text[i];
        });
}
