using System.Diagnostics;

namespace Workerman.Diagnostics;

/// <summary>
/// The source of the activities of requests, <c>Workerman</c>. While nobody listens to it there are none. Any thread.
/// </summary>
internal static class RequestTracing
{
    private static readonly ActivitySource Source = new(ServerMeter.Name, ServerMeter.Version);

    private static readonly ContextCallback StopIt = static activity => ((Activity)activity!).Stop();

    public static bool HasListeners => Source.HasListeners();

    /// <summary>Begins the activity of a request. It is the current one for nobody yet.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="parent">What the client says that it belongs to; default for nothing.</param>
    /// <param name="tags">What samplers may go by.</param>
    /// <returns>Null if no listener wants it.</returns>
    public static Activity? Start(string name, ActivityContext parent, IEnumerable<KeyValuePair<string, object?>> tags)
    {
        // Whatever is current on the loop's thread, where the program was started perhaps, is not what the request belongs to.
        var scope = ActivityScope.Enter(null);
        try
        {
            return Source.StartActivity(name, ActivityKind.Server, parent, tags);
        }
        finally
        {
            scope.Exit();
        }
    }

    /// <summary>
    /// Ends it. Which activity is current stays as it is: the answer may be sent in the middle of a callback, also of another
    /// request's.
    /// </summary>
    public static void Stop(Activity activity)
    {
        if (ExecutionContext.Capture() is { } context) ExecutionContext.Run(context, StopIt, activity);
        else activity.Stop();
    }
}
