using Workerman.Diagnostics;

namespace Workerman.Connection;

/// <summary>
/// Where what the application's callbacks throw goes: it is logged, and answered where the peer waits for an answer. Implemented
/// by the handlers of connections, by those who receive datagrams, and by workers. Called on the loop's thread.
/// </summary>
/// <typeparam name="TPeer">What the callbacks are called for: a connection, a peer of datagrams, a worker.</typeparam>
internal interface IFaultHandler<in TPeer>
{
    /// <summary>A callback has thrown. Does not throw.</summary>
    void OnFault(TPeer peer, Exception exception);

    /// <summary>The callback for a message has thrown, at once or after an <c>await</c>. Does not throw.</summary>
    void OnMessageFault<TMessage>(TPeer peer, TMessage message, Exception exception) => OnFault(peer, exception);
}

/// <summary>
/// Calls the application for connections and peers of datagrams. What a callback throws goes to a
/// <see cref="IFaultHandler{TPeer}"/> and no further; a task that it returns is awaited, on the loop. While a callback lasts, the
/// loop's <see cref="RunningCallback"/> has it. The loop guards its own callbacks (timers, posted work) itself. No state; on the
/// loop's thread.
/// </summary>
internal static class ApplicationGuard
{
    public static void Call<TPeer>(
        RunningCallback running, CallbackKind kind, IFaultHandler<TPeer> faults, TPeer peer, Action<TPeer>? callback)
    {
        if (callback is null) return;
        RunningCallback.Scope scope = running.Enter(kind, callback);
        try
        {
            callback(peer);
        }
        catch (Exception e)
        {
            faults.OnFault(peer, e);
        }
        scope.Exit();
    }

    /// <inheritdoc cref="Call{TPeer}"/>
    public static void Call<TPeer, T>(RunningCallback running, CallbackKind kind, IFaultHandler<TPeer> faults, TPeer peer,
        Action<TPeer, T>? callback, T argument)
    {
        if (callback is null) return;
        RunningCallback.Scope scope = running.Enter(kind, callback);
        try
        {
            callback(peer, argument);
        }
        catch (Exception e)
        {
            faults.OnFault(peer, e);
        }
        scope.Exit();
    }

    /// <inheritdoc cref="Call{TPeer}"/>
    public static void Call<TPeer, T1, T2>(RunningCallback running, CallbackKind kind, IFaultHandler<TPeer> faults, TPeer peer,
        Action<TPeer, T1, T2>? callback, T1 first, T2 second)
    {
        if (callback is null) return;
        RunningCallback.Scope scope = running.Enter(kind, callback);
        try
        {
            callback(peer, first, second);
        }
        catch (Exception e)
        {
            faults.OnFault(peer, e);
        }
        scope.Exit();
    }

    /// <summary>Calls the application with a message, by the first of the callbacks that there is.</summary>
    /// <returns>Whether there is one.</returns>
    public static bool Deliver<TPeer, TMessage>(
        RunningCallback running,
        CallbackKind kind,
        IFaultHandler<TPeer> faults,
        TPeer peer,
        TMessage message,
        Action<TPeer, TMessage>? onMessage,
        Func<TPeer, TMessage, Task>? onMessageAsync)
    {
        if ((onMessage as object ?? onMessageAsync) is not { } callback) return false;
        RunningCallback.Scope scope = running.Enter(kind, callback);
        try
        {
            if (onMessage is not null)
            {
                onMessage(peer, message);
            }
            else
            {
                Task handling = onMessageAsync!(peer, message);
                if (!handling.IsCompletedSuccessfully) _ = AwaitAsync(faults, peer, message, handling);
            }
        }
        catch (Exception e)
        {
            faults.OnMessageFault(peer, message, e);
        }
        scope.Exit();
        return true;
    }

    private static async Task AwaitAsync<TPeer, TMessage>(IFaultHandler<TPeer> faults, TPeer peer, TMessage message,
        Task handling)
    {
        try
        {
            await handling;
        }
        catch (Exception e)
        {
            faults.OnMessageFault(peer, message, e);
        }
    }
}
