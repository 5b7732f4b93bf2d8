using System.Text.Json;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// A worker's session handler and the settings it is used with: finds sessions by the ids that a client sent, creates new ones,
/// and has expired ones removed now and then. Shared by the worker's loops; its settings do not change once they run.
/// </summary>
internal sealed class SessionStore
{
    private readonly Lock _gate = new();
    private int _sweeping;
    private long _second;
    private int _new;

    public ISessionHandler Handler
    {
        // Two loops may each create one: it has no state but its folder.
        get => field ??= new FileSessionHandler();
        set;
    }

    public TimeSpan Lifetime { get; set; } = TimeSpan.FromSeconds(1440);

    public bool AutoUpdateTimestamp { get; set; }

    public int GcProbability { get; set; } = 1;

    public int GcDivisor { get; set; } = 20_000;

    public int MaxNewPerSecond { get; set; } = 1000;

    /// <summary>What seconds are counted by; tests have a clock of their own.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>Reports to the operator what is no exception for the application.</summary>
    public Action<string, Exception>? Report { get; set; }

    /// <summary>Reports that a new session was refused, and the limit.</summary>
    public Action<int>? ReportRefused { get; set; }

    /// <summary>The first of these ids that the handler knows, as a session; null if it knows none.</summary>
    public Session? Find(IReadOnlyList<string> ids)
    {
        foreach (string id in ids)
        {
            if (Handler.Read(SessionIds.KeyOf(id), Lifetime) is { } data) return Open(id, data);
        }
        return null;
    }

    /// <inheritdoc cref="Find"/>
    public async ValueTask<Session?> FindAsync(IReadOnlyList<string> ids, CancellationToken cancellationToken)
    {
        foreach (string id in ids)
        {
            if (await Handler.ReadAsync(SessionIds.KeyOf(id), Lifetime, cancellationToken) is { } data) return Open(id, data);
        }
        return null;
    }

    /// <summary>A new session with a new id, which the answer tells the client.</summary>
    public Session Create() => new(this, SessionIds.Create(), [], null, isStored: false) { IsIssued = true };

    /// <summary>A new session with an id that the application has chosen.</summary>
    public Session CreateOwn(string id) => new(this, id, [], SessionJson.NewMark(), isStored: false);

    /// <summary>Counts a session that is about to be stored for the first time.</summary>
    /// <exception cref="SessionLimitException">There were <see cref="MaxNewPerSecond"/> in this second.</exception>
    public void CountNew()
    {
        lock (_gate)
        {
            long second = Time.GetTimestamp() / Time.TimestampFrequency;
            if (second != _second) (_second, _new) = (second, 0);
            if (_new < MaxNewPerSecond)
            {
                _new++;
                return;
            }
        }
        ReportRefused?.Invoke(MaxNewPerSecond);
        throw new SessionLimitException(MaxNewPerSecond);
    }

    /// <summary>Has expired sessions removed, now and then and on another thread (PHP: <c>Session::$gcProbability</c>).</summary>
    public void SweepSometimes()
    {
        if (Random.Shared.Next(GcDivisor) >= GcProbability || Interlocked.Exchange(ref _sweeping, 1) == 1) return;
        ThreadPool.UnsafeQueueUserWorkItem(static store => store.Sweep(), this, preferLocal: false);
    }

    private void Sweep()
    {
        try
        {
            Handler.Gc(Lifetime);
        }
        catch (Exception e)
        {
            Report?.Invoke("Expired sessions could not be removed", e);
        }
        finally
        {
            Volatile.Write(ref _sweeping, 0);
        }
    }

    private Session Open(string id, byte[] data)
    {
        if (!SessionJson.TryRead(data, out Dictionary<string, JsonElement> values, out string? mark, out Exception? reason))
            Report?.Invoke("The stored data of a session is none of this library's; the session is empty, "
                + "and overwritten when it changes", reason);
        return new Session(this, id, values, mark, isStored: true);
    }
}

/// <summary>A new session is not stored, because there have been too many in this second. Immutable.</summary>
internal sealed class SessionLimitException(int limit)
    : Exception($"more than {limit} new sessions in a second (SessionOptions.MaxNewPerSecond)");
