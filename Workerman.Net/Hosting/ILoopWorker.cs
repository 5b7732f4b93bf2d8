using Workerman.Diagnostics;
using Workerman.Events;
using Workerman.Handover;

namespace Workerman.Hosting;

/// <summary>A worker on one loop: the per-loop worker. Belongs to the loop's thread, but for what never changes.</summary>
internal interface ILoopWorker
{
    /// <summary>Number of the loop among the worker's.</summary>
    int Id { get; }

    IEventLoop Loop { get; }

    LoopThread Thread { get; }

    /// <summary>What it counts. Any thread reads them.</summary>
    TrafficFigures Figures { get; }

    /// <summary>Whether the loop was started for this worker, and ends with it.</summary>
    bool OwnsLoop { get; }

    /// <summary>The application's own, on this loop.</summary>
    object? Context { get; set; }

    /// <summary>Whether it has stopped and its last connection is closed.</summary>
    bool IsDrained { get; }

    /// <summary>Calls <c>OnWorkerStart</c>. What that throws, this throws: the worker cannot begin.</summary>
    void Start();

    /// <summary>Accepts from this listener and no other; from none if it is null.</summary>
    void AcceptFrom(Listener? listener);

    void PauseAccepting();

    void ResumeAccepting();

    /// <summary>Stops accepting, and closes each connection as soon as its answer has left.</summary>
    void Stop();

    /// <summary>
    /// Another process goes on with the worker: stops accepting, gives away the event streams that can move, and lets go of each
    /// other connection without an answer that is cut. Calls <see cref="HandoverPlan.LoopIsDone"/> when all that move have.
    /// </summary>
    void HandOver(HandoverPlan plan);

    /// <summary>The program is reloaded: the application is told.</summary>
    void TellOfReload();

    /// <summary>Closes the connections that are left, at once.</summary>
    void Abort();
}
