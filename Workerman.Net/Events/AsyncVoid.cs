using System.Reflection;
using System.Runtime.CompilerServices;

namespace Workerman.Events;

/// <summary>
/// An <c>async</c> lambda that is assigned to a callback without a result is <c>async void</c>: its caller cannot await it, and
/// does not get what it throws after its first <c>await</c>. Where the caller has to await what a callback does, such a callback
/// is refused when it is set. Not in a native program (NativeAOT), which has run with the just-in-time compiler before: there the
/// first look at a method's attributes goes through all methods of the program, and each takes twenty times as long. Any thread.
/// </summary>
internal static class AsyncVoid
{
    /// <summary>
    /// What was found out about methods: a timer's callback is mostly the same method again, and reading its attributes takes
    /// twice as long.
    /// </summary>
    private static readonly ConditionalWeakTable<MethodInfo, StrongBox<bool>> Known = [];

    /// <summary>Returns the callback, unless it is one.</summary>
    /// <param name="callback">What is set; null for nothing.</param>
    /// <param name="name">The callback's name.</param>
    /// <param name="cure">What to write instead, as a sentence.</param>
    /// <exception cref="ArgumentException">It is <c>async void</c>.</exception>
    public static TDelegate? Refuse<TDelegate>(TDelegate? callback, string name, string cure)
        where TDelegate : Delegate
    {
        if (callback is null || !RuntimeFeature.IsDynamicCodeSupported || !IsAsyncVoid(callback)) return callback;
        throw new ArgumentException($"{name} is async, but returns no Task: nothing waits for it, "
            + $"and what it throws after its first await reaches nobody. {cure}", name);
    }

    /// <summary>
    /// Whether any of the methods behind a delegate is <c>async void</c>. False where that cannot be told: trimmed, a method may
    /// have no metadata.
    /// </summary>
    private static bool IsAsyncVoid(Delegate callback)
    {
        if (callback.HasSingleTarget) return IsAsyncVoid(MethodOf(callback));
        foreach (Delegate each in callback.GetInvocationList())
        {
            if (IsAsyncVoid(MethodOf(each))) return true;
        }
        return false;
    }

    private static bool IsAsyncVoid(MethodInfo? method) => method is not null && Known.GetValue(method, Look).Value;

    private static StrongBox<bool> Look(MethodInfo method) =>
        new(method.ReturnType == typeof(void) && method.IsDefined(typeof(AsyncStateMachineAttribute), inherit: false));

    private static MethodInfo? MethodOf(Delegate callback)
    {
        try
        {
            return callback.Method;
        }
        catch (Exception e) when (e is MemberAccessException or NotSupportedException)
        {
            return null;
        }
    }
}

/// <summary>
/// An <c>async void</c> method that a callback has begun, with those that it has begun in turn: what they throw goes to the
/// caller of the callback. See <see cref="LoopSynchronizationContext"/>. Belongs to the loop's thread.
/// </summary>
internal sealed class AsyncVoidCall
{
    /// <summary>Takes the exception; null for the loop's own <see cref="IEventLoop.ErrorHandler"/>.</summary>
    public Action<Exception>? Failed { get; set; }
}
