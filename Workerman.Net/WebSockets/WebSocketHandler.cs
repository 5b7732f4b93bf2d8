using System.Buffers;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.WebSocket;

namespace Workerman.WebSockets;

/// <summary>The handler of open WebSockets: messages go to the worker's, and of the peer's end it tells. One per worker and loop; runs on the loop's thread.</summary>
/// <param name="inner">The worker's handler.</param>
/// <param name="events">Whom to tell.</param>
internal sealed class WebSocketHandler<T>(ConnectionHandler<T> inner, IWebSocketEvents events) : DelegatingHandler<T>(inner)
{
    public override Verdict ReadMessage(TcpConnection connection, ref ReadOnlySequence<byte> input)
    {
        Verdict verdict = inner.ReadMessage(connection, ref input);
        if (verdict.Kind == VerdictKind.NeedMore) TellOfClose(connection, WebSocketExtension.Find(connection)?.OnClose ?? events.OnWebSocketClose, Guard);
        return verdict;
    }

    /// <summary>The peer has said that it ends; the answer is owed, and given when this returns.</summary>
    public static void TellOfClose(TcpConnection connection, Action<TcpConnection, int, string>? callback, Action<TcpConnection, Action> guard)
    {
        if (callback is null || connection.Protocol is not WebSocketProtocol { PeerClose: { } close }) return;
        guard(connection, () => callback(connection, close.Code, close.Reason));
    }

    /// <summary>Not called: the worker's own handler reads.</summary>
    protected override void OnMessage(TcpConnection connection, T message) => throw new InvalidOperationException("The worker's handler takes the messages.");
}
