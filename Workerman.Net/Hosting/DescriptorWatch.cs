using Microsoft.Extensions.Logging;
using Workerman.Events;

namespace Workerman.Hosting;

/// <summary>
/// Readies the process for a shortage of descriptors, once, and looks after them once a second: the standard streams are held
/// open, a changed limit is followed, and what <see cref="DescriptorHeadroom"/> has refused is logged as one line with a count.
/// State of the process; any thread, mostly that of whichever loop is the first in a second.
/// </summary>
internal static class DescriptorWatch
{
    /// <summary>
    /// With fewer free descriptors than these, all that the library needs of .NET is loaded before the server starts: the
    /// headroom could be too small for it. Otherwise a second later, and only what handling errors needs.
    /// </summary>
    private const int Few = 256;

    /// <summary>
    /// Less than this is no server: some connections, and as many descriptors that are kept, of which the assemblies of the
    /// application take two each.
    /// </summary>
    private const int Least = 16;

    private static readonly Lock Gate = new();

    private static bool _ready;
    private static bool _loaded;
    private static long _nextLook;

    /// <summary>Called when a run has opened its sockets and made its loops.</summary>
    /// <exception cref="WorkerStartException">So few descriptors are free that it could not serve.</exception>
    public static void Prepare()
    {
        lock (Gate)
        {
            if (_ready) return;
            if (OperatingSystem.IsLinux()) StandardDescriptors.Hold();
            DescriptorHeadroom.FollowLimit();
            if (DescriptorHeadroom.CountFree() < Few)
            {
                _loaded = true;
                Load([.. FaultPaths.OfErrors, .. FaultPaths.OfFeatures]);
            }
            DescriptorHeadroom.Measure();
            _ready = true;
        }
    }

    /// <summary>At each tick of a loop.</summary>
    public static void Tick(ILogger logger)
    {
        long now = Environment.TickCount64;
        long next = Volatile.Read(ref _nextLook);
        if (now < next || Interlocked.CompareExchange(ref _nextLook, now + 1000, next) != next) return;
        if (OperatingSystem.IsLinux()) StandardDescriptors.Hold();
        DescriptorHeadroom.FollowLimit();
        if (DescriptorHeadroom.TakeRefused() is > 0 and var refused) Log.DescriptorsRefused(logger, refused);
        if (_loaded) return;
        _loaded = true;
        new Thread(static () => Array.ForEach(FaultPaths.OfErrors, static step => step()))
        {
            IsBackground = true,
            Name = "workerman load"
        }.Start();
    }

    /// <summary>A runtime that runs out of descriptors while it loads an assembly may end the process.</summary>
    private static void Load(Action[] steps)
    {
        foreach (Action step in steps)
        {
            CheckFree();
            step();
        }
        CheckFree();
    }

    private static void CheckFree()
    {
        if (DescriptorHeadroom.CountFree() is < Least and var free)
            throw new WorkerStartException($"Cannot start: only {free} of the file descriptors that this process may have are "
                + "left, too few for connections and files. Cure: raise the limit of open files (ulimit -n).");
    }
}
