using System.Net;
using System.Net.Sockets;
using Workerman.Diagnostics;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// Stands in for the loop of a client connection that was made outside of any and has not been told to connect: whoever asks
/// something of it is told so. No state; any thread.
/// </summary>
internal sealed class NoLoop : IEventLoop
{
    public static readonly NoLoop Instance = new();

    private NoLoop()
    {
    }

    public string Name => "none";

    public bool IsCurrent => throw None();

    public long Now => throw None();

    public int TimerCount => throw None();

    public Action<Exception>? ErrorHandler
    {
        get => throw None();
        set => throw None();
    }

    public static InvalidOperationException None() => new(
        "This AsyncTcpConnection was made outside of an event loop and belongs to none yet. "
        + "Make it in OnWorkerStart or in another callback of a worker, or call Connect() there first.");

    public ILoopSocket Watch(ConnectedSocket socket, ISocketHandler handler) => throw None();

    public ILoopSocket Watch(Socket socket, ISocketHandler handler) => throw None();

    public ILoopListener Accept(Socket listener, IAcceptHandler handler) => throw None();

    public ILoopDatagramSocket WatchDatagrams(Socket socket, IDatagramHandler handler) => throw None();

    public IDisposable Connect(EndPoint endPoint, EndPoint? localEndPoint, Action<ConnectedSocket>? prepare,
        IConnectHandler handler) => throw None();

    public void SendAll(ReadOnlySpan<byte> bytes, Span<SocketSend> sends) => throw None();

    public long AddTimer(TimeSpan interval, Action callback, bool persistent) => throw None();

    public bool DeleteTimer(long id) => throw None();

    public void DeleteAllTimers() => throw None();

    public void AddTick(Action callback) => throw None();

    public bool Post(Action work) => throw None();

    public void Defer(IDeferredWork work) => throw None();

    public void ContinueNextTurn(IContinuedWork work) => throw None();

    public FlushDeadline FlushDeadline => throw None();

    /// <summary>Nobody reads them.</summary>
    public LoopFigures Figures { get; } = new();

    public void Run() => throw None();

    public void Stop() => throw None();

    public void Dispose()
    {
    }
}
