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

    /// <summary>The connection left the established state for good: it is no longer listed.</summary>
    public abstract void OnGone(TcpConnection connection);
}

/// <summary>A <see cref="ConnectionHandler"/> for messages of one type.</summary>
internal abstract class ConnectionHandler<T>(IEventLoop loop, ConnectionBuffers buffers) : ConnectionHandler(loop, buffers)
{
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
        if (verdict.Kind == VerdictKind.Message) OnMessage(connection, message);
        return verdict;
    }

    /// <summary>Hands a message to the application. Does not throw.</summary>
    protected abstract void OnMessage(TcpConnection connection, T message);
}
