namespace Workerman.Supervision;

/// <summary>
/// How long a master waits before it starts a worker's process again that has died. A process that fails by itself again and
/// again is given growing pauses, so that it does not take the machine; one that somebody has killed while it served (SIGKILL)
/// has not failed, and is there again at once, up to a number of times: the system's killer of what takes too much memory may be
/// at work. Pure but for its counts; for one thread.
/// </summary>
internal sealed class RestartPauses
{
    /// <summary>A process that dies sooner than this has failed; after that the pauses begin anew.</summary>
    public static readonly TimeSpan GoodLife = TimeSpan.FromSeconds(10);

    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>So many times in a row it is no failure to be killed.</summary>
    public const int FreeKills = 30;

    private int _failures;
    private int _kills;

    /// <summary>A process has died.</summary>
    /// <param name="served">Whether its workers listened.</param>
    /// <param name="end">How it has ended.</param>
    /// <param name="lived">For how long it was there.</param>
    /// <returns>How long to wait: nothing after the first failure, then half a second, one, two and so on.</returns>
    public TimeSpan AfterDeath(bool served, ProcessEnd end, TimeSpan lived)
    {
        if (served && lived > GoodLife) _failures = _kills = 0;
        if (served && end.Signal == ProcessCalls.SIGKILL) _kills++;
        else _failures++;
        return After(_failures + Math.Max(0, _kills - FreeKills));
    }

    /// <summary>A process could not be started at all.</summary>
    public TimeSpan AfterRefusal() => After(++_failures + 1);

    private static TimeSpan After(int failures)
    {
        if (failures <= 1) return TimeSpan.Zero;
        var pause = TimeSpan.FromSeconds(Math.Pow(2, Math.Min(failures, 10) - 3));
        return pause < Longest ? pause : Longest;
    }
}
