using Workerman.Protocols.Http;

namespace Workerman;

/// <summary>Settings of a worker's sockets and protocol (PHP: the second argument, <c>$context</c>).</summary>
public sealed class WorkerOptions
{
    /// <summary>Connections that may wait to be accepted; 4096, at least 1. The system may cap it (PHP: <c>backlog</c>).</summary>
    public int Backlog
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = 4096;

    /// <summary>Limits and patience of an HTTP worker.</summary>
    public HttpOptions Http { get; } = new();
}
