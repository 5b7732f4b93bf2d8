using System.Buffers;

namespace Workerman.Protocols.Http;

/// <summary>The character classes of RFC 9110 and 9112, for requests and for what applications put into responses. Pure.</summary>
internal static class HttpChars
{
    private const string Token = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// <summary>tchar, RFC 9110 section 5.6.2.</summary>
    private static readonly SearchValues<byte> TokenBytes = SearchValues.Create([.. Token.Select(c => (byte)c)]);

    private static readonly bool[] TokenTable = [.. Enumerable.Range(0, 256).Select(b => Token.Contains((char)b))];

    private static readonly SearchValues<char> TokenChars = SearchValues.Create(Token);

    /// <summary>All that no field value may hold: control characters but HTAB (RFC 9110 section 5.5).</summary>
    private static readonly SearchValues<byte> ControlBytes =
        SearchValues.Create([.. Enumerable.Range(0, 32).Where(b => b != '\t').Append(127).Select(b => (byte)b)]);

    private static readonly SearchValues<char> ControlChars =
        SearchValues.Create([.. Enumerable.Range(0, 32).Where(c => c != '\t').Append(127).Select(c => (char)c)]);

    /// <summary>Visible ASCII but '#': what a request target is made of (RFC 9112 section 3.2; a fragment is never sent).</summary>
    private static readonly SearchValues<byte> TargetBytes =
        SearchValues.Create([.. Enumerable.Range(0x21, 0x7E - 0x20).Where(b => b != '#').Select(b => (byte)b)]);

    /// <summary>How many token characters the bytes begin with. Names are short, so that a look at each byte is quicker than to set up a search.</summary>
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

    public static bool IsFieldValue(ReadOnlySpan<char> text) => !text.ContainsAny(ControlChars);

    /// <summary>Where the first byte is that no request target has, or -1.</summary>
    public static int IndexOfNonTarget(ReadOnlySpan<byte> bytes) => bytes.IndexOfAnyExcept(TargetBytes);

    /// <summary>OWS is made of these (RFC 9110 section 5.6.3).</summary>
    public static bool IsWhitespace(byte b) => b is (byte)' ' or (byte)'\t';

    /// <summary>Without the spaces and tabs around it (OWS, RFC 9110 section 5.6.3).</summary>
    public static ReadOnlySpan<byte> TrimWhitespace(ReadOnlySpan<byte> bytes) => bytes.Trim(" \t"u8);
}
