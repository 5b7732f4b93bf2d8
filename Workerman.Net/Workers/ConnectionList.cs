using System.Runtime.Versioning;
using Workerman.Connection;
using Workerman.Supervision;

namespace Workerman.Workers;

/// <summary>
/// What the list of connections says of this process: it looks at all of them part by part, and keeps and makes rows of what is
/// asked for alone, so that 100,000 connections are no work to speak of. No state; any thread, and no loop waits for it.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class ConnectionList
{
    public static ConnectionReport Of(IEnumerable<ConnectionCollection> all, ControlRequest request)
    {
        long total = 0;
        IEnumerable<TcpConnection> connections = all.SelectMany(static table => table.CopyParts()).SelectMany(part =>
        {
            total += part.Count;
            return part;
        });
        ConnectionRow[] rows = [.. ConnectionOrder.Take(connections, request.Sort, request.Limit, Keys.Instance).Select(RowOf)];
        return new ConnectionReport { Total = total, Connections = rows };
    }

    private static ConnectionRow RowOf(TcpConnection connection)
    {
        System.Net.IPEndPoint? remote = connection.RemoteAddress;
        return new ConnectionRow
        {
            Process = Environment.ProcessId,
            Worker = NameOf(connection),
            Id = connection.Id,
            Transport = connection.IsEncrypted ? "ssl" : remote is null ? "unix" : "tcp",
            Protocol = connection.Protocol.Name,
            Family = remote is null ? "" : connection.IsIpV6 ? "ipv6" : "ipv4",
            RecvQ = connection.RecvBufferQueueSize,
            SendQ = connection.SendBufferQueueSize,
            BytesRead = connection.BytesRead,
            BytesWritten = connection.BytesWritten,
            Status = connection.Status.ToString().ToUpperInvariant(),
            AgeSeconds = Math.Round(connection.Age.TotalSeconds, 1),
            Local = connection.LocalAddress?.ToString() ?? (connection.Owner as StreamWorker)?.LocalPath ?? "",
            Remote = remote?.ToString() ?? "",
        };
    }

    private static string NameOf(TcpConnection connection) => (connection.Owner as WorkerBase)?.Name ?? "client";

    /// <summary>What an open connection is sorted by, of which no row is made before. No state.</summary>
    private sealed class Keys : IConnectionKeys<TcpConnection>
    {
        public static Keys Instance { get; } = new();

        public long Id(TcpConnection one) => one.Id;

        public string WorkerName(TcpConnection one) => NameOf(one);

        public long RecvQ(TcpConnection one) => one.RecvBufferQueueSize;

        public long SendQ(TcpConnection one) => one.SendBufferQueueSize;

        public long BytesRead(TcpConnection one) => one.BytesRead;

        public long BytesWritten(TcpConnection one) => one.BytesWritten;

        public double AgeSeconds(TcpConnection one) => one.Age.TotalSeconds;

        public string Remote(TcpConnection one) => one.RemoteAddress?.ToString() ?? "";
    }
}
