using Cronos;
using Workerman;

namespace CrontabSample;

/// <summary>
/// Runs a callback whenever an expression of five fields says so, or of six, the first of which are seconds, in a time zone (PHP:
/// <c>Workerman\Crontab\Crontab</c>). Not a queue: of times that pass while the loop is held only one is made up for. Belongs to
/// the loop that it is made on, which calls back.
/// </summary>
internal sealed class Crontab
{
    // A timer goes by a clock that nobody sets, an expression by the one on the wall: they are compared again that often.
    private const double LongestWait = 30;

    private readonly CronExpression _expression;
    private readonly TimeZoneInfo _zone;
    private readonly Action _callback;
    private long _timer;

    /// <exception cref="CronFormatException">The expression is none.</exception>
    public Crontab(string rule, TimeZoneInfo zone, Action callback)
    {
        (Rule, _expression, _zone, _callback) = (rule, Parse(rule), zone, callback);
        Next = NextAfter(DateTimeOffset.UtcNow);
        WaitForNext();
    }

    public string Rule { get; }

    public string Zone => _zone.Id;

    /// <summary>When it runs next, with the offset that the zone has then; null for never.</summary>
    public DateTimeOffset? Next { get; private set; }

    /// <exception cref="CronFormatException">The expression is none.</exception>
    public static CronExpression Parse(string rule)
    {
        bool hasSeconds = rule.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Length == 6;
        return CronExpression.Parse(rule, hasSeconds ? CronFormat.IncludeSeconds : CronFormat.Standard);
    }

    public void Destroy()
    {
        Timer.Del(_timer);
        Next = null;
    }

    private DateTimeOffset? NextAfter(DateTimeOffset time) => _expression.GetNextOccurrence(time, _zone);

    private void WaitForNext()
    {
        if (Next is { } next)
            _timer = Timer.Delay(Math.Clamp((next - DateTimeOffset.UtcNow).TotalSeconds, 0, LongestWait), OnTimer);
    }

    private void OnTimer()
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        bool isDue = Next <= now;
        if (isDue) Next = NextAfter(now);
        WaitForNext();
        if (isDue) _callback();
    }
}
