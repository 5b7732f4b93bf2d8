using System.Buffers;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// Stands in for the handler of a client connection that belongs to no loop yet. Nothing reaches it, because its loop refuses
/// all. No state; any thread.
/// </summary>
internal sealed class NoHandler : ConnectionHandler
{
    public static readonly NoHandler Instance = new();

    private NoHandler()
        : base(NoLoop.Instance, null!)
    {
    }

    public override Verdict ReadMessage(TcpConnection connection, ref ReadOnlySequence<byte> input) => Verdict.NeedMore;
}
