using System.Buffers;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// The character classes of RFC 9110 and 9112, for requests and for what applications put into responses. Pure.
/// </summary>
internal static class HttpChars
{
    /// <summary>tchar, RFC 9110 section 5.6.2.</summary>
    private const string Token = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// <summary>The characters that no field value may contain: control characters but HTAB (RFC 9110 section 5.5).</summary>
    private const string Controls =
        "\0\u0001\u0002\u0003\u0004\u0005\u0006\a\b\n\v\f\r\u000E\u000F" +
        "\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001A\u001B\u001C\u001D\u001E\u001F\u007F";

    /// <summary>
    /// Visible ASCII but '#', because a fragment is never sent, and '\', which some programs read as a slash (RFC 9112 section
    /// 3.2, RFC 3986 section 3.3). The grammar excludes "&lt;&gt;^`{|} too, but browsers and curl send them, and all programs
    /// read them in the same way.
    /// </summary>
    private const string Target = "!\"$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~";

    private static readonly SearchValues<byte> TokenBytes = Bytes(Token);

    private static readonly SearchValues<char> TokenChars = SearchValues.Create(Token);

    private static readonly SearchValues<byte> ControlBytes = Bytes(Controls);

    private static readonly SearchValues<char> ControlChars = SearchValues.Create(Controls);

    private static readonly SearchValues<byte> TargetBytes = Bytes(Target);

    private static readonly bool[] TokenTable = Table(Token);

    private static readonly bool[] TargetTable = Table(Target);

    /// <summary>
    /// How many token characters the bytes begin with. Names are short, so looking at each byte is faster than a vectorized
    /// search.
    /// </summary>
    public static int TokenLength(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<bool> isToken = TokenTable;
        int length = 0;
        while (length < bytes.Length && isToken[bytes[length]]) length++;
        return length;
    }

    public static bool IsToken(ReadOnlySpan<byte> bytes) => !bytes.IsEmpty && !bytes.ContainsAnyExcept(TokenBytes);

    public static bool IsToken(ReadOnlySpan<char> text) => !text.IsEmpty && !text.ContainsAnyExcept(TokenChars);

    public static bool IsFieldValue(ReadOnlySpan<byte> bytes) => !bytes.ContainsAny(ControlBytes);

    /// <summary>The position of the first byte that no field value may contain, or -1.</summary>
    public static int IndexOfNonFieldValue(ReadOnlySpan<byte> bytes) => bytes.IndexOfAny(ControlBytes);

    public static bool IsFieldValue(ReadOnlySpan<char> text) => !text.ContainsAny(ControlChars);

    /// <summary>The position of the first byte that no request target may contain, or -1.</summary>
    public static int IndexOfNonTarget(ReadOnlySpan<byte> bytes)
    {
        // As with names: a vectorized search is faster only where there is more to look at.
        ReadOnlySpan<bool> isTarget = TargetTable;
        int few = Math.Min(bytes.Length, 12);
        for (int i = 0; i < few; i++)
        {
            if (!isTarget[bytes[i]]) return i;
        }
        int index = bytes[few..].IndexOfAnyExcept(TargetBytes);
        return index < 0 ? index : index + few;
    }

    /// <summary>OWS is made of these (RFC 9110 section 5.6.3).</summary>
    public static bool IsWhitespace(byte b) => b is (byte)' ' or (byte)'\t';

    /// <summary>Without the spaces and tabs around it (OWS, RFC 9110 section 5.6.3).</summary>
    public static ReadOnlySpan<byte> TrimWhitespace(ReadOnlySpan<byte> bytes) => bytes.Trim(" \t"u8);

    /// <summary>
    /// Without LINQ, like <see cref="Table"/>: this code runs before the first answer, and LINQ would have to be compiled while
    /// the client waits.
    /// </summary>
    private static SearchValues<byte> Bytes(string ascii) => SearchValues.Create(Encoding.ASCII.GetBytes(ascii));

    private static bool[] Table(string ascii)
    {
        bool[] table = new bool[256];
        foreach (char c in ascii) table[c] = true;
        return table;
    }
}

/// <summary>Escapes the control characters of a text, for error messages of one line. Pure.</summary>
internal static class Printable
{
    public static string Of(string text) => string.Concat(text.Select(c => char.IsControl(c) ? $"\\u{(int)c:x4}" : c.ToString()));
}
