using Workerman.Connection;
using Workerman.Events;
using Workerman.Hosting;

namespace Workerman.Workers;

/// <summary>A worker on one loop, as the worker sees it. Belongs to the loop's thread, but for what never changes.</summary>
internal interface ILoopWorker : IHostedLoopWorker
{
    /// <summary>Number of the loop among the worker's.</summary>
    int Id { get; }

    IEventLoop Loop { get; }

    LoopThread Thread { get; }

    /// <summary>Whether the loop was started for this worker, and ends with it.</summary>
    bool OwnsLoop { get; }

    ConnectionCollection Connections { get; }

    /// <summary>The application's own, on this loop.</summary>
    object? Context { get; set; }

    /// <summary>How many connections it has, those that are on their way to it included. Any thread.</summary>
    int Load { get; }

    /// <summary>Calls <c>OnWorkerStart</c>.</summary>
    void Start();

    /// <summary>Accepts from this listener and no other; from none if it is null.</summary>
    void AcceptFrom(Listener? listener);

    /// <summary>Takes over a connection that another loop accepted. Any thread.</summary>
    /// <returns>Whether it does; the caller keeps it otherwise.</returns>
    bool TryHandOver(ConnectedSocket socket);

    void PauseAccepting();

    void ResumeAccepting();
}
