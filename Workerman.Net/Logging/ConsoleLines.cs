using Microsoft.Extensions.Logging;

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
        if (LogQueue.Shared.Admits(TellOfDropped)) LogQueue.Shared.Add(text.Length, () => Write(text, isError));
    }

    /// <summary>The same at once, on the queue's thread.</summary>
    public static void Write(string text, bool isError) => (isError ? Console.Error : Console.Out).WriteLine(text);

    private static void TellOfDropped(long count) =>
        Write(ConsoleLogger.LineOf(LogLevel.Warning, DroppedLines.Say(count)), isError: true);
}
