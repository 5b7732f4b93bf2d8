using System.Runtime.CompilerServices;
using Workerman.Events;
using Workerman.Tls;

namespace Workerman.Connection;

/// <summary>
/// What the connections of one loop share, because only one of them is at work at a time: where they receive, the batch of what
/// they write, the buffers of encrypted ones, and the callbacks that must not nest. One per loop, for all its workers and
/// clients; belongs to the loop's thread.
/// </summary>
internal sealed class ConnectionBuffers(IEventLoop loop)
{
    private static readonly ConditionalWeakTable<IEventLoop, ConnectionBuffers> All = [];

    /// <summary>Where what arrives is received; as long as what a <see cref="TlsSocket"/> decrypts at once.</summary>
    public byte[] Receive { get; } = GC.AllocateUninitializedArray<byte>(TlsBuffers.PlaintextSize, pinned: true);

    public WriteBatch Batch { get; } = new(loop);

    /// <summary>For <c>OnError</c>, <c>OnBufferFull</c> and <c>OnBufferDrain</c>, of all its workers and clients.</summary>
    public CallbackQueue Callbacks { get; } = new(loop);

    /// <summary>Made for the first encrypted connection.</summary>
    public TlsBuffers Tls => field ??= new TlsBuffers();

    /// <summary>Those of a loop. Any thread.</summary>
    public static ConnectionBuffers Of(IEventLoop loop) => All.GetValue(loop, static loop => new ConnectionBuffers(loop));
}
