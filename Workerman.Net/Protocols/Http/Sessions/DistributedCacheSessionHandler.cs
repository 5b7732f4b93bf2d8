using Microsoft.Extensions.Caching.Distributed;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// Sessions in any of .NET's distributed caches: Redis, SQL, … (PHP: <c>RedisSessionHandler</c>), for workers on several
/// machines. The cache removes expired sessions itself. With a cache behind a network, <c>await request.LoadSessionAsync()</c>
/// and <c>await session.SaveAsync()</c> do not block the loop. Thread-safe, as these caches are.
/// </summary>
/// <remarks>
/// The interface of these caches has neither a lock nor a conditional write. Within a process one caller at a time changes a
/// session. If two processes save the same session, each between the other's read and write, the later one overwrites the changes
/// of the earlier one. A session that one process removes meanwhile is not restored: its removal is noted for a minute, under a
/// key that ends in <c>.gone</c>, and a process that has just written the session removes it again.
/// </remarks>
public sealed class DistributedCacheSessionHandler : ISessionHandler
{
    /// <summary>How long a removal is noted: longer than any call to a cache takes.</summary>
    private static readonly DistributedCacheEntryOptions Remembered =
        new() { AbsoluteExpirationRelativeToNow = TimeSpan.FromMinutes(1) };

    private readonly IDistributedCache _cache;

    /// <summary>Stores sessions in a cache.</summary>
    /// <param name="cache">The cache; the application disposes of it, after the worker has stopped.</param>
    /// <param name="prefix">The beginning of its keys, before the id (PHP: <c>'prefix'</c>).</param>
    public DistributedCacheSessionHandler(IDistributedCache cache, string prefix = "session_")
    {
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(prefix);
        _cache = cache;
        Prefix = prefix;
    }

    /// <summary>The beginning of its keys.</summary>
    public string Prefix { get; }

    /// <summary>
    /// Whether a lifetime begins anew when a session is read, not only when it is written; true. False is PHP's way; then
    /// <see cref="UpdateTimestamp"/> has to read and write the session.
    /// </summary>
    public bool Sliding { get; init; } = true;

    /// <inheritdoc/>
    public byte[]? Read(string sessionId, TimeSpan lifetime) => _cache.Get(KeyOf(sessionId));

    /// <inheritdoc/>
    public void Write(string sessionId, byte[] data, TimeSpan lifetime) => _cache.Set(KeyOf(sessionId), data, ExpiryOf(lifetime));

    /// <inheritdoc/>
    public void Destroy(string sessionId)
    {
        // In this order, so that a process that writes the session after it was removed finds the note.
        _cache.Set(GoneKeyOf(sessionId), [1], Remembered);
        _cache.Remove(KeyOf(sessionId));
    }

    /// <inheritdoc/>
    public byte[]? Update(string sessionId, Func<byte[]?, byte[]?> change, TimeSpan lifetime)
    {
        ArgumentNullException.ThrowIfNull(change);
        using SessionGates.Gate gate = SessionGates.Of(this).Enter(SessionIds.Checked(sessionId));
        byte[]? stored = Read(sessionId, lifetime);
        byte[]? data = change(stored);
        if (data is null)
        {
            if (stored is not null) Destroy(sessionId);
            return null;
        }
        // A new session may have the id of one that was removed.
        if (stored is null) _cache.Remove(GoneKeyOf(sessionId));
        Write(sessionId, data, lifetime);
        if (stored is null || _cache.Get(GoneKeyOf(sessionId)) is null) return data;
        _cache.Remove(KeyOf(sessionId));
        return null;
    }

    /// <inheritdoc/>
    public bool UpdateTimestamp(string sessionId, TimeSpan lifetime) =>
        // With sliding expiration, reading begins a new lifetime.
        (Sliding ? Read(sessionId, lifetime) : Update(sessionId, static stored => stored, lifetime)) is not null;

    /// <inheritdoc/>
    public async ValueTask<byte[]?> ReadAsync(string sessionId, TimeSpan lifetime,
        CancellationToken cancellationToken = default) =>
        await _cache.GetAsync(KeyOf(sessionId), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask WriteAsync(string sessionId, byte[] data, TimeSpan lifetime,
        CancellationToken cancellationToken = default) =>
        await _cache.SetAsync(KeyOf(sessionId), data, ExpiryOf(lifetime), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask DestroyAsync(string sessionId, CancellationToken cancellationToken = default)
    {
        await _cache.SetAsync(GoneKeyOf(sessionId), [1], Remembered, cancellationToken).ConfigureAwait(false);
        await _cache.RemoveAsync(KeyOf(sessionId), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<byte[]?> UpdateAsync(string sessionId, Func<byte[]?, byte[]?> change, TimeSpan lifetime,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        using SessionGates.Gate gate = await SessionGates.Of(this).EnterAsync(SessionIds.Checked(sessionId), cancellationToken)
            .ConfigureAwait(false);
        byte[]? stored = await ReadAsync(sessionId, lifetime, cancellationToken).ConfigureAwait(false);
        byte[]? data = change(stored);
        if (data is null)
        {
            if (stored is not null) await DestroyAsync(sessionId, cancellationToken).ConfigureAwait(false);
            return null;
        }
        if (stored is null) await _cache.RemoveAsync(GoneKeyOf(sessionId), cancellationToken).ConfigureAwait(false);
        await WriteAsync(sessionId, data, lifetime, cancellationToken).ConfigureAwait(false);
        if (stored is null || await _cache.GetAsync(GoneKeyOf(sessionId), cancellationToken).ConfigureAwait(false) is null)
            return data;
        await _cache.RemoveAsync(KeyOf(sessionId), cancellationToken).ConfigureAwait(false);
        return null;
    }

    /// <inheritdoc/>
    public async ValueTask<bool> UpdateTimestampAsync(string sessionId, TimeSpan lifetime,
        CancellationToken cancellationToken = default)
    {
        ValueTask<byte[]?> data = Sliding
            ? ReadAsync(sessionId, lifetime, cancellationToken)
            : UpdateAsync(sessionId, static stored => stored, lifetime, cancellationToken);
        return await data.ConfigureAwait(false) is not null;
    }

    private string KeyOf(string sessionId) => Prefix + SessionIds.Checked(sessionId);

    private string GoneKeyOf(string sessionId) => KeyOf(sessionId) + ".gone";

    private DistributedCacheEntryOptions ExpiryOf(TimeSpan lifetime) => Sliding
        ? new() { SlidingExpiration = lifetime }
        : new() { AbsoluteExpirationRelativeToNow = lifetime };
}
