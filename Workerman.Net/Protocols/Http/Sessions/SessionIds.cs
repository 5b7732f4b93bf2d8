using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// The ids of sessions (PHP: <c>createSessionId()</c>): 32 lower-case letters and digits from the operating system's randomness,
/// 165 bits. Lower case only, because some file systems ignore case. An id of the application's own is stored under a key of this
/// form, so its characters cannot harm a handler. Pure but for the randomness. Any thread.
/// </summary>
internal static class SessionIds
{
    public const int Length = 32;

    /// <summary>
    /// The length of an application's own id: percent-encoded, the cookie fits into the 4096 bytes that browsers keep.
    /// </summary>
    public const int MaxOwnLength = 1024;

    private const string Alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

    private static readonly SearchValues<char> Allowed = SearchValues.Create(Alphabet);

    public static string Create() => RandomNumberGenerator.GetString(Alphabet, Length);

    /// <summary>Whether it has the form of the library's ids, so it may become part of a path or a key.</summary>
    public static bool IsWellFormed(ReadOnlySpan<char> id) => id.Length == Length && !id.ContainsAnyExcept(Allowed);

    /// <summary>Whether it may be an id of the application's own.</summary>
    public static bool IsUsable(ReadOnlySpan<char> id) =>
        id.Length is > 0 and <= MaxOwnLength && !id.ContainsAnyExceptInRange('!', '~');

    /// <summary>
    /// The key that a usable id is stored under: the id itself if it has the form of the library's ids, otherwise its SHA-256 in
    /// that form.
    /// </summary>
    public static string KeyOf(string id)
    {
        if (IsWellFormed(id)) return id;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(id), hash);
        Span<char> key = stackalloc char[Length];
        for (int i = 0; i < key.Length; i++) key[i] = Alphabet[hash[i] % Alphabet.Length];
        return new string(key);
    }

    /// <summary>Returns the id, if it may become part of a path or a key.</summary>
    /// <exception cref="ArgumentException">It does not have the form of the library's ids.</exception>
    public static string Checked(string sessionId) => IsWellFormed(sessionId)
        ? sessionId
        : throw new ArgumentException($"A session id has {Length} lower-case letters and digits; "
            + "take it from Session.Id or Request.SessionId.", nameof(sessionId));
}
