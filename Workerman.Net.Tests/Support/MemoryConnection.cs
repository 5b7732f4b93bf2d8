using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Tls;

namespace Workerman.Tests.Support;

/// <summary>
/// A connection on a <see cref="MemorySocket"/>, with all that it calls back written down. Its time limits are looked at whenever
/// the clock of its loop is moved.
/// </summary>
internal sealed class MemoryConnection
{
    private MemoryConnection(MemoryLoop loop, List<string> events, TcpConnection connection)
    {
        (Loop, Events, Connection, Socket) = (loop, events, connection, loop.LastSocket);
        loop.AddTick(connection.Sweep);
    }

    public MemoryLoop Loop { get; }

    /// <summary>What was called back, in order: <c>full</c>, <c>drain</c>, <c>error …</c>, <c>close</c>, …</summary>
    public List<string> Events { get; }

    public TcpConnection Connection { get; }

    public MemorySocket Socket { get; }

    /// <summary>The protocol of <c>tcp://</c>.</summary>
    public static MemoryConnection Raw(Action<TcpConnection, string>? onMessage = null, MemoryLoop? loop = null,
        ConnectionBuffers? buffers = null) =>
        Open<byte[]>(RawProtocol.Instance,
            (connection, bytes) => onMessage?.Invoke(connection, System.Text.Encoding.Latin1.GetString(bytes)), loop, buffers);

    /// <summary>HTTP, with the disk as a part of the loop: its thread is the only one.</summary>
    public static MemoryConnection Http(Action<TcpConnection, Request> onMessage, HttpOptions? options = null)
    {
        options ??= new HttpOptions();
        options.RunOnDisk = static work => work();
        return Open(new HttpProtocol(options), onMessage);
    }

    /// <param name="protocol">What the connection speaks.</param>
    /// <param name="onMessage">What the application does with a message.</param>
    /// <param name="loop">The loop; null for one of its own.</param>
    /// <param name="buffers">What the connections of a loop share.</param>
    /// <param name="tls">Its encryption, or none.</param>
    public static MemoryConnection Open<T>(
        ConnectionProtocol protocol, Action<TcpConnection, T> onMessage, MemoryLoop? loop = null,
        ConnectionBuffers? buffers = null,
        TlsFilter? tls = null)
    {
        loop ??= new MemoryLoop();
        var events = new List<string>();
        var handler = new Handler<T>(loop, buffers ?? new ConnectionBuffers(loop), events, onMessage);
        return new MemoryConnection(loop, events, new TcpConnection<T>(default, protocol, handler, tls));
    }

    /// <summary>The application sends, outside of any callback of the connection's; the rest of the turn follows.</summary>
    public SendResult Send(string text)
    {
        SendResult result = default;
        Loop.Do(() => result = Connection.Send(text));
        return result;
    }

    /// <summary>That the connection has asked nothing of the socket that it must not.</summary>
    public void AssertKeepsToTheContract() => Assert.That(Socket.Violations, Is.Empty);

    private sealed class Handler<T>(MemoryLoop loop, ConnectionBuffers buffers, List<string> events,
        Action<TcpConnection, T> onMessage)
        : ConnectionHandler<T>(loop, buffers)
    {
        public override object? Owner => null;

        public override void OnClose(TcpConnection connection)
        {
            events.Add("close");
            connection.OnClose?.Invoke(connection);
        }

        public override void OnError(TcpConnection connection, ConnectionError error, string reason)
        {
            events.Add($"error {error}: {reason}");
            connection.OnError?.Invoke(connection, error, reason);
        }

        public override void OnBufferFull(TcpConnection connection)
        {
            events.Add("full");
            connection.OnBufferFull?.Invoke(connection);
        }

        public override void OnBufferDrain(TcpConnection connection)
        {
            events.Add("drain");
            connection.OnBufferDrain?.Invoke(connection);
        }

        public override void OnRejected(TcpConnection connection, Verdict verdict) => events.Add($"rejected {verdict.Status}");

        public override void OnFault(TcpConnection connection, Exception exception) => events.Add($"fault {exception}");

        public override void OnSecured(TcpConnection connection) => events.Add("secured");

        public override void OnHandshakeFailed(TcpConnection connection, string reason) =>
            events.Add($"handshake failed: {reason}");

        public override void OnGone(TcpConnection connection) => events.Add("gone");

        public override void OnFreed(TcpConnection connection) => events.Add("freed");

        protected override void OnMessage(TcpConnection connection, T message) => onMessage(connection, message);
    }
}
