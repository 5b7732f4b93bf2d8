namespace Workerman.Hosting;

/// <summary>Where the workers of the process are in their life, with PHP's values (PHP: <c>Worker::STATUS_…</c>).</summary>
public enum WorkerStatus
{
    /// <summary>None runs: <c>Worker.RunAll</c> has not been called, or has returned.</summary>
    Initial = 0,

    /// <summary>Their sockets are being opened.</summary>
    Starting = 1,

    /// <summary>They run; in <c>OnWorkerStart</c>, too.</summary>
    Running = 2,

    /// <summary>They stop.</summary>
    Shutdown = 4,
}
