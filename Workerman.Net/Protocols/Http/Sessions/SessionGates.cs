using System.Runtime.CompilerServices;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// Lets one caller of this process at a time change a session of a handler that has no lock of its own. A gate exists while a
/// caller holds it or waits for it. It does not lock out other processes. Any thread.
/// </summary>
internal sealed class SessionGates
{
    /// <summary>
    /// How long a caller that cannot await is blocked, usually a loop: the holder of the gate may be waiting for a store behind a
    /// network, or for this very loop.
    /// </summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    private static readonly ConditionalWeakTable<ISessionHandler, SessionGates> OfHandlers = [];

    private readonly Dictionary<string, Gate> _gates = [];

    public static SessionGates Of(ISessionHandler handler) => OfHandlers.GetValue(handler, static _ => new SessionGates());

    /// <summary>Waits for the session, a second at most, and holds it until the result is disposed of.</summary>
    /// <exception cref="TimeoutException">Another caller holds it for longer.</exception>
    public Gate Enter(string sessionId)
    {
        Gate gate = Join(sessionId);
        if (gate.Free.Wait(Limit)) return gate;
        Part(gate);
        throw new TimeoutException("Another request has been saving the same session for a second. "
            + "With a store behind a network, await LoadSessionAsync and SaveAsync in every handler.");
    }

    /// <inheritdoc cref="Enter" path="/summary"/>
    public async ValueTask<Gate> EnterAsync(string sessionId, CancellationToken cancellationToken)
    {
        Gate gate = Join(sessionId);
        try
        {
            await gate.Free.WaitAsync(cancellationToken).ConfigureAwait(false);
            return gate;
        }
        catch
        {
            Part(gate);
            throw;
        }
    }

    private Gate Join(string sessionId)
    {
        lock (_gates)
        {
            if (!_gates.TryGetValue(sessionId, out Gate? gate)) _gates[sessionId] = gate = new Gate(this, sessionId);
            gate.Users++;
            return gate;
        }
    }

    private void Part(Gate gate)
    {
        lock (_gates)
        {
            if (--gate.Users > 0) return;
            _gates.Remove(gate.SessionId);
            gate.Free.Dispose();
        }
    }

    /// <summary>The right to change one session; disposing of it gives it back.</summary>
    public sealed class Gate(SessionGates gates, string sessionId) : IDisposable
    {
        public string SessionId => sessionId;

        public SemaphoreSlim Free { get; } = new(1, 1);

        /// <summary>The number of callers that hold it or wait for it; guarded by the table's lock.</summary>
        public int Users { get; set; }

        public void Dispose()
        {
            Free.Release();
            gates.Part(this);
        }
    }
}
