namespace Workerman.Logging;

/// <summary>
/// Whole lines for the console, written by <see cref="LogQueue"/>, so that a caller does not wait for the console. Any thread.
/// </summary>
internal static class ConsoleLines
{
    static ConsoleLines()
    {
        // Opened now: once no descriptor is left, the console could not be opened to say so.
        _ = Console.Out;
        _ = Console.Error;
    }

    /// <summary>Prints on standard output, or on standard error; not while the queue is full.</summary>
    public static void Print(string text, bool isError)
    {
        if (LogQueue.Shared.Admits(TellOfDropped)) Add(text, isError);
    }

    /// <summary>The same for a line that <see cref="LogQueue.Admits"/> has let in.</summary>
    public static void Add(string text, bool isError)
    {
        TextWriter writer = isError ? Console.Error : Console.Out;
        LogQueue.Shared.Add(text.Length, () => writer.WriteLine(text));
    }

    /// <summary>Writes at once how many lines were dropped. On the queue's thread.</summary>
    public static void TellOfDropped(long count) =>
        Console.Error.WriteLine(ConsoleLogger.Format(Microsoft.Extensions.Logging.LogLevel.Warning, DroppedLines.Say(count)));
}
