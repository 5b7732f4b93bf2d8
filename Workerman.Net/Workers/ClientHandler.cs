using System.Buffers;
using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Diagnostics;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Protocols.WebSocket;
using Workerman.WebSockets;

namespace Workerman.Workers;

/// <summary>The guarded calls of the application for one client connection. Belongs to the loop's thread.</summary>
internal sealed class ClientHandler<T>(AsyncTcpConnection<T> client, IEventLoop loop, ConnectionBuffers buffers)
    : ConnectionHandler<T>(loop, buffers)
{
    private readonly ILogger _logger = Worker.LoggerOf(loop);

    public void OnConnect() => ApplicationGuard.Call(Running, CallbackKind.OnConnect, this, client, client.OnConnect);

    public override Verdict ReadMessage(TcpConnection connection, ref ReadOnlySequence<byte> input)
    {
        bool opening = connection.Protocol.IsOpening;
        Verdict verdict = base.ReadMessage(connection, ref input);
        if (!opening || connection.Protocol.IsOpening || verdict.Kind != VerdictKind.NeedMore) return verdict;
        AfterOpening(connection);
        // Behind the answer there may be messages: the connection goes on reading, after it has sent what a callback has queued.
        return connection.Protocol.HasPendingControl ? verdict : Verdict.Message;
    }

    public override void OnPeerControl(TcpConnection connection) => ControlFrames.Tell(connection, events: null, this);

    public override void OnClose(TcpConnection connection)
    {
        // By the connection's own face: what was set there, or by whoever knows it as a TcpConnection.
        ApplicationGuard.Call(Running, CallbackKind.OnClose, this, connection, connection.OnClose);
        client.AfterClose();
    }

    public override void OnError(TcpConnection connection, ConnectionError error, string reason) =>
        ApplicationGuard.Call(Running, CallbackKind.OnError, this, connection, connection.OnError, error, reason);

    public override void OnBufferFull(TcpConnection connection) =>
        ApplicationGuard.Call(Running, CallbackKind.OnBufferFull, this, connection, connection.OnBufferFull);

    public override void OnBufferDrain(TcpConnection connection) =>
        ApplicationGuard.Call(Running, CallbackKind.OnBufferDrain, this, connection, connection.OnBufferDrain);

    public override void OnRejected(TcpConnection connection, Verdict verdict)
    {
        if (connection.Protocol.IsOpening) client.NoteRefusal(verdict.Reason ?? "");
        Log.ClientRejected(_logger, client.Id, client.Address, verdict.Status, verdict.Reason);
    }

    public override void OnFault(TcpConnection connection, Exception exception)
    {
        Figures.CountException();
        Log.ClientCallbackFailed(_logger, client.Id, client.Address, exception);
    }

    public override void OnSecured(TcpConnection connection) => client.AfterSecuring();

    public override void OnHandshakeFailed(TcpConnection connection, string reason) => client.NoteUnsecured(reason);

    public override void OnGone(TcpConnection connection) => client.Unlist();

    protected override void OnMessage(TcpConnection connection, T message) =>
        ApplicationGuard.Deliver(
            Running, CallbackKind.OnMessage, this, client, message, client.OnMessage, client.OnMessageAsync);

    private void AfterOpening(TcpConnection connection)
    {
        string? subprotocol = (connection.Protocol as WebSocketProtocol)?.ChosenSubprotocol;
        if (subprotocol is not null || WebSocketCallbacks.Find(connection) is not null)
            WebSocketCallbacks.Of(connection).Subprotocol = subprotocol;
        bool wasFull = connection.ReleaseHeld();
        if (client.WebSocket.Response is { } answer)
            ApplicationGuard.Call(Running, CallbackKind.OnWebSocketConnect, this, client, client.OnWebSocketConnect, answer);
        client.AfterOpening(wasFull);
    }
}
