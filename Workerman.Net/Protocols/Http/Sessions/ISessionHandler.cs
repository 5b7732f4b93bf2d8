namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// Where sessions are kept (PHP: <c>SessionHandlerInterface</c>): bytes under an id, for a while. What the bytes mean is not its
/// business. One object serves all loops of a worker at once, so it is thread-safe. An exception from it fails the request that
/// needed it, with 500 and a
/// line on the log. The loop waits for the synchronous calls; the asynchronous ones are there for stores behind a network.
/// </summary>
/// <remarks>
/// <para>
/// Several requests of a client may have its session at once, and one of them may end it. So a session is read with
/// <see cref="Read"/> when a
/// request first needs it, and changed with <see cref="Update"/>, which is handed what is stored by then. <see cref="Update"/>
/// has a form
/// that does for one process: reading, changing and writing in turn, one caller for each session at a time. A store that is
/// shared by several processes overrides it (and
/// <see cref="UpdateAsync"/>) with a transaction, a lock, or "write if it is still what I read, else again"; without that, two
/// processes that
/// save one session at the same moment may undo each other's changes, and bring back one that the other has just removed.
/// </para>
/// <para>
/// Ids have 32 lower-case letters and digits, always: they are safe in paths and keys. (An id of the application's own,
/// <c>request.SessionId = id</c>,
/// arrives as one of that form, made from it by SHA-256.)
/// </para>
/// </remarks>
public interface ISessionHandler
{
    /// <summary>
    /// The data of a session, or null if it is unknown or older than <paramref name="lifetime"/> (PHP: <c>read()</c>).
    /// </summary>
    byte[]? Read(string sessionId, TimeSpan lifetime);

    /// <summary>
    /// Stores the data of a session, whatever was stored, which begins a new <paramref name="lifetime"/> (PHP: <c>write()</c>).
    /// Whole or not at all.
    /// </summary>
    void Write(string sessionId, byte[] data, TimeSpan lifetime);

    /// <summary>Removes a session; an unknown one is none the worse (PHP: <c>destroy()</c>).</summary>
    void Destroy(string sessionId);

    /// <summary>
    /// Changes a session in one step, so that nobody else changes or removes it between reading and writing. What is stored
    /// begins a new
    /// <paramref name="lifetime"/>.
    /// </summary>
    /// <param name="sessionId">Its id.</param>
    /// <param name="change">
    /// Is given what is stored, or null if the session is unknown or has expired, and returns what is to be stored, or null to
    /// have nothing stored: a session that is there is removed then,
    /// and one that is not stays away. If it returns the array that it was given, only the lifetime is new. It does nothing else,
    /// is quick, and may be
    /// called several times and on any thread; the last result counts.
    /// </param>
    /// <param name="lifetime">How old what is stored may be, and how long it lives from now on.</param>
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
    /// Begins a new lifetime with the data as it is (PHP: <c>updateTimestamp()</c>). One that is unknown or has expired stays so.
    /// Unless the handler
    /// knows better, it is read and written again, by <see cref="Update"/>.
    /// </summary>
    /// <returns>False if the session is unknown.</returns>
    bool UpdateTimestamp(string sessionId, TimeSpan lifetime) => Update(sessionId, static stored => stored, lifetime) is not null;

    /// <summary>
    /// Removes what is older than <paramref name="lifetime"/> (PHP: <c>gc()</c>). Called now and then on a thread of the pool, by
    /// one worker never twice at once; a store that forgets by itself has nothing to do.
    /// </summary>
    void Gc(TimeSpan lifetime)
    {
    }

    /// <summary><see cref="Read"/> without making the loop wait. Unless the handler knows better, it does make it wait.</summary>
    ValueTask<byte[]?> ReadAsync(string sessionId, TimeSpan lifetime, CancellationToken cancellationToken = default) =>
        new(Read(sessionId, lifetime));

    /// <summary>
    /// <see cref="Write"/> without making the loop wait. Unless the handler knows better, it does make it wait.
    /// </summary>
    ValueTask WriteAsync(string sessionId, byte[] data, TimeSpan lifetime, CancellationToken cancellationToken = default)
    {
        Write(sessionId, data, lifetime);
        return default;
    }

    /// <summary>
    /// <see cref="Destroy"/> without making the loop wait. Unless the handler knows better, it does make it wait.
    /// </summary>
    ValueTask DestroyAsync(string sessionId, CancellationToken cancellationToken = default)
    {
        Destroy(sessionId);
        return default;
    }

    /// <summary>
    /// <see cref="Update"/> without making the loop wait. Unless the handler knows better, it is made of <see cref="ReadAsync"/>,
    /// <see cref="WriteAsync"/> and
    /// <see cref="DestroyAsync"/>: a handler that overrides <see cref="Update"/> overrides this as well.
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
    /// <see cref="UpdateTimestamp"/> without making the loop wait. Unless the handler knows better, it is
    /// <see cref="UpdateAsync"/>.
    /// </summary>
    async ValueTask<bool> UpdateTimestampAsync(string sessionId, TimeSpan lifetime,
        CancellationToken cancellationToken = default) =>
        await UpdateAsync(sessionId, static stored => stored, lifetime, cancellationToken).ConfigureAwait(false) is not null;
}
