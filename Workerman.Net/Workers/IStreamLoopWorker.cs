using Workerman.Connection;
using Workerman.Events;
using Workerman.Handover;
using Workerman.Hosting;

namespace Workerman.Workers;

/// <summary>A worker of connections on one loop. Belongs to the loop's thread, but for what says otherwise.</summary>
internal interface IStreamLoopWorker : ILoopWorker
{
    ConnectionCollection Connections { get; }

    /// <summary>How many connections it has, those that are on their way to it included. Any thread.</summary>
    int Load { get; }

    /// <summary>Takes over a connection that another loop accepted. Any thread.</summary>
    /// <returns>Whether it does; the caller keeps it otherwise.</returns>
    bool TryHandOver(ConnectedSocket socket);

    /// <summary>Takes over an event stream that another process has handed over. Any thread.</summary>
    /// <returns>Whether it does; the caller keeps it otherwise.</returns>
    bool TryAdopt(MovedSubscription moved);
}
