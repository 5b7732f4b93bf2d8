namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// Sessions in this process's memory: fast, and lost when it ends. For all loops of a worker, and for several workers that are to
/// share their sessions. When it is full, the session that was written longest ago is removed. Any thread.
/// </summary>
public sealed class MemorySessionHandler : ISessionHandler
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byAge = new();
    private readonly TimeProvider _time;

    /// <summary>Makes an empty store.</summary>
    /// <param name="maxSessions">Sessions that it holds at most; at least 1.</param>
    /// <param name="timeProvider">The clock; null for the system's.</param>
    public MemorySessionHandler(int maxSessions = 100_000, TimeProvider? timeProvider = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxSessions, 1);
        MaxSessions = maxSessions;
        _time = timeProvider ?? TimeProvider.System;
    }

    /// <summary>Sessions that it holds at most.</summary>
    public int MaxSessions { get; }

    /// <summary>Sessions that it holds, including expired ones that have not been removed yet.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _entries.Count;
        }
    }

    /// <inheritdoc/>
    public byte[]? Read(string sessionId, TimeSpan lifetime)
    {
        ArgumentNullException.ThrowIfNull(sessionId);
        lock (_gate)
        {
            if (!_entries.TryGetValue(sessionId, out LinkedListNode<Entry>? node)) return null;
            if (!IsExpired(node.Value, lifetime)) return node.Value.Data;
            Remove(node);
            return null;
        }
    }

    /// <inheritdoc/>
    public void Write(string sessionId, byte[] data, TimeSpan lifetime)
    {
        ArgumentNullException.ThrowIfNull(sessionId);
        ArgumentNullException.ThrowIfNull(data);
        lock (_gate)
        {
            if (_entries.TryGetValue(sessionId, out LinkedListNode<Entry>? node)) Remove(node);
            else if (_entries.Count == MaxSessions) Remove(_byAge.First!);
            _entries[sessionId] = _byAge.AddLast(new Entry(sessionId, data, _time.GetTimestamp()));
        }
    }

    /// <inheritdoc/>
    public void Destroy(string sessionId)
    {
        ArgumentNullException.ThrowIfNull(sessionId);
        lock (_gate)
        {
            if (_entries.TryGetValue(sessionId, out LinkedListNode<Entry>? node)) Remove(node);
        }
    }

    /// <inheritdoc/>
    public byte[]? Update(string sessionId, Func<byte[]?, byte[]?> change, TimeSpan lifetime)
    {
        ArgumentNullException.ThrowIfNull(change);
        lock (_gate)
        {
            byte[]? data = change(Read(sessionId, lifetime));
            if (data is null) Destroy(sessionId);
            else Write(sessionId, data, lifetime);
            return data;
        }
    }

    /// <inheritdoc/>
    public ValueTask<byte[]?> UpdateAsync(string sessionId, Func<byte[]?, byte[]?> change, TimeSpan lifetime,
        CancellationToken cancellationToken = default) =>
        new(Update(sessionId, change, lifetime));

    /// <inheritdoc/>
    public bool UpdateTimestamp(string sessionId, TimeSpan lifetime) => Update(sessionId, stored => stored, lifetime) is not null;

    /// <inheritdoc/>
    public void Gc(TimeSpan lifetime)
    {
        lock (_gate)
        {
            while (_byAge.First is { } oldest && IsExpired(oldest.Value, lifetime)) Remove(oldest);
        }
    }

    private bool IsExpired(Entry entry, TimeSpan lifetime) => _time.GetElapsedTime(entry.Written) > lifetime;

    private void Remove(LinkedListNode<Entry> node)
    {
        _byAge.Remove(node);
        _entries.Remove(node.Value.Id);
    }

    private readonly record struct Entry(string Id, byte[] Data, long Written);
}
