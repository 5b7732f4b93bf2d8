namespace Workerman.Logging;

/// <summary>
/// Whole lines for the console, written by <see cref="LogQueue"/>: whoever prints does not wait for who reads. Any thread.
/// </summary>
internal static class ConsoleLines
{
    static ConsoleLines()
    {
        // Opened now: where no descriptor is left, the console could not be opened to say so.
        _ = Console.Out;
        _ = Console.Error;
    }

    /// <summary>Prints on standard output, or on standard error; not while the queue is full.</summary>
    public static void Print(string text, bool isError)
    {
        if (LogQueue.Shared.Admits(TellOfDropped)) Add(text, isError);
    }

    /// <summary>The same for what the queue has let in already.</summary>
    public static void Add(string text, bool isError)
    {
        TextWriter writer = isError ? Console.Error : Console.Out;
        LogQueue.Shared.Add(text.Length, () => writer.WriteLine(text));
    }

    /// <summary>Writes at once, on the queue's thread, how many lines are missing.</summary>
    public static void TellOfDropped(long count) => Console.Error.WriteLine(ConsoleLogger.Format(Microsoft.Extensions.Logging.LogLevel.Warning, DroppedLines.Say(count)));
}
