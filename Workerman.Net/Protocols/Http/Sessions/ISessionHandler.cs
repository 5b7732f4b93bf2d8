namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// Where sessions are kept (PHP: <c>SessionHandlerInterface</c>): bytes under an id, for a while. What the bytes mean is not its
/// business. One object serves all loops of a worker at once, so it is thread-safe; it never has to lock for longer than one
/// call, because the last writer of a session wins. An exception from it fails the request that needed it, with 500 and a line on the
/// log. The loop waits for the synchronous calls; the asynchronous ones are there for stores behind a network.
/// </summary>
public interface ISessionHandler
{
    /// <summary>The data of a session, or null if it is unknown or older than <paramref name="lifetime"/> (PHP: <c>read()</c>).</summary>
    byte[]? Read(string sessionId, TimeSpan lifetime);

    /// <summary>Stores the data of a session, which begins a new <paramref name="lifetime"/> (PHP: <c>write()</c>). Whole or not at all.</summary>
    void Write(string sessionId, byte[] data, TimeSpan lifetime);

    /// <summary>Removes a session; an unknown one is none the worse (PHP: <c>destroy()</c>).</summary>
    void Destroy(string sessionId);

    /// <summary>
    /// Begins a new lifetime with the data as it is (PHP: <c>updateTimestamp()</c>). Unless the handler knows better, it is read and
    /// written again.
    /// </summary>
    /// <returns>False if the session is unknown.</returns>
    bool UpdateTimestamp(string sessionId, TimeSpan lifetime)
    {
        if (Read(sessionId, lifetime) is not { } data) return false;
        Write(sessionId, data, lifetime);
        return true;
    }

    /// <summary>
    /// Removes what is older than <paramref name="lifetime"/> (PHP: <c>gc()</c>). Called now and then on a thread of the pool, by one worker never twice at
    /// once; a store that forgets by itself has nothing to do.
    /// </summary>
    void Gc(TimeSpan lifetime)
    {
    }

    /// <summary><see cref="Read"/> without making the loop wait. Unless the handler knows better, it does make it wait.</summary>
    ValueTask<byte[]?> ReadAsync(string sessionId, TimeSpan lifetime, CancellationToken cancellationToken = default) => new(Read(sessionId, lifetime));

    /// <summary><see cref="Write"/> without making the loop wait. Unless the handler knows better, it does make it wait.</summary>
    ValueTask WriteAsync(string sessionId, byte[] data, TimeSpan lifetime, CancellationToken cancellationToken = default)
    {
        Write(sessionId, data, lifetime);
        return default;
    }

    /// <summary><see cref="Destroy"/> without making the loop wait. Unless the handler knows better, it does make it wait.</summary>
    ValueTask DestroyAsync(string sessionId, CancellationToken cancellationToken = default)
    {
        Destroy(sessionId);
        return default;
    }

    /// <summary><see cref="UpdateTimestamp"/> without making the loop wait. Unless the handler knows better, it does make it wait.</summary>
    ValueTask<bool> UpdateTimestampAsync(string sessionId, TimeSpan lifetime, CancellationToken cancellationToken = default) =>
        new(UpdateTimestamp(sessionId, lifetime));
}
