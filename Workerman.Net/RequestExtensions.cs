using Workerman.Connection;
using Workerman.Protocols.Http;

namespace Workerman;

/// <summary>What a request knows of its connection: here, because HTTP knows no connections.</summary>
public static class RequestExtensions
{
    extension(Request request)
    {
        /// <summary>
        /// The connection that the request came on, also when it is closed (PHP: <c>$request-&gt;connection</c>). Null for a
        /// request that was made in a test of your own.
        /// </summary>
        public TcpConnection? Connection => request.Exchange?.Peer as TcpConnection;
    }
}
