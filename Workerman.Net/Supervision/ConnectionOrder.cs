namespace Workerman.Supervision;

/// <summary>What connections are sorted by: a row of the list, or an open connection, of which no row is made before.</summary>
internal interface IConnectionKeys
{
    long Id { get; }

    string Worker { get; }

    long RecvQ { get; }

    long SendQ { get; }

    long BytesRead { get; }

    long BytesWritten { get; }

    double AgeSeconds { get; }

    string Remote { get; }
}

/// <summary>The orders in which <c>connections</c> can show them. Pure.</summary>
internal static class ConnectionOrder
{
    private delegate IOrderedEnumerable<IConnectionKeys> Order(IEnumerable<IConnectionKeys> all);

    private static readonly Dictionary<string, Order> Orders = new(StringComparer.Ordinal)
    {
        ["id"] = static all => all.OrderBy(static one => one.Id),
        ["worker"] = static all => all.OrderBy(static one => one.Worker, StringComparer.Ordinal),
        // What is looked for is mostly what there is most of.
        ["read"] = static all => all.OrderByDescending(static one => one.BytesRead),
        ["written"] = static all => all.OrderByDescending(static one => one.BytesWritten),
        ["recvq"] = static all => all.OrderByDescending(static one => one.RecvQ),
        ["sendq"] = static all => all.OrderByDescending(static one => one.SendQ),
        ["age"] = static all => all.OrderByDescending(static one => one.AgeSeconds),
        ["remote"] = static all => all.OrderBy(static one => one.Remote, StringComparer.Ordinal),
    };

    public static IReadOnlyCollection<string> Names => Orders.Keys;

    /// <summary>
    /// The first of them; those that are equal are in the order of their ids. What they are sorted by is asked once of each, so
    /// that it may change meanwhile.
    /// </summary>
    public static IEnumerable<T> Take<T>(IEnumerable<T> all, string? order, int? limit)
        where T : class, IConnectionKeys =>
        Orders[order ?? "id"](all).ThenBy(static one => one.Id).Take(limit ?? ProgramCommand.DefaultLimit).Cast<T>();
}
