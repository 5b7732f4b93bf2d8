using System.Buffers;
using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Protocols.WebSocket;
using Workerman.WebSockets;

namespace Workerman.Workers;

/// <summary>The guarded calls of the application for one client connection. Belongs to the loop's thread.</summary>
internal sealed class ClientHandler<T>(AsyncTcpConnection<T> client, IEventLoop loop, ConnectionBuffers buffers) : ConnectionHandler<T>(loop, buffers)
{
    private readonly ILogger _logger = Worker.LoggerOf(loop);

    public override object? Owner => null;

    public void OnConnect() => Guard(static client => client.OnConnect?.Invoke(client));

    public override Verdict ReadMessage(TcpConnection connection, ref ReadOnlySequence<byte> input)
    {
        bool opening = connection.Protocol.IsOpening;
        Verdict verdict = base.ReadMessage(connection, ref input);
        if (verdict.Kind != VerdictKind.NeedMore) return verdict;
        if (!opening || connection.Protocol.IsOpening) return ControlFrames.Tell(connection, verdict, events: null, this);
        AfterOpening(connection);
        return ControlFrames.AfterCallback(connection, verdict);
    }

    private void AfterOpening(TcpConnection connection)
    {
        string? subprotocol = (connection.Protocol as WebSocketProtocol)?.ChosenSubprotocol;
        if (subprotocol is not null || WebSocketCallbacks.Find(connection) is not null) WebSocketCallbacks.Of(connection).Subprotocol = subprotocol;
        bool wasFull = connection.ReleaseHeld();
        if (client.OnWebSocketConnect is { } told && client.WebSocket.Response is { } answer) Guard(client => told(client, answer));
        client.AfterOpening(wasFull);
    }

    public override void OnClose(TcpConnection connection)
    {
        // By the connection's own face: what was set there, or by whoever knows it as a TcpConnection.
        Guard(static client => ((TcpConnection)client).OnClose?.Invoke(client));
        client.AfterClose();
    }

    public override void OnError(TcpConnection connection, ConnectionError error, string reason)
    {
        try
        {
            connection.OnError?.Invoke(connection, error, reason);
        }
        catch (Exception e)
        {
            OnFault(connection, e);
        }
    }

    public override void OnBufferFull(TcpConnection connection) => Guard(static client => client.OnBufferFull?.Invoke(client));

    public override void OnBufferDrain(TcpConnection connection) => Guard(static client => client.OnBufferDrain?.Invoke(client));

    public override void OnRejected(TcpConnection connection, Verdict verdict)
    {
        if (connection.Protocol.IsOpening) client.NoteRefusal(verdict.Reason ?? "");
        Log.ClientRejected(_logger, client.Id, client.Address, verdict.Status, verdict.Reason);
    }

    public override void OnFault(TcpConnection connection, Exception exception) =>
        Log.ClientCallbackFailed(_logger, client.Id, client.Address, exception);

    public override void OnSecured(TcpConnection connection) => client.AfterSecuring();

    public override void OnHandshakeFailed(TcpConnection connection, string reason) => client.NoteUnsecured(reason);

    public override void OnGone(TcpConnection connection) => client.Unlist();

    protected override void OnMessage(TcpConnection connection, T message)
    {
        if (client.OnMessage is { } handler) handler(client, message);
        else if (client.OnMessageAsync is { } asyncHandler) Observe(connection, message, asyncHandler(client, message));
    }

    private void Guard(Action<AsyncTcpConnection<T>> call)
    {
        try
        {
            call(client);
        }
        catch (Exception e)
        {
            OnFault(client, e);
        }
    }
}
