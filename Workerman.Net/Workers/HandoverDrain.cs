using System.Diagnostics;
using Workerman.Connection;
using Workerman.Events;
using Workerman.EventStreams;
using Workerman.Handover;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.WebSockets;

namespace Workerman.Workers;

/// <summary>
/// How the connections of one per-loop worker end when another process goes on with the worker: event streams move there, or are
/// ended; of HTTP no request is cut or left without its answer; the others are closed over a window of time, so that their peers
/// do not all come back at once. Belongs to its per-loop worker, on the loop's thread.
/// </summary>
/// <param name="plan">How long what may take.</param>
/// <param name="loop">The loop.</param>
/// <param name="connections">Those of the worker on this loop; some may still come, from a handshake for example.</param>
/// <param name="worker">The worker's address.</param>
/// <param name="lost">Told of a connection that the plan has failed to move.</param>
internal sealed class HandoverDrain(HandoverPlan plan, IEventLoop loop, ConnectionCollection connections, string worker,
    Action<string, Exception> lost)
{
    /// <summary>What moves in a turn takes no longer than this by much: requests are still answered.</summary>
    private static readonly long Budget = Stopwatch.Frequency / 100;

    /// <summary>Shares the moments of connections out in another way each time.</summary>
    private readonly ulong _seed = (ulong)Random.Shared.NextInt64();

    private readonly long _began = loop.Now;
    private TcpConnection[] _streams = [];
    private int _next;
    private bool _ended;

    /// <summary>Whether event streams are still to be moved.</summary>
    public bool IsMoving { get; private set; } = true;

    public void Begin()
    {
        _streams = [.. connections.Where(static connection => IsStream(connection))];
        MoveStreams();
        StepAgain();
    }

    /// <summary>Nobody is waited for any more: the worker stops.</summary>
    public void End() => _ended = true;

    /// <summary>
    /// Looks at each connection. Called again and again by a timer of its own, and at each tick in case the application has
    /// deleted that.
    /// </summary>
    public void Step()
    {
        if (_ended) return;
        foreach (TcpConnection connection in connections) Judge(connection);
    }

    /// <summary>Lets a connection end if its time has come.</summary>
    public void Judge(TcpConnection connection)
    {
        if (connection.Status != ConnectionStatus.Established) return;
        if (connection.Protocol is HttpProtocol { IsOpenEnded: false } http) Judge(connection, http);
        else if (loop.Now >= MomentOf(connection)) Close(connection);
    }

    private void Judge(TcpConnection connection, HttpProtocol http)
    {
        http.EndWithNextAnswer();
        // One that begins now is too late to move, and its client comes back with the id of what it has had.
        if (http.IsStreaming && !IsMoving) MovingStreams.End(connection, plan.Window);
        // A peer that has just begun to send finds the end in order, and no reset, so that it knows it may try again.
        else if (http.IsIdle && loop.Now - _began >= plan.IdleTime.TotalMilliseconds && connection.IsIdleFor(plan.IdleTime))
            connection.End();
    }

    private static void Close(TcpConnection connection)
    {
        if (connection.Protocol is WebSocketProtocol) ControlFrames.Close(connection, CloseCode.ServiceRestart, "");
        else connection.Close();
    }

    private static bool IsStream(TcpConnection connection) =>
        connection.Protocol is MovedProtocol { IsUndecided: true } or HttpProtocol { IsStreaming: true };

    private void MoveStreams()
    {
        long deadline = Stopwatch.GetTimestamp() + Budget;
        while (_next < _streams.Length)
        {
            MoveOrEnd(_streams[_next++]);
            if (Stopwatch.GetTimestamp() > deadline && _next < _streams.Length && loop.Post(MoveStreams)) return;
        }
        _streams = [];
        IsMoving = false;
        plan.LoopIsDone();
    }

    private void MoveOrEnd(TcpConnection connection)
    {
        if (connection.Status != ConnectionStatus.Established || !IsStream(connection)) return;
        try
        {
            MovedSubscription? moved = plan.Move is null ? null : MovingStreams.TryMove(connection, worker, plan.Window);
            if (moved is not null) plan.Move!(moved);
            else if (connection.Protocol is HttpProtocol { IsStreaming: true }) MovingStreams.End(connection, plan.Window);
        }
        catch (Exception e)
        {
            lost($"{connection.RemoteAddress}", e);
            connection.Destroy();
        }
    }

    /// <summary>The moment within the window at which a connection is closed, the same each time it is asked for.</summary>
    private long MomentOf(TcpConnection connection)
    {
        // The finalizer of SplitMix64, which spreads numbers that follow each other.
        ulong mixed = (ulong)connection.Id + _seed;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        mixed ^= mixed >> 31;
        return _began + (long)(mixed % ((ulong)plan.Window.TotalMilliseconds + 1));
    }

    private void StepAgain()
    {
        if (_ended) return;
        Step();
        double pause = Math.Clamp(plan.IdleTime.TotalMilliseconds / 4, 10, 250);
        // Not one that repeats: those are the application's, and are deleted.
        loop.AddTimer(TimeSpan.FromMilliseconds(pause), StepAgain, persistent: false);
    }
}
