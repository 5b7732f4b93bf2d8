using System.Runtime.InteropServices;

namespace Workerman.Hosting;

/// <summary>
/// Turns Ctrl+C and the signals that ask a program to end into calls, for as long as it is not disposed of: the first stops, any
/// further one aborts. The calls come on a thread of the runtime's.
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
                // Not the runtime's own end of the process, which would cut open answers off.
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
