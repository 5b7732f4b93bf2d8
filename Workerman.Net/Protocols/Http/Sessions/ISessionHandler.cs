namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// Stores sessions (PHP: <c>SessionHandlerInterface</c>): bytes under an id, for a limited time. It does not interpret the bytes.
/// One object serves all loops of a worker at once, so it is thread-safe. An exception from it fails the request that needed it,
/// with 500 and a line in the log. The synchronous calls block the loop; the asynchronous ones are for stores behind a network.
/// </summary>
/// <remarks>
/// <para>
/// Several requests of a client may have its session at once, and one of them may end it. So a session is read with
/// <see cref="Read"/> when a request first needs it, and changed with <see cref="Update"/>, which is given what is stored at that
/// time. <see cref="Update"/> has a default implementation that is right for one process: it reads, changes and writes, one
/// caller for each session at a time. A store that is shared by several processes overrides it (and <see cref="UpdateAsync"/>)
/// with a transaction, a lock, or a conditional write that is retried. Without that, two processes that save one session at the
/// same moment may overwrite each other's changes, and restore a session that the other has just removed.
/// </para>
/// <para>
/// Ids always have 32 lower-case letters and digits, so they are safe in paths and keys. (An id of the application's own,
/// <c>request.SessionId = id</c>, arrives as one of that form, made from it by SHA-256.)
/// </para>
/// </remarks>
public interface ISessionHandler
{
    /// <summary>
    /// The data of a session, or null if it is unknown or older than <paramref name="lifetime"/> (PHP: <c>read()</c>).
    /// </summary>
    byte[]? Read(string sessionId, TimeSpan lifetime);

    /// <summary>
    /// Stores the data of a session, in place of what was stored, and begins a new <paramref name="lifetime"/> (PHP:
    /// <c>write()</c>). All of it or nothing.
    /// </summary>
    void Write(string sessionId, byte[] data, TimeSpan lifetime);

    /// <summary>Removes a session; an unknown id is no error (PHP: <c>destroy()</c>).</summary>
    void Destroy(string sessionId);

    /// <summary>
    /// Changes a session atomically: nobody else changes or removes it between reading and writing. It begins a new
    /// <paramref name="lifetime"/>.
    /// </summary>
    /// <param name="sessionId">Its id.</param>
    /// <param name="change"> Is given what is stored, or null if the session is unknown or has expired, and returns what is to be
    /// stored, or null to store nothing: an existing session is removed then. If it returns the array that it was given, only the
    /// lifetime is renewed. It has no side effects, is quick, and may be called several times and on any thread; the last result
    /// counts. </param>
    /// <param name="lifetime">How old the stored session may be, and how long it is kept from now on.</param>
    /// <returns>What is stored now; null if nothing is.</returns>
    byte[]? Update(string sessionId, Func<byte[]?, byte[]?> change, TimeSpan lifetime)
    {
        ArgumentNullException.ThrowIfNull(change);
        using SessionGates.Gate gate = SessionGates.Of(this).Enter(sessionId);
        byte[]? stored = Read(sessionId, lifetime);
        byte[]? data = change(stored);
        if (data is not null) Write(sessionId, data, lifetime);
        else if (stored is not null) Destroy(sessionId);
        return data;
    }

    /// <summary>
    /// Begins a new lifetime with unchanged data (PHP: <c>updateTimestamp()</c>). A session that is unknown or has expired is not
    /// created. The default implementation reads and writes it, by <see cref="Update"/>.
    /// </summary>
    /// <returns>False if the session is unknown.</returns>
    bool UpdateTimestamp(string sessionId, TimeSpan lifetime) => Update(sessionId, static stored => stored, lifetime) is not null;

    /// <summary>
    /// Removes what is older than <paramref name="lifetime"/> (PHP: <c>gc()</c>). Called now and then on a thread of the thread
    /// pool, never twice at once by one worker; a store that removes expired sessions itself has nothing to do.
    /// </summary>
    void Gc(TimeSpan lifetime)
    {
    }

    /// <summary><see cref="Read"/> without blocking the loop. The default implementation does block it.</summary>
    ValueTask<byte[]?> ReadAsync(string sessionId, TimeSpan lifetime, CancellationToken cancellationToken = default) =>
        new(Read(sessionId, lifetime));

    /// <summary><see cref="Write"/> without blocking the loop. The default implementation does block it.</summary>
    ValueTask WriteAsync(string sessionId, byte[] data, TimeSpan lifetime, CancellationToken cancellationToken = default)
    {
        Write(sessionId, data, lifetime);
        return default;
    }

    /// <summary><see cref="Destroy"/> without blocking the loop. The default implementation does block it.</summary>
    ValueTask DestroyAsync(string sessionId, CancellationToken cancellationToken = default)
    {
        Destroy(sessionId);
        return default;
    }

    /// <summary>
    /// <see cref="Update"/> without blocking the loop. The default implementation calls <see cref="ReadAsync"/>,
    /// <see cref="WriteAsync"/> and <see cref="DestroyAsync"/>: a handler that overrides <see cref="Update"/> overrides this as
    /// well.
    /// </summary>
    async ValueTask<byte[]?> UpdateAsync(string sessionId, Func<byte[]?, byte[]?> change, TimeSpan lifetime,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        using SessionGates.Gate gate = await SessionGates.Of(this).EnterAsync(sessionId, cancellationToken).ConfigureAwait(false);
        byte[]? stored = await ReadAsync(sessionId, lifetime, cancellationToken).ConfigureAwait(false);
        byte[]? data = change(stored);
        if (data is not null) await WriteAsync(sessionId, data, lifetime, cancellationToken).ConfigureAwait(false);
        else if (stored is not null) await DestroyAsync(sessionId, cancellationToken).ConfigureAwait(false);
        return data;
    }

    /// <summary>
    /// <see cref="UpdateTimestamp"/> without blocking the loop. The default implementation calls <see cref="UpdateAsync"/>.
    /// </summary>
    async ValueTask<bool> UpdateTimestampAsync(string sessionId, TimeSpan lifetime,
        CancellationToken cancellationToken = default) =>
        await UpdateAsync(sessionId, static stored => stored, lifetime, cancellationToken).ConfigureAwait(false) is not null;
}
