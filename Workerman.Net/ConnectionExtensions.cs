using Workerman.Connection;

namespace Workerman;

/// <summary>What a connection knows of its worker: here, because the connection's own layer knows no workers.</summary>
public static class ConnectionExtensions
{
    extension(TcpConnection connection)
    {
        /// <summary>The worker that accepted the connection; null for a client's (PHP: <c>$connection-&gt;worker</c>).</summary>
        public StreamWorker? Worker => connection.Owner as StreamWorker;
    }
}
