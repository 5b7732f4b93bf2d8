using Workerman.Connection;
using Workerman.Protocols;

namespace Workerman.WebSockets;

/// <summary>
/// A handler that reads messages in a way of its own and leaves the life of its connections to another, the worker's. One per
/// loop or connection; runs on the loop's thread.
/// </summary>
internal abstract class DelegatingHandler<T>(ConnectionHandler inner) : ConnectionHandler<T>(inner.Loop, inner.Buffers)
{
    protected ConnectionHandler Inner => inner;

    public override object? Owner => inner.Owner;

    public override ConnectionHandler Root => inner.Root;

    public override void OnClose(TcpConnection connection) => inner.OnClose(connection);

    public override void OnError(TcpConnection connection, ConnectionError error, string reason) =>
        inner.OnError(connection, error, reason);

    public override void OnBufferFull(TcpConnection connection) => inner.OnBufferFull(connection);

    public override void OnBufferDrain(TcpConnection connection) => inner.OnBufferDrain(connection);

    public override void OnRejected(TcpConnection connection, Verdict verdict) => inner.OnRejected(connection, verdict);

    public override void OnFault(TcpConnection connection, Exception exception) => inner.OnFault(connection, exception);

    public override void OnGone(TcpConnection connection) => inner.OnGone(connection);

    public override void OnFreed(TcpConnection connection) => inner.OnFreed(connection);

    public override bool OnPeerEnded(TcpConnection connection) => inner.OnPeerEnded(connection);

    public override void OnSecured(TcpConnection connection) => inner.OnSecured(connection);

    public override void OnHandshakeFailed(TcpConnection connection, string reason) =>
        inner.OnHandshakeFailed(connection, reason);

    public override void OnProxyRefused(TcpConnection connection, string reason) => inner.OnProxyRefused(connection, reason);
}
