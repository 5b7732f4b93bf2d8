using Workerman.Events;

namespace Workerman.Hosting;

/// <summary>A worker as <see cref="ServerHost"/> uses it: it opens listeners, and is attached to loops.</summary>
internal interface IHostedWorker
{
    string Name { get; }

    string Address { get; }

    /// <summary>How many loops it wants.</summary>
    int Count { get; }

    /// <summary>Opens its sockets, unless they are open.</summary>
    /// <exception cref="WorkerStartException">The system refuses one.</exception>
    void OpenListeners();

    /// <summary>Closes its sockets, as soon as no loop accepts from them.</summary>
    void CloseListeners();

    /// <summary>Begins to work on a loop, on its thread.</summary>
    IHostedLoopWorker Attach(IEventLoop loop, int id, LoopThread thread);
}

/// <summary>A worker on one loop. Belongs to the loop's thread.</summary>
internal interface IHostedLoopWorker
{
    /// <summary>Whether it has stopped and its last connection is closed.</summary>
    bool IsDrained { get; }

    /// <summary>Stops accepting, and closes each connection as soon as its answer has left.</summary>
    void Stop();

    /// <summary>Closes the connections that are left, at once.</summary>
    void Abort();
}
