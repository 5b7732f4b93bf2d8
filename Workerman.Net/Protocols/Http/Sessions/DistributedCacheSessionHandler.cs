using Microsoft.Extensions.Caching.Distributed;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// Sessions in any of .NET's distributed caches: Redis, SQL, … (PHP: <c>RedisSessionHandler</c>), for workers on several machines. The cache
/// forgets by itself. With a cache behind a network, <c>await request.LoadSessionAsync()</c> and <c>await session.SaveAsync()</c> keep
/// the loop from waiting for it. As thread-safe as the cache, which they all are.
/// </summary>
public sealed class DistributedCacheSessionHandler : ISessionHandler
{
    private readonly IDistributedCache _cache;

    /// <summary>Stores sessions in a cache.</summary>
    /// <param name="cache">The cache; whoever made it disposes of it, after the worker.</param>
    /// <param name="prefix">What its keys begin with, before the id (PHP: <c>'prefix'</c>).</param>
    public DistributedCacheSessionHandler(IDistributedCache cache, string prefix = "session_")
    {
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(prefix);
        _cache = cache;
        Prefix = prefix;
    }

    /// <summary>What its keys begin with.</summary>
    public string Prefix { get; }

    /// <summary>
    /// Whether a lifetime begins anew when a session is read, not only when it is written; true. False is PHP's way; then
    /// <see cref="UpdateTimestamp"/> has to read and write the session, which may undo what another request writes in between.
    /// </summary>
    public bool Sliding { get; init; } = true;

    /// <inheritdoc/>
    public byte[]? Read(string sessionId, TimeSpan lifetime) => _cache.Get(KeyOf(sessionId));

    /// <inheritdoc/>
    public void Write(string sessionId, byte[] data, TimeSpan lifetime) => _cache.Set(KeyOf(sessionId), data, ExpiryOf(lifetime));

    /// <inheritdoc/>
    public void Destroy(string sessionId) => _cache.Remove(KeyOf(sessionId));

    /// <inheritdoc/>
    public bool UpdateTimestamp(string sessionId, TimeSpan lifetime)
    {
        // Reading is what slides.
        if (Read(sessionId, lifetime) is not { } data) return false;
        if (!Sliding) Write(sessionId, data, lifetime);
        return true;
    }

    /// <inheritdoc/>
    public async ValueTask<byte[]?> ReadAsync(string sessionId, TimeSpan lifetime, CancellationToken cancellationToken = default) =>
        await _cache.GetAsync(KeyOf(sessionId), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask WriteAsync(string sessionId, byte[] data, TimeSpan lifetime, CancellationToken cancellationToken = default) =>
        await _cache.SetAsync(KeyOf(sessionId), data, ExpiryOf(lifetime), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask DestroyAsync(string sessionId, CancellationToken cancellationToken = default) =>
        await _cache.RemoveAsync(KeyOf(sessionId), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask<bool> UpdateTimestampAsync(string sessionId, TimeSpan lifetime, CancellationToken cancellationToken = default)
    {
        if (await ReadAsync(sessionId, lifetime, cancellationToken).ConfigureAwait(false) is not { } data) return false;
        if (!Sliding) await WriteAsync(sessionId, data, lifetime, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private string KeyOf(string sessionId) => Prefix + SessionIds.Checked(sessionId);

    private DistributedCacheEntryOptions ExpiryOf(TimeSpan lifetime) => Sliding
        ? new() { SlidingExpiration = lifetime }
        : new() { AbsoluteExpirationRelativeToNow = lifetime };
}
