using System.Runtime.InteropServices;

namespace Workerman.Hosting;

/// <summary>
/// Turns Ctrl+C and the signals that ask a program to end into a call, for as long as it is not disposed of. The call comes
/// on a thread of the runtime's.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];

    public StopSignals(Action stop)
    {
        foreach (PosixSignal signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT })
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                // Not the runtime's own end of the process, which would cut open answers off.
                context.Cancel = true;
                stop();
            }));
        }
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations) registration.Dispose();
    }
}
