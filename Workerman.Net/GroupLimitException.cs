namespace Workerman;

/// <summary>
/// A limit of <see cref="GroupsOptions"/> is reached: a connection is in as many groups as it may be, there are as many groups as
/// there may be, or a name is too long. The message says which, and the cure. Where the peer chooses what it joins, catch it and
/// refuse. Immutable.
/// </summary>
public sealed class GroupLimitException : InvalidOperationException
{
    /// <summary>Makes an exception without a message.</summary>
    public GroupLimitException()
    {
    }

    /// <summary>Makes an exception.</summary>
    public GroupLimitException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with what caused it.</summary>
    public GroupLimitException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
