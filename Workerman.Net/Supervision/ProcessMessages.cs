using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Workerman.Supervision;

/// <summary>
/// What the messages between a master, its workers' processes and the command that has started it are. The processes may be of
/// two versions of the program: a number keeps its meaning.
/// </summary>
internal static class MessageKind
{
    /// <summary>Both ways: a listening socket, and the address of its worker as text. The receiver keeps it.</summary>
    public const byte Socket = 1;

    /// <summary>
    /// To a worker's process: it has all sockets that there are. Two bytes: 1 if a process that runs hands over to it; 1 if it
    /// belongs to a daemon, which has no terminal.
    /// </summary>
    public const byte Begin = 2;

    /// <summary>To a worker's process: it is to end. A <see cref="StopOrder"/>.</summary>
    public const byte Stop = 3;

    /// <summary>
    /// To a process that is replaced: it hands over by the channel that comes with it. A <see cref="StopOrder"/>.
    /// </summary>
    public const byte HandOver = 4;

    /// <summary>To the process that replaces it: the other end of that channel; without one it serves at once.</summary>
    public const byte TakeOver = 5;

    /// <summary>To a worker's process: its number, and a <see cref="ControlRequest"/>.</summary>
    public const byte Ask = 6;

    /// <summary>To a worker's process whose workers are not reloadable: the program is reloaded.</summary>
    public const byte Reloaded = 7;

    /// <summary>From a worker's process, and from the master to the command: it listens. A <see cref="WorkerState"/>.</summary>
    public const byte Ready = 10;

    /// <summary>The same: it cannot start. A <see cref="WorkerState"/>.</summary>
    public const byte Failed = 11;

    /// <summary>From a worker's process: it has taken over and accepts.</summary>
    public const byte Serving = 12;

    /// <summary>From a worker's process: the number of a question, and a <see cref="ControlReply"/>.</summary>
    public const byte Answer = 13;

    /// <summary>From a worker's process: it is to be replaced. Why, as text.</summary>
    public const byte AskReload = 14;

    /// <summary>From a worker's process: no worker listens at this address any more, as text.</summary>
    public const byte Unused = 17;

    /// <summary>From a worker's process: the banner, as text.</summary>
    public const byte Banner = 16;

    /// <summary>From a worker's process: the program is to end (<c>Worker.StopAll</c>).</summary>
    public const byte AskStop = 15;
}

/// <summary>How a process is to end.</summary>
internal sealed record StopOrder
{
    public bool Graceful { get; init; }

    /// <summary>How long it may take until what is left is cut off.</summary>
    public double TimeoutSeconds { get; init; }
}

/// <summary>Payloads that are JSON. Pure.</summary>
internal static class JsonPayload
{
    public static byte[] Of<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(value, type);

    /// <exception cref="JsonException">It is none.</exception>
    public static T Read<T>(ReadOnlySpan<byte> payload, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(payload, type) ?? throw new JsonException("null is no message");
}
