using System.Collections;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Workerman.Connection;

namespace Workerman.Connection;

/// <summary>
/// The open connections of a worker, by id (PHP: <c>$worker-&gt;connections</c>). Asked for on one of its loops it is that loop's
/// own, live, and may be gone through while connections close, but not across an <c>await</c>. Asked for elsewhere it is a
/// snapshot of all loops.
/// </summary>
public class ConnectionCollection : IReadOnlyCollection<TcpConnection>
{
    private protected readonly Dictionary<long, TcpConnection> _connections = [];
    private readonly Lock _gate = new();

    internal ConnectionCollection()
    {
    }

    /// <summary>How many there are.</summary>
    public int Count => _connections.Count;

    /// <summary>The connection with an id, or null if it is not open or on another loop.</summary>
    public TcpConnection? this[long id] => _connections.GetValueOrDefault(id);

    /// <summary>Looks a connection up by its id.</summary>
    public bool TryGetValue(long id, [NotNullWhen(true)] out TcpConnection? connection) =>
        _connections.TryGetValue(id, out connection);

    /// <summary>The connections, in no order to rely on.</summary>
    public IEnumerator<TcpConnection> GetEnumerator() => _connections.Values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    // The lock is for snapshots alone: only the loop's own thread changes the table, so it reads without.
    internal void Add(TcpConnection connection)
    {
        lock (_gate) _connections.Add(connection.Id, connection);
    }

    internal void Remove(TcpConnection connection)
    {
        lock (_gate) _connections.Remove(connection.Id);
    }

    /// <summary>Adds these to a snapshot. The loop waits for a copy of references, and for no more.</summary>
    /// <returns>For how long it could have had to wait.</returns>
    internal TimeSpan CopyTo(ConnectionCollection snapshot)
    {
        TimeSpan held;
        TcpConnection[] copy;
        int count;
        // An array is made without the lock; there may be more by then.
        for (copy = new TcpConnection[Count + 16]; !TryCopy(copy, out count, out held);) copy = new TcpConnection[count + 16];
        snapshot._connections.EnsureCapacity(snapshot.Count + count);
        foreach (TcpConnection connection in copy.AsSpan(0, count)) snapshot._connections[connection.Id] = connection;
        return held;
    }

    private bool TryCopy(TcpConnection[] into, out int count, out TimeSpan held)
    {
        lock (_gate)
        {
            long began = Stopwatch.GetTimestamp();
            count = _connections.Count;
            bool fits = count <= into.Length;
            if (fits) _connections.Values.CopyTo(into, 0);
            held = Stopwatch.GetElapsedTime(began);
            return fits;
        }
    }
}

/// <summary>
/// The open connections of a <c>Worker&lt;T&gt;</c>: a <see cref="ConnectionCollection"/> whose connections are typed as the
/// worker is.
/// </summary>
/// <typeparam name="T">What the worker receives.</typeparam>
public sealed class ConnectionCollection<T> : ConnectionCollection
{
    internal ConnectionCollection()
    {
    }

    /// <inheritdoc cref="ConnectionCollection.this"/>
    public new TcpConnection<T>? this[long id] => (TcpConnection<T>?)base[id];

    /// <inheritdoc cref="ConnectionCollection.TryGetValue"/>
    public bool TryGetValue(long id, [NotNullWhen(true)] out TcpConnection<T>? connection) => (connection = this[id]) is not null;

    /// <inheritdoc cref="ConnectionCollection.GetEnumerator"/>
    public new IEnumerator<TcpConnection<T>> GetEnumerator()
    {
        foreach (TcpConnection connection in _connections.Values) yield return (TcpConnection<T>)connection;
    }
}
