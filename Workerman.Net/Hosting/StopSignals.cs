using System.Runtime.InteropServices;

namespace Workerman.Hosting;

/// <summary>
/// Calls back for Ctrl+C and the signals that ask a program to end (SIGINT, SIGTERM, SIGHUP, SIGQUIT), until it is disposed of:
/// the first one stops, any further one aborts. The callbacks run on a thread of the .NET runtime.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];

    private int _count;

    public StopSignals(Action stop, Action abort)
    {
        foreach (PosixSignal signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT })
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                // The runtime would end the process, and with it answers that are still being sent.
                context.Cancel = true;
                if (Interlocked.Increment(ref _count) == 1) stop();
                else abort();
            }));
        }
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations) registration.Dispose();
    }
}
