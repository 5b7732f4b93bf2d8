namespace Workerman.Supervision;

/// <summary>The orders in which <c>connections</c> can show them. Pure.</summary>
internal static class ConnectionOrder
{
    private static readonly Dictionary<string, Comparison<ConnectionRow>> Orders = new(StringComparer.Ordinal)
    {
        ["id"] = static (a, b) => a.Id.CompareTo(b.Id),
        ["worker"] = static (a, b) => string.CompareOrdinal(a.Worker, b.Worker),
        // What is looked for is mostly what there is most of.
        ["read"] = static (a, b) => b.BytesRead.CompareTo(a.BytesRead),
        ["written"] = static (a, b) => b.BytesWritten.CompareTo(a.BytesWritten),
        ["recvq"] = static (a, b) => b.RecvQ.CompareTo(a.RecvQ),
        ["sendq"] = static (a, b) => b.SendQ.CompareTo(a.SendQ),
        ["age"] = static (a, b) => b.AgeSeconds.CompareTo(a.AgeSeconds),
        ["remote"] = static (a, b) => string.CompareOrdinal(a.Remote, b.Remote),
    };

    public static IReadOnlyCollection<string> Names => Orders.Keys;

    /// <summary>The first of them; those that are equal are in the order of their ids.</summary>
    public static ConnectionRow[] Take(IEnumerable<ConnectionRow> rows, string? order, int? limit)
    {
        Comparison<ConnectionRow> compare = Orders[order ?? "id"];
        var sorted = rows.ToList();
        sorted.Sort((a, b) => compare(a, b) is not 0 and int difference ? difference : a.Id.CompareTo(b.Id));
        return [.. sorted.Take(limit ?? ProgramCommand.DefaultLimit)];
    }
}
