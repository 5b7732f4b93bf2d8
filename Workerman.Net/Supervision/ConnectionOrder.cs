namespace Workerman.Supervision;

/// <summary>What connections are sorted by: rows of the list, or open connections.</summary>
/// <typeparam name="T">What stands for a connection.</typeparam>
internal interface IConnectionKeys<in T>
{
    long Id(T one);

    string WorkerName(T one);

    long RecvQ(T one);

    long SendQ(T one);

    long BytesRead(T one);

    long BytesWritten(T one);

    double AgeSeconds(T one);

    string Remote(T one);
}

/// <summary>What the rows of a list are sorted by. No state.</summary>
internal sealed class ConnectionRowKeys : IConnectionKeys<ConnectionRow>
{
    public static ConnectionRowKeys Instance { get; } = new();

    public long Id(ConnectionRow one) => one.Id;

    public string WorkerName(ConnectionRow one) => one.Worker;

    public long RecvQ(ConnectionRow one) => one.RecvQ;

    public long SendQ(ConnectionRow one) => one.SendQ;

    public long BytesRead(ConnectionRow one) => one.BytesRead;

    public long BytesWritten(ConnectionRow one) => one.BytesWritten;

    public double AgeSeconds(ConnectionRow one) => one.AgeSeconds;

    public string Remote(ConnectionRow one) => one.Remote;
}

/// <summary>The orders in which <c>connections</c> can show them. Pure.</summary>
internal static class ConnectionOrder
{
    public static IReadOnlyCollection<string> Names { get; } =
        ["id", "worker", "read", "written", "recvq", "sendq", "age", "remote"];

    /// <summary>
    /// The first of them; those that are equal are in the order of their ids. What they are sorted by is asked once of each, so
    /// that it may change meanwhile. No more are kept at a time than are asked for.
    /// </summary>
    public static IReadOnlyList<T> Take<T>(IEnumerable<T> all, string? order, int? limit, IConnectionKeys<T> keys)
    {
        int most = limit ?? ProgramCommand.DefaultLimit;
        // The one that comes last is the first to go.
        var first = new PriorityQueue<T, Key>(Comparer<Key>.Create(static (a, b) => b.CompareTo(a)));
        foreach (T one in all)
        {
            Key key = KeyOf(one, order ?? "id", keys);
            if (first.Count < most) first.Enqueue(one, key);
            else first.EnqueueDequeue(one, key);
        }
        T[] taken = new T[first.Count];
        for (int i = taken.Length - 1; i >= 0; i--) taken[i] = first.Dequeue();
        return taken;
    }

    private static Key KeyOf<T>(T one, string order, IConnectionKeys<T> keys) => order switch
    {
        "id" => new Key("", 0, keys.Id(one)),
        "worker" => new Key(keys.WorkerName(one), 0, keys.Id(one)),
        // What is looked for is mostly what there is most of.
        "read" => new Key("", keys.BytesRead(one), keys.Id(one)),
        "written" => new Key("", keys.BytesWritten(one), keys.Id(one)),
        "recvq" => new Key("", keys.RecvQ(one), keys.Id(one)),
        "sendq" => new Key("", keys.SendQ(one), keys.Id(one)),
        "age" => new Key("", keys.AgeSeconds(one), keys.Id(one)),
        "remote" => new Key(keys.Remote(one), 0, keys.Id(one)),
        _ => throw new ArgumentOutOfRangeException(nameof(order), order, "There is no such column."),
    };

    /// <summary>Texts upwards, figures downwards, ids upwards. Immutable.</summary>
    private readonly record struct Key(string Text, double Figure, long Id) : IComparable<Key>
    {
        public int CompareTo(Key other)
        {
            int order = string.CompareOrdinal(Text, other.Text);
            if (order == 0) order = other.Figure.CompareTo(Figure);
            return order != 0 ? order : Id.CompareTo(other.Id);
        }
    }
}
