using System.Diagnostics;

namespace Workerman.Diagnostics;

/// <summary>
/// Callbacks in words, for logs and tables: what they are called for, and the method as it stands in the source. The compiler
/// gives lambdas, local functions and the steps of async methods names of its own (Roslyn's <c>GeneratedNames</c>), which are
/// read back. It does not invoke reflection on methods, so that it works where a program is compiled ahead of time; what has no
/// name there is told by its kind alone. Pure; any thread.
/// </summary>
internal static class CallbackNames
{
    /// <summary>What a loop does that is in no callback: reading and writing, protocols, code that goes on in place.</summary>
    public const string BetweenCallbacks = "work between callbacks";

    /// <summary>A callback in words, as in <c>OnMessage (Program.Main lambda)</c>.</summary>
    /// <param name="kind">What it is called for.</param>
    /// <param name="callback">A delegate, or what the runtime keeps of an async method; of anything else the type is
    /// named.</param>
    public static string Of(CallbackKind kind, object callback)
    {
        while (callback is Delegate { Target: ICallbackWrapper wrapper })
        {
            kind = wrapper.Kind ?? kind;
            if (wrapper.Callback is not { } inner) return NameOf(kind);
            callback = inner;
        }
        string? method = MethodOf(callback);
        return method is null ? NameOf(kind) : $"{NameOf(kind)} ({method})";
    }

    /// <summary>
    /// Whether it is what the runtime keeps of an async method that waits: a box that has the method's own type as its argument.
    /// </summary>
    public static bool IsAsyncMethod(object? box) => StepOf(box) is not null;

    /// <summary>A method by its name in metadata, as it stands in the source.</summary>
    /// <param name="type">The full name of the type that declares it, with <c>+</c> before nested types.</param>
    /// <param name="method">The method; null for the type alone.</param>
    public static string Readable(string type, string? method)
    {
        int arguments = type.IndexOf('[', StringComparison.Ordinal);
        string[] parts = (arguments < 0 ? type : type[..arguments]).Split('+');
        parts[0] = parts[0][(parts[0].LastIndexOf('.') + 1)..];
        string last = parts[^1];
        // A step of an async method: MoveNext of a type that is named after it.
        if (last.StartsWith('<') && method is null or "MoveNext" && Inner(last, out _) is { Length: > 0 } asynchronous)
            method = asynchronous;
        IEnumerable<string> types = parts.Where(static part => !part.StartsWith('<') || IsFileLocal(part)).Select(PlainType);
        return string.Join('.', method is null ? types : types.Append(PlainMethod(method)));
    }

    private static string NameOf(CallbackKind kind) => kind switch
    {
        CallbackKind.OnMessage => "OnMessage",
        CallbackKind.OnHeaders => "OnHeaders",
        CallbackKind.OnConnect => "OnConnect",
        CallbackKind.OnClose => "OnClose",
        CallbackKind.OnError => "OnError",
        CallbackKind.OnBufferFull => "OnBufferFull",
        CallbackKind.OnBufferDrain => "OnBufferDrain",
        CallbackKind.OnWorkerStart => "OnWorkerStart",
        CallbackKind.OnWorkerStop => "OnWorkerStop",
        CallbackKind.OnWorkerReload => "OnWorkerReload",
        CallbackKind.OnWebSocketConnect => "OnWebSocketConnect",
        CallbackKind.OnWebSocketConnected => "OnWebSocketConnected",
        CallbackKind.OnWebSocketClose => "OnWebSocketClose",
        CallbackKind.OnWebSocketPing => "OnWebSocketPing",
        CallbackKind.OnWebSocketPong => "OnWebSocketPong",
        CallbackKind.Timer => "timer",
        CallbackKind.Continuation => "code after an await",
        CallbackKind.Sleep => "code after an await of Timer.Sleep",
        CallbackKind.Tick => "tick",
        _ => "posted work",
    };

    private static string? MethodOf(object callback)
    {
        try
        {
            object? target = callback is Delegate called ? called.Target : callback;
            if (StepOf(target) is { } step) return Readable(step.ToString(), "MoveNext");
            if (callback is Delegate named && DiagnosticMethodInfo.Create(named) is { DeclaringTypeName: { } type } method)
                return Readable(type, method.Name);
            return target is null ? null : Readable(target.GetType().ToString(), null);
        }
        catch (Exception e) when (e is NotSupportedException or MemberAccessException or InvalidOperationException)
        {
            return null;
        }
    }

    private static Type? StepOf(object? box) =>
        box?.GetType() is { IsGenericType: true } type && type.GenericTypeArguments[^1] is { Name: ['<', ..] } step ? step : null;

    private static string PlainMethod(string method)
    {
        if (!method.StartsWith('<')) return WithoutArity(method);
        string inner = PlainMethod(Inner(method, out string rest));
        // <Main>b__0_1 is a lambda in Main, <Main>g__Handle|0_1 a local function; <Main>$ is Main of a program without one.
        if (rest.StartsWith('b')) return inner + " lambda";
        if (!rest.StartsWith("g__", StringComparison.Ordinal)) return inner;
        int end = rest.IndexOf('|', StringComparison.Ordinal);
        return $"{inner}.{(end < 0 ? rest[3..] : rest[3..end])}";
    }

    private static bool IsFileLocal(string type) => type.Contains(">F", StringComparison.Ordinal);

    private static string PlainType(string type) =>
        WithoutArity(type.StartsWith('<') ? type[(type.IndexOf("__", StringComparison.Ordinal) + 2)..] : type);

    private static string WithoutArity(string name)
    {
        int mark = name.IndexOf('`', StringComparison.Ordinal);
        return mark < 0 ? name : name[..mark];
    }

    /// <summary>What stands between the angle brackets that a name begins with.</summary>
    private static string Inner(string name, out string rest)
    {
        int depth = 0;
        for (int i = 0; i < name.Length; i++)
        {
            if (name[i] == '<') depth++;
            else if (name[i] == '>' && --depth == 0)
            {
                rest = name[(i + 1)..];
                return name[1..i];
            }
        }
        rest = "";
        return name.TrimStart('<');
    }
}
