using System.Runtime.CompilerServices;
using Workerman.Hosting;

namespace Workerman.Extensions.Hosting;

/// <summary>
/// Hands what a section of the configuration sets on to the worker, and says where it stands if the worker does not take it. A
/// value; pure.
/// </summary>
/// <param name="Path">The section, as in <c>Workerman:Workers:web</c>.</param>
internal readonly record struct SettingPath(string Path)
{
    /// <summary>The section below.</summary>
    public SettingPath Section(string name) => new($"{Path}:{name}");

    /// <summary>Sets one setting, unless the configuration has none.</summary>
    /// <exception cref="WorkerStartException">It is refused.</exception>
    public void Set<T>(T? value, Action<T> set, [CallerArgumentExpression(nameof(value))] string key = "")
        where T : struct
    {
        if (value is { } given) Try(given, set, key);
    }

    /// <inheritdoc cref="Set{T}(T?, Action{T}, string)"/>
    public void Set<T>(T? value, Action<T> set, [CallerArgumentExpression(nameof(value))] string key = "")
        where T : class
    {
        if (value is not null) Try(value, set, key);
    }

    /// <summary>Says that a setting makes no sense.</summary>
    public WorkerStartException Refusal(string key, string reason, Exception? cause = null) =>
        new($"The configuration has no usable {Path}:{key}: {reason}", cause!);

    private void Try<T>(T value, Action<T> set, string key)
    {
        try
        {
            set(value);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException)
        {
            // The message of an exception about an argument goes on with its name, and in a line of its own with the value.
            string reason = e.Message.Split('\n')[0].Split(" (Parameter '")[0].Trim();
            throw Refusal(key, reason, e);
        }
    }
}
