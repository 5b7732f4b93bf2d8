using System.Buffers;
using System.Security.Cryptography;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// The ids of sessions (PHP: <c>createSessionId()</c>): 32 lower-case letters and digits from the operating system's randomness, 165 bits.
/// Lower case alone, so that no file system takes two of them for one. Pure but for the randomness. Any thread.
/// </summary>
internal static class SessionIds
{
    public const int Length = 32;
    private const string Alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

    private static readonly SearchValues<char> Allowed = SearchValues.Create(Alphabet);

    public static string Create() => RandomNumberGenerator.GetString(Alphabet, Length);

    /// <summary>Whether it could be one of ours, and so may become part of a path or a key.</summary>
    public static bool IsWellFormed(ReadOnlySpan<char> id) => id.Length == Length && !id.ContainsAnyExcept(Allowed);

    /// <summary>The id, if it may become part of a path or a key.</summary>
    /// <exception cref="ArgumentException">It is none of ours.</exception>
    public static string Checked(string sessionId) => IsWellFormed(sessionId)
        ? sessionId
        : throw new ArgumentException($"A session id has {Length} lower-case letters and digits; take it from Session.Id or Request.SessionId.", nameof(sessionId));
}
