using System.Buffers;
using Workerman.Connection;
using Workerman.Protocols;

namespace Workerman.WebSockets;

/// <summary>
/// The handler of open WebSockets: the worker's handler reads the messages, and the application is told of control frames. One
/// per worker and loop; runs on the loop's thread.
/// </summary>
/// <param name="inner">The worker's handler.</param>
/// <param name="events">The worker's callbacks.</param>
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
