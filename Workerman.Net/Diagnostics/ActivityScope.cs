using System.Diagnostics;

namespace Workerman.Diagnostics;

/// <summary>
/// The time in which a callback has an activity as <see cref="Activity.Current"/>; code after its awaits has it by the runtime's
/// execution context. Afterwards the loop has what it had before. A value, on the loop's thread.
/// </summary>
internal readonly ref struct ActivityScope
{
    private readonly Activity? _before;

    private ActivityScope(Activity? activity)
    {
        _before = Activity.Current;
        if (activity != _before) Activity.Current = activity;
    }

    /// <summary>From here on <paramref name="activity"/> is the current one.</summary>
    public static ActivityScope Enter(Activity? activity) => new(activity);

    public void Exit()
    {
        // One that has ended meanwhile cannot become the current one again.
        if (Activity.Current != _before) Activity.Current = _before is { IsStopped: true } ? null : _before;
    }
}
