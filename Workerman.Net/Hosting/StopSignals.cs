using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Workerman.Hosting;

/// <summary>
/// Calls back for Ctrl+C and the signals that ask a program to end (SIGINT, SIGTERM, SIGHUP, SIGQUIT), until it is disposed of:
/// the first one stops, any further one aborts. SIGUSR1 and SIGUSR2 reload, where somebody can; otherwise the log says what they
/// cannot do, and the process lives on. The callbacks run on a thread of the .NET runtime.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    /// <summary>signal(7) of Linux; .NET has no names for them.</summary>
    private const int SIGUSR1 = 10;

    private const int SIGUSR2 = 12;

    private readonly List<PosixSignalRegistration> _registrations = [];

    private int _count;

    /// <param name="logger">Where it is told that nobody can reload.</param>
    /// <param name="stop">Stops.</param>
    /// <param name="abort">Stops at once.</param>
    /// <param name="reload">Has the process replaced; null if nobody can.</param>
    /// <param name="stopGracefully">Stops on SIGQUIT; null to stop as on the others.</param>
    public StopSignals(ILogger logger, Action stop, Action abort, Action? reload, Action? stopGracefully = null)
    {
        foreach (PosixSignal signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT })
        {
            Register(signal, () =>
            {
                if (Interlocked.Increment(ref _count) > 1) abort();
                else if (signal == PosixSignal.SIGQUIT && stopGracefully is not null) stopGracefully();
                else stop();
            });
        }
        if (!OperatingSystem.IsLinux()) return;
        Register((PosixSignal)SIGUSR1, reload ?? (() => Log.CannotReload(logger, nameof(SIGUSR1))));
        Register((PosixSignal)SIGUSR2, reload ?? (() => Log.CannotReload(logger, nameof(SIGUSR2))));
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations) registration.Dispose();
    }

    private void Register(PosixSignal signal, Action action) =>
        _registrations.Add(PosixSignalRegistration.Create(signal, context =>
        {
            // The runtime would end the process, and with it answers that are still being sent.
            context.Cancel = true;
            action();
        }));
}
