namespace Workerman.Protocols;

/// <summary>A decoder's judgement of the bytes that it was given.</summary>
public enum VerdictKind
{
    /// <summary>They are the beginning of a message; more must come.</summary>
    NeedMore,

    /// <summary>A message was read.</summary>
    Message,

    /// <summary>They can never become a message: the connection ends.</summary>
    Reject,
}

/// <summary>
/// The outcome of one attempt to read a message. A decoder only judges; the connection acts on it. A value, any thread.
/// </summary>
/// <param name="Kind">The outcome.</param>
/// <param name="Status">For a rejection: the status that the peer is answered with, for example 400.</param>
/// <param name="Reason">For a rejection: why, in a few words, for the peer and the log.</param>
public readonly record struct Verdict(VerdictKind Kind, int Status = 0, string? Reason = null)
{
    /// <summary>More bytes are needed.</summary>
    public static Verdict NeedMore => new(VerdictKind.NeedMore);

    /// <summary>A message was read.</summary>
    public static Verdict Message => new(VerdictKind.Message);

    /// <summary>The bytes are refused.</summary>
    public static Verdict Reject(int status, string reason) => new(VerdictKind.Reject, status, reason);
}
