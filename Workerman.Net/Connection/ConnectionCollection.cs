using System.Collections;
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
    private const int PartCount = 64;

    /// <summary>By the low bits of the id, which follow each other: a table that grows, or is copied, is one of many.</summary>
    private readonly Dictionary<long, TcpConnection>?[] _parts = new Dictionary<long, TcpConnection>?[PartCount];

    private readonly Lock _gate = new();
    private int _count;

    internal ConnectionCollection()
    {
    }

    /// <summary>How many there are.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>The connection with an id, or null if it is not open or on another loop.</summary>
    public TcpConnection? this[long id] => _parts[PartOf(id)]?.GetValueOrDefault(id);

    /// <summary>Looks a connection up by its id.</summary>
    public bool TryGetValue(long id, [NotNullWhen(true)] out TcpConnection? connection) => (connection = this[id]) is not null;

    /// <summary>The connections, in no order to rely on.</summary>
    public IEnumerator<TcpConnection> GetEnumerator()
    {
        foreach (Dictionary<long, TcpConnection>? part in _parts)
        {
            if (part is null) continue;
            foreach (TcpConnection connection in part.Values) yield return connection;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    // The lock is for copies alone: only the loop's own thread changes the tables, so it reads without.

    /// <returns>Whether it was not there.</returns>
    internal bool Add(TcpConnection connection)
    {
        lock (_gate)
        {
            bool added = (_parts[PartOf(connection.Id)] ??= []).TryAdd(connection.Id, connection);
            if (added) _count++;
            return added;
        }
    }

    /// <returns>Whether it was there.</returns>
    internal bool Remove(TcpConnection connection)
    {
        lock (_gate)
        {
            bool removed = _parts[PartOf(connection.Id)]?.Remove(connection.Id) == true;
            if (removed) _count--;
            return removed;
        }
    }

    /// <summary>
    /// The connections for another thread, part by part: the loop waits for a copy of the references of one part, and for no
    /// more. Each is valid until the next is asked for. One that is opened or closed meanwhile may be missing.
    /// </summary>
    internal IEnumerable<ArraySegment<TcpConnection>> CopyParts()
    {
        TcpConnection[] copy = [];
        for (int i = 0; i < PartCount; i++)
        {
            int count;
            // An array is made without the lock; there may be more by then.
            while (!TryCopy(i, copy, out count)) copy = new TcpConnection[(count * 2) + 16];
            yield return new ArraySegment<TcpConnection>(copy, 0, count);
        }
    }

    /// <summary>Adds these to a snapshot, which belongs to the calling thread.</summary>
    internal void CopyTo(ConnectionCollection snapshot)
    {
        foreach (ArraySegment<TcpConnection> part in CopyParts())
        {
            foreach (TcpConnection connection in part) snapshot.Add(connection);
        }
    }

    private static int PartOf(long id) => (int)(id & (PartCount - 1));

    private bool TryCopy(int index, TcpConnection[] into, out int count)
    {
        lock (_gate)
        {
            Dictionary<long, TcpConnection>? part = _parts[index];
            count = part?.Count ?? 0;
            if (count > into.Length) return false;
            part?.Values.CopyTo(into, 0);
            return true;
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
        using IEnumerator<TcpConnection> all = base.GetEnumerator();
        while (all.MoveNext()) yield return (TcpConnection<T>)all.Current;
    }
}
