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

    /// <summary>
    /// What a command says, written there and then. Where nobody can take it, because the stream was closed when the process was
    /// started, it is left out: the exit code says how the command went.
    /// </summary>
    public static void Tell(string text, bool isError = false)
    {
        try
        {
            Write(text, isError);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Standard output and error are all there is to say so on.
        }
    }

    private static void TellOfDropped(long count) =>
        Write(ConsoleLogger.LineOf(LogLevel.Warning, DroppedLines.Say(count)), isError: true);
}
