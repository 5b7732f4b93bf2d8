using System.Buffers;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// What a connection calls: for its next message, its end and its errors. One per worker and loop, shared by the
/// connections there; runs on the loop's thread. Calls of the application are guarded here, so they never throw.
/// </summary>
internal abstract class ConnectionHandler(IEventLoop loop, ConnectionBuffers buffers)
{
    public IEventLoop Loop { get; } = loop;

    public ConnectionBuffers Buffers { get; } = buffers;

    /// <summary>What made the connections: the worker, which this layer does not know.</summary>
    public abstract object? Owner { get; }

    /// <summary>The handler that the connection was made with, behind all that stand in for it.</summary>
    public virtual ConnectionHandler Root => this;

    /// <summary>Reads one message off the input and hands it to the application.</summary>
    public abstract Verdict ReadMessage(TcpConnection connection, ref ReadOnlySequence<byte> input);

    public abstract void OnClose(TcpConnection connection);

    public abstract void OnError(TcpConnection connection, ConnectionError error, string reason);

    public abstract void OnBufferFull(TcpConnection connection);

    public abstract void OnBufferDrain(TcpConnection connection);

    /// <summary>The peer's bytes were refused, or it was too slow.</summary>
    public abstract void OnRejected(TcpConnection connection, Verdict verdict);

    /// <summary>A decoder of the application threw.</summary>
    public abstract void OnFault(TcpConnection connection, Exception exception);

    /// <summary>
    /// The peer sends no more, and all that it has sent was handed on. It may come more than once.
    /// </summary>
    /// <returns>True if the connection is to stay open, for what the peer may still be sent.</returns>
    public virtual bool OnPeerEnded(TcpConnection connection) => false;

    /// <summary>The TLS handshake, or the header of the PROXY protocol, has ended well: from here on the connection is like any
    /// other. The application knows nothing of it before.</summary>
    public virtual void OnSecured(TcpConnection connection)
    {
    }

    /// <summary>The TLS handshake has failed, or the connection ended during it: nothing but <see cref="OnGone"/> follows.</summary>
    public virtual void OnHandshakeFailed(TcpConnection connection, string reason)
    {
    }

    /// <summary>A proxy has not begun with a header of the PROXY protocol as it must, or not in time: nothing but <see
    /// cref="OnGone"/> follows.</summary>
    public virtual void OnProxyRefused(TcpConnection connection, string reason)
    {
    }

    /// <summary>The connection has left the established state for good; its socket is still open.</summary>
    public virtual void OnGone(TcpConnection connection)
    {
    }

    /// <summary>
    /// The end of the end, after <see cref="OnClose"/> where that is called: the socket is closed, and the connection is no
    /// longer listed.
    /// </summary>
    public virtual void OnFreed(TcpConnection connection)
    {
    }
}

/// <summary>A <see cref="ConnectionHandler"/> for messages of one type.</summary>
internal abstract class ConnectionHandler<T>(IEventLoop loop, ConnectionBuffers buffers) : ConnectionHandler(loop, buffers)
{
    private readonly LoopSynchronizationContext? _context = (loop as EventLoop)?.Context;

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

    /// <summary>Hands a message to the application. What it throws is seen to.</summary>
    protected abstract void OnMessage(TcpConnection connection, T message);

    /// <summary>
    /// The application has failed with a message: that is told, and answered where somebody waits. Does not throw.
    /// </summary>
    protected void OnMessageFault(TcpConnection connection, T message, Exception exception)
    {
        Verdict verdict = connection.Protocol.JudgeFault(exception);
        if (verdict.Reason is null) OnFault(connection, exception);
        else OnRejected(connection, verdict);
        connection.AnswerFault(verdict, message);
    }

    /// <summary>Sees to what a callback does after its first <c>await</c>.</summary>
    protected void Observe(TcpConnection connection, T message, Task handling)
    {
        if (!handling.IsCompletedSuccessfully) _ = AwaitAsync(connection, message, handling);
    }

    private void Deliver(TcpConnection connection, T message)
    {
        // What other callbacks have begun is none of this message's.
        _context?.TakeBegun();
        try
        {
            OnMessage(connection, message);
        }
        catch (Exception e)
        {
            OnMessageFault(connection, message, e);
        }
        if (_context?.TakeBegun() is { } begun) Answer(begun, connection, message);
    }

    /// <summary>
    /// An <c>async void</c> method fails after the callback has returned: the message is answered all the same.
    /// </summary>
    private void Answer(AsyncVoidCall begun, TcpConnection connection, T message) => begun.Failed = e => OnMessageFault(connection, message, e);

    private async Task AwaitAsync(TcpConnection connection, T message, Task handling)
    {
        try
        {
            await handling;
        }
        catch (Exception e)
        {
            OnMessageFault(connection, message, e);
        }
    }
}
