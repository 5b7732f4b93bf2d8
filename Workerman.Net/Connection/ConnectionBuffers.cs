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

    /// <summary>Replaced when it changes: one that is told of an end may be removed meanwhile.</summary>
    private IConnectionObserver[] _observers = [];

    /// <summary>Where what arrives is received; as long as what a <see cref="TlsSocket"/> decrypts at once.</summary>
    public byte[] Receive { get; } = GC.AllocateUninitializedArray<byte>(TlsBuffers.PlaintextSize, pinned: true);

    public WriteBatch Batch { get; } = new(loop);

    /// <summary>For <c>OnError</c>, <c>OnBufferFull</c> and <c>OnBufferDrain</c>, of all its workers and clients.</summary>
    public CallbackQueue Callbacks { get; } = new(loop);

    /// <summary>How files are read before they are sent.</summary>
    public DiskReader Disk { get; set; } = DiskReader.Default;

    /// <summary>Made for the first encrypted connection.</summary>
    public TlsBuffers Tls => field ??= new TlsBuffers();

    /// <summary>Those of a loop. Any thread.</summary>
    public static ConnectionBuffers Of(IEventLoop loop) => All.GetValue(loop, static loop => new ConnectionBuffers(loop));

    /// <summary>Has it hear of each end of a connection of the loop, until <see cref="Unobserve"/>.</summary>
    public void Observe(IConnectionObserver observer) => _observers = [.. _observers, observer];

    /// <summary>Has it hear of no more ends.</summary>
    public void Unobserve(IConnectionObserver observer) => _observers = Array.FindAll(_observers, other => other != observer);

    /// <summary>A connection has ended, and the application has been told.</summary>
    public void TellOfEnd(TcpConnection connection)
    {
        foreach (IConnectionObserver observer in _observers) observer.OnEnded(connection);
    }
}

/// <summary>
/// Whoever keeps connections in a place of its own, in which no connection knows that it is: so that those that are in none take
/// no memory for it. Called on the loop's thread; must not throw.
/// </summary>
internal interface IConnectionObserver
{
    /// <summary>A connection has ended, in whatever way, and <c>OnClose</c> has been called if it is.</summary>
    void OnEnded(TcpConnection connection);
}
