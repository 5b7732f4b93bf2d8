using System.Buffers;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.WebSocket;

namespace Workerman.WebSockets;

/// <summary>
/// The handler of one WebSocket that a request of an HTTP worker was upgraded to: its messages go to the callback of
/// <c>UpgradeToWebSocket</c>. Belongs to its connection, on the loop's thread.
/// </summary>
/// <param name="inner">The HTTP worker's handler.</param>
/// <param name="received">The callback for each message.</param>
internal sealed class CallbackHandler(ConnectionHandler inner, Func<TcpConnection, WebSocketMessage, Task> received)
    : DelegatingHandler<WebSocketMessage>(inner)
{
    public override Verdict ReadMessage(TcpConnection connection, ref ReadOnlySequence<byte> input)
    {
        Verdict verdict = base.ReadMessage(connection, ref input);
        return verdict.Kind == VerdictKind.NeedMore
            ? ControlFrames.Tell(connection, verdict, Owner as IWebSocketEvents, this)
            : verdict;
    }

    protected override void OnMessage(TcpConnection connection, WebSocketMessage message) =>
        Observe(connection, message, received(connection, message));
}
