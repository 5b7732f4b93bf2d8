using System.Net;
using System.Net.Sockets;
using Workerman.Diagnostics;

namespace Workerman.Events;

/// <summary>
/// One thread that waits for sockets, time and posted work, and calls back for each in turn (PHP: <c>EventInterface</c>). It is
/// no scheduler and knows no protocol. The library's loops alone implement it. All members except <see cref="Post(Action)"/>,
/// <see cref="DeleteTimer"/> and <see cref="Stop"/> belong to the loop's own thread; set a loop up with work posted before
/// <see cref="Run"/>.
/// </summary>
public interface IEventLoop : IDisposable
{
    /// <summary>Name of the driver as the start-up banner shows it, for example <c>epoll</c>.</summary>
    string Name { get; }

    /// <summary>True on the thread that runs this loop.</summary>
    bool IsCurrent { get; }

    /// <summary>Milliseconds on a monotonic clock, read once at the start of this turn.</summary>
    long Now { get; }

    /// <summary>Number of timers that are armed.</summary>
    int TimerCount { get; }

    /// <summary>
    /// Receives every exception that a callback does not catch; the loop goes on. Null: it is written to standard error.
    /// </summary>
    Action<Exception>? ErrorHandler { get; set; }

    /// <summary>Watches a non-blocking socket; reading is enabled (PHP: <c>onReadable</c>, <c>onWritable</c>).</summary>
    /// <param name="socket">A connected, non-blocking stream socket; from here on the loop socket closes it.</param>
    /// <param name="handler">What is called back, on the loop's thread.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">The system does not watch it: no memory is left, or too many
    /// descriptors are watched.</exception>
    ILoopSocket Watch(ConnectedSocket socket, ISocketHandler handler);

    /// <summary>Watches a non-blocking socket of .NET's.</summary>
    /// <inheritdoc cref="Watch(ConnectedSocket, ISocketHandler)"/>
    ILoopSocket Watch(Socket socket, ISocketHandler handler);

    /// <summary>Accepts connections from a listening socket; accepting is enabled.</summary>
    /// <param name="listener">A listening socket. The caller owns it, and disposes of the result before it closes it.</param>
    /// <param name="handler">What is called back, on the loop's thread.</param>
    ILoopListener Accept(Socket listener, IAcceptHandler handler);

    /// <summary>Watches a datagram socket; reading is enabled.</summary>
    /// <param name="socket">A bound or connected datagram socket. The caller owns it, and disposes of the result before it closes
    /// it.</param>
    /// <param name="handler">What is called back, on the loop's thread.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">The system does not watch it: no memory is left, or too many
    /// descriptors are watched.</exception>
    ILoopDatagramSocket WatchDatagrams(Socket socket, IDatagramHandler handler);

    /// <summary>Connects a stream socket, without waiting.</summary>
    /// <param name="endPoint">Where to: an <see cref="IPEndPoint"/>, or a <see cref="UnixDomainSocketEndPoint"/>.</param>
    /// <param name="localEndPoint">Where from; null for what the system chooses.</param>
    /// <param name="prepare">Sets options of the socket, which stays the loop's, before it is bound and connected; null for none.
    /// What it throws ends the call.</param>
    /// <param name="handler">What is called back, on the loop's thread, with all outcomes.</param>
    /// <returns>Disposing gives up: the socket is closed and nothing is called back.</returns>
    IDisposable Connect(EndPoint endPoint, EndPoint? localEndPoint, Action<ConnectedSocket>? prepare, IConnectHandler handler);

    /// <summary>
    /// Sends on many sockets what each of them takes, once, without waiting; in one system call where the system has one for
    /// that.
    /// </summary>
    /// <param name="bytes">The bytes that the sends are parts of.</param>
    /// <param name="sends">What goes where, no socket twice; afterwards what became of each.</param>
    internal void SendAll(ReadOnlySpan<byte> bytes, Span<SocketSend> sends);

    /// <summary>Arms a timer (PHP: <c>delay</c> and <c>repeat</c>).</summary>
    /// <param name="interval">Zero or more; rounded up to the poll's next millisecond, never early.</param>
    /// <param name="callback">Called on the loop's thread.</param>
    /// <param name="persistent">
    /// True: it repeats. Each run is counted from when the last one was due; from when that one ran, if that was later by more
    /// than half an interval, so that missed runs are not made up for. A run may come up to 10 milliseconds later, but by no more
    /// than a quarter of the interval, so that timers of one interval come to run together.
    /// </param>
    /// <returns>The timer's id: positive, unique in the process, never used again.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The interval is negative.</exception>
    long AddTimer(TimeSpan interval, Action callback, bool persistent);

    /// <summary>Deletes a timer (PHP: <c>offDelay</c>, <c>offRepeat</c>). From another thread the loop is asked to.</summary>
    /// <returns>On the loop: whether it was armed. From another thread: whether the loop took the order.</returns>
    bool DeleteTimer(long id);

    /// <summary>Deletes all timers (PHP: <c>deleteAllTimer</c>).</summary>
    void DeleteAllTimers();

    /// <summary>
    /// Calls back at each tick, about once a second, until the loop stops: for looking through many items without a timer for
    /// each.
    /// </summary>
    internal void AddTick(Action callback);

    /// <summary>Queues work for the loop's thread. Safe from any thread.</summary>
    /// <returns>False when the loop has stopped: the work will not run.</returns>
    bool Post(Action work);

    /// <summary>Runs <paramref name="work"/> at the end of this turn, after sockets, timers and posted work.</summary>
    internal void Defer(IDeferredWork work);

    /// <summary>
    /// Goes on with <paramref name="work"/> in the next turn, after the sockets that are ready by then: what one peer has sent
    /// at once does not keep the others waiting.
    /// </summary>
    internal void ContinueNextTurn(IContinuedWork work);

    /// <summary>The clock within a turn: how long callbacks have taken, and what they have written has waited.</summary>
    internal FlushDeadline FlushDeadline { get; }

    /// <summary>What the loop counts, and which callback it is in.</summary>
    internal LoopFigures Figures { get; }

    /// <summary>Runs the loop on the calling thread until <see cref="Stop"/>.</summary>
    /// <exception cref="InvalidOperationException">It runs already, has run, or another loop runs on this thread.</exception>
    void Run();

    /// <summary>Ends <see cref="Run"/> after the turn that is under way. Safe from any thread.</summary>
    void Stop();
}
