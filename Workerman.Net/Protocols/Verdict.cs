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
    /// <summary>
    /// Both numbers, so that a verdict fits into two registers and is returned without a way through memory, which costs more
    /// than to make it (ParserBenchmarks.ShortRequest).
    /// </summary>
    private readonly long _numbers = ((long)Status << 32) | (uint)Kind;

    /// <summary>The outcome.</summary>
    public VerdictKind Kind
    {
        get => (VerdictKind)(int)_numbers;
        init => _numbers = (_numbers & ~(long)uint.MaxValue) | (uint)value;
    }

    /// <summary>For a rejection: the status that the peer is answered with, for example 400.</summary>
    public int Status
    {
        get => (int)(_numbers >> 32);
        init => _numbers = ((long)value << 32) | (uint)_numbers;
    }

    /// <summary>More bytes are needed.</summary>
    public static Verdict NeedMore => new(VerdictKind.NeedMore);

    /// <summary>A message was read.</summary>
    public static Verdict Message => new(VerdictKind.Message);

    /// <summary>The bytes are refused.</summary>
    public static Verdict Reject(int status, string reason) => new(VerdictKind.Reject, status, reason);
}
