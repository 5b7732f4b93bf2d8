using System.Buffers;
using Workerman.Diagnostics;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// What a connection calls: for its next message, its end and its errors. A worker has one on each loop and a client has one,
/// which its connections keep for life; another may stand in for it, for one connection or for all: a pipe, an opening handshake,
/// a change of protocol. What that one does not override goes on to the one behind it. Runs on the loop's thread. It calls the
/// application by <see cref="ApplicationGuard"/>, so nothing here throws.
/// </summary>
internal abstract class ConnectionHandler : IFaultHandler<TcpConnection>
{
    private readonly ConnectionHandler? _inner;

    /// <param name="loop">The loop.</param>
    /// <param name="buffers">What its connections share.</param>
    /// <param name="figures">What counts them; null for the loop's own, which clients have.</param>
    protected ConnectionHandler(IEventLoop loop, ConnectionBuffers buffers, TrafficFigures? figures = null)
    {
        Loop = loop;
        Buffers = buffers;
        Figures = figures ?? loop.Figures;
        Running = loop.Figures.Running;
    }

    /// <summary>Stands in for another.</summary>
    protected ConnectionHandler(ConnectionHandler inner)
        : this(inner.Loop, inner.Buffers, inner.Figures) => _inner = inner;

    public IEventLoop Loop { get; }

    public ConnectionBuffers Buffers { get; }

    /// <summary>What counts the connections, and what they bring.</summary>
    public TrafficFigures Figures { get; }

    /// <summary>The callback that the loop is in.</summary>
    public RunningCallback Running { get; }

    /// <summary>What made the connections: the worker, which this layer does not know; null for a client.</summary>
    public virtual object? Owner => _inner?.Owner;

    /// <summary>The handler that the connection was made with, behind all that stand in for it.</summary>
    public ConnectionHandler Root => _inner?.Root ?? this;

    /// <summary>Reads one message off the input and hands it to the application.</summary>
    public abstract Verdict ReadMessage(TcpConnection connection, ref ReadOnlySequence<byte> input);

    /// <summary>
    /// The peer has sent something that is no message but the protocol's own: a ping, a pong or a close frame of a WebSocket
    /// (RFC 6455 section 5.5). Which, the protocol knows. Called before it is answered.
    /// </summary>
    public virtual void OnPeerControl(TcpConnection connection) => _inner?.OnPeerControl(connection);

    public virtual void OnClose(TcpConnection connection) => _inner?.OnClose(connection);

    public virtual void OnError(TcpConnection connection, ConnectionError error, string reason) =>
        _inner?.OnError(connection, error, reason);

    public virtual void OnBufferFull(TcpConnection connection) => _inner?.OnBufferFull(connection);

    public virtual void OnBufferDrain(TcpConnection connection) => _inner?.OnBufferDrain(connection);

    /// <summary>The peer's bytes were refused, or it was too slow.</summary>
    public virtual void OnRejected(TcpConnection connection, Verdict verdict) => _inner?.OnRejected(connection, verdict);

    /// <summary>A callback, an encoder or a decoder of the application has thrown.</summary>
    public virtual void OnFault(TcpConnection connection, Exception exception) => _inner?.OnFault(connection, exception);

    /// <summary>
    /// The application has failed with a message: that is logged, and answered where the peer waits. The protocol decides whose
    /// fault it is: that of a peer is a refusal.
    /// </summary>
    public void OnMessageFault<T>(TcpConnection connection, T message, Exception exception)
    {
        connection.Protocol.OnFault(exception, message);
        Verdict verdict = connection.Protocol.JudgeFault(exception);
        if (verdict.Reason is null) OnFault(connection, exception);
        else OnRejected(connection, verdict);
        connection.AnswerFault(verdict, message);
    }

    /// <summary>The peer sends no more, and all that it has sent was handed on. It may come more than once.</summary>
    /// <returns>True if the connection is to stay open, for what the peer may still be sent.</returns>
    public virtual bool OnPeerEnded(TcpConnection connection) => _inner?.OnPeerEnded(connection) ?? false;

    /// <summary>
    /// The TLS handshake, or the header of the PROXY protocol, has ended well: from here on the connection is like any other. The
    /// application knows nothing of it before.
    /// </summary>
    public virtual void OnSecured(TcpConnection connection) => _inner?.OnSecured(connection);

    /// <summary>
    /// The TLS handshake has failed, or the connection ended during it: nothing but <see cref="OnGone"/> and
    /// <see cref="OnFreed"/> follows.
    /// </summary>
    public virtual void OnHandshakeFailed(TcpConnection connection, string reason) =>
        _inner?.OnHandshakeFailed(connection, reason);

    /// <summary>
    /// A proxy has not begun with a header of the PROXY protocol as it must, or not in time: nothing but <see cref="OnGone"/> and
    /// <see cref="OnFreed"/> follows.
    /// </summary>
    public virtual void OnProxyRefused(TcpConnection connection, string reason) => _inner?.OnProxyRefused(connection, reason);

    /// <summary>The connection has left the established state for good; its socket is still open.</summary>
    public virtual void OnGone(TcpConnection connection) => _inner?.OnGone(connection);

    /// <summary>
    /// The last call, after <see cref="OnClose"/> where that is called: the socket is closed, and the connection is no longer
    /// listed.
    /// </summary>
    public virtual void OnFreed(TcpConnection connection) => _inner?.OnFreed(connection);
}

/// <summary>A <see cref="ConnectionHandler"/> for messages of one type.</summary>
internal abstract class ConnectionHandler<T> : ConnectionHandler
{
    private readonly LoopSynchronizationContext? _context;

    protected ConnectionHandler(IEventLoop loop, ConnectionBuffers buffers, TrafficFigures? figures = null)
        : base(loop, buffers, figures) => _context = (loop as EventLoop)?.Context;

    /// <inheritdoc/>
    protected ConnectionHandler(ConnectionHandler inner)
        : base(inner) => _context = (Loop as EventLoop)?.Context;

    public override Verdict ReadMessage(TcpConnection connection, ref ReadOnlySequence<byte> input)
    {
        Verdict verdict;
        T message;
        try
        {
            verdict = ((IDecoder<T>)connection.Protocol).TryDecode(ref input, connection.MaxPackageSize, out message);
        }
        catch (Exception e)
        {
            OnFault(connection, e);
            return Verdict.Reject(500, "the decoder failed");
        }
        if (verdict.Kind == VerdictKind.Message) Deliver(connection, message);
        return verdict;
    }

    /// <summary>Hands a message to the application. Does not throw.</summary>
    protected abstract void OnMessage(TcpConnection connection, T message);

    private void Deliver(TcpConnection connection, T message)
    {
        // Methods that are async void, and that other callbacks have begun, are none of this message's.
        _context?.TakeBegun();
        Figures.CountRequest();
        if (RequestTracing.HasListeners) TraceMessage(connection, message);
        else OnMessage(connection, message);
        if (_context?.TakeBegun() is { } begun) Answer(begun, connection, message);
    }

    /// <summary>What the application does with the message belongs to the activity of the request, if there is one.</summary>
    private void TraceMessage(TcpConnection connection, T message)
    {
        var scope = ActivityScope.Enter(connection.Protocol.Activity);
        OnMessage(connection, message);
        scope.Exit();
    }

    /// <summary>
    /// An <c>async void</c> method fails after the callback has returned: the message is answered all the same.
    /// </summary>
    private void Answer(AsyncVoidCall begun, TcpConnection connection, T message) =>
        begun.Failed = e => OnMessageFault(connection, message, e);
}
