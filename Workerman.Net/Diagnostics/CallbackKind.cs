namespace Workerman.Diagnostics;

/// <summary>What a loop calls the application, or its own parts, for.</summary>
internal enum CallbackKind
{
    OnMessage,
    OnHeaders,
    OnConnect,
    OnClose,
    OnError,
    OnBufferFull,
    OnBufferDrain,
    OnWorkerStart,
    OnWorkerStop,
    OnWorkerReload,
    OnWebSocketConnect,
    OnWebSocketConnected,
    OnWebSocketClose,
    OnWebSocketPing,
    OnWebSocketPong,

    /// <summary>A timer.</summary>
    Timer,

    /// <summary>Work that was posted to the loop.</summary>
    Posted,

    /// <summary>What follows an <c>await</c>.</summary>
    Continuation,

    /// <summary>What follows an <c>await</c> of <c>Timer.Sleep</c>.</summary>
    Sleep,

    /// <summary>The once-a-second look at time limits.</summary>
    Tick,
}

/// <summary>
/// A callback of the library's own that does nothing but call one of the application's, which is the one to name. Any thread
/// reads it.
/// </summary>
internal interface ICallbackWrapper
{
    /// <summary>What it calls: a delegate, or what the runtime keeps of an async method; null for what has no name.</summary>
    object? Callback { get; }

    /// <summary>What it calls it for; null for what it is called for itself.</summary>
    CallbackKind? Kind => null;
}
