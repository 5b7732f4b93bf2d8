using System.Runtime.Versioning;
using Workerman.Connection;
using Workerman.Supervision;

namespace Workerman.Workers;

/// <summary>
/// What the list of connections says of this process: it takes what is asked for of a snapshot, and makes rows of that alone, so
/// that 100,000 connections are no work to speak of. No state; any thread, and no loop waits for it.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class ConnectionList
{
    public static ConnectionReport Of(ConnectionCollection all, ControlRequest request) => new()
    {
        Total = all.Count,
        Connections = [.. ConnectionOrder.Take(all.Select(static one => new Keys(one)), request.Sort, request.Limit)
            .Select(static one => RowOf(one.Connection))],
    };

    private static ConnectionRow RowOf(TcpConnection connection)
    {
        System.Net.IPEndPoint? remote = connection.RemoteAddress;
        return new ConnectionRow
        {
            Process = Environment.ProcessId,
            Worker = WorkerOf(connection),
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

    private static string WorkerOf(TcpConnection connection) => (connection.Owner as WorkerBase)?.Name ?? "client";

    /// <summary>What an open connection is sorted by. Immutable; what it says may change.</summary>
    private sealed class Keys(TcpConnection connection) : IConnectionKeys
    {
        public TcpConnection Connection => connection;

        public long Id => connection.Id;

        public string Worker => WorkerOf(connection);

        public long RecvQ => connection.RecvBufferQueueSize;

        public long SendQ => connection.SendBufferQueueSize;

        public long BytesRead => connection.BytesRead;

        public long BytesWritten => connection.BytesWritten;

        public double AgeSeconds => connection.Age.TotalSeconds;

        public string Remote => connection.RemoteAddress?.ToString() ?? "";
    }
}
