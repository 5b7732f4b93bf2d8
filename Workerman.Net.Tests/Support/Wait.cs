namespace Workerman.Tests.Support;

/// <summary>Waiting for what is certain to come: never a sleep for luck, and never for ever.</summary>
internal static class Wait
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static T For<T>(Task<T> task) => task.WaitAsync(Limit).GetAwaiter().GetResult();

    public static void For(Task task) => task.WaitAsync(Limit).GetAwaiter().GetResult();

    /// <summary>Ends when the token is cancelled.</summary>
    public static Task Fires(CancellationToken token)
    {
        var fired = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        token.Register(fired.SetResult);
        return fired.Task;
    }

    /// <summary>Looks again and again until the condition holds.</summary>
    public static Task Until(Func<bool> condition, string what) => Until(condition, () => what);

    /// <summary>The same; what is waited for is asked for when it has not come.</summary>
    public static async Task Until(Func<bool> condition, Func<string> what)
    {
        long end = Environment.TickCount64 + (long)Limit.TotalMilliseconds;
        while (!condition())
        {
            if (Environment.TickCount64 > end) Assert.Fail($"waited {Limit.TotalSeconds} s in vain for: {what()}");
            await Task.Delay(2);
        }
    }
}
