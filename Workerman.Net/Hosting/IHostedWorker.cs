using Microsoft.Extensions.Logging;
using Workerman.Events;

namespace Workerman.Hosting;

/// <summary>A worker as <see cref="ServerHost"/> uses it: it opens listeners, and is attached to loops.</summary>
internal interface IHostedWorker
{
    string Name { get; }

    string Address { get; }

    /// <summary>Where lines go that peers can cause as often as they like.</summary>
    ILogger PeerLog { get; }

    /// <summary>How many loops it wants.</summary>
    int Count { get; }

    /// <summary>Opens its sockets, unless they are open.</summary>
    /// <exception cref="WorkerStartException">The system refuses one.</exception>
    void OpenListeners();

    /// <summary>Closes its sockets, as soon as no loop accepts from them.</summary>
    void CloseListeners();

    /// <summary>Begins to work on a loop, on its thread.</summary>
    ILoopWorker Attach(IEventLoop loop, int id, LoopThread thread);
}
