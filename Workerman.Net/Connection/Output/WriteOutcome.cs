namespace Workerman.Connection;

/// <summary>What became of bytes that were given to a socket.</summary>
internal enum WriteOutcome
{
    /// <summary>The system has them all.</summary>
    Sent,

    /// <summary>Some wait with the connection.</summary>
    Queued,

    /// <summary>So many wait that the application is to be told.</summary>
    Full,

    /// <summary>The connection is gone.</summary>
    Failed,
}
