using System.Buffers;
using Workerman.Connection;
using Workerman.Protocols;

namespace Workerman.WebSockets;

/// <summary>
/// The handler of open WebSockets: messages go to the worker's, and of control frames it tells. One per worker and loop; runs on
/// the loop's thread.
/// </summary>
/// <param name="inner">The worker's handler.</param>
/// <param name="events">Whom to tell.</param>
internal sealed class WebSocketHandler<T>(ConnectionHandler<T> inner, IWebSocketEvents events) : DelegatingHandler<T>(inner)
{
    public override Verdict ReadMessage(TcpConnection connection, ref ReadOnlySequence<byte> input)
    {
        Verdict verdict = inner.ReadMessage(connection, ref input);
        return verdict.Kind == VerdictKind.NeedMore ? ControlFrames.Tell(connection, verdict, events, this) : verdict;
    }

    /// <summary>Not called: the worker's own handler reads.</summary>
    protected override void OnMessage(TcpConnection connection, T message) =>
        throw new InvalidOperationException("The worker's handler takes the messages.");
}
