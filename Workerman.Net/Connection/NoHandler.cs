using System.Buffers;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>Stands in for the handler of a client connection that belongs to no loop yet. Nothing reaches it, because its loop refuses all. No state; any thread.</summary>
internal sealed class NoHandler : ConnectionHandler
{
    public static readonly NoHandler Instance = new();

    private NoHandler()
        : base(NoLoop.Instance, null!)
    {
    }

    public override object? Owner => null;

    public override Verdict ReadMessage(TcpConnection connection, ref ReadOnlySequence<byte> input) => Verdict.NeedMore;

    public override void OnClose(TcpConnection connection)
    {
    }

    public override void OnError(TcpConnection connection, ConnectionError error, string reason)
    {
    }

    public override void OnBufferFull(TcpConnection connection)
    {
    }

    public override void OnBufferDrain(TcpConnection connection)
    {
    }

    public override void OnRejected(TcpConnection connection, Verdict verdict)
    {
    }

    public override void OnFault(TcpConnection connection, Exception exception)
    {
    }

    public override void OnGone(TcpConnection connection)
    {
    }
}
