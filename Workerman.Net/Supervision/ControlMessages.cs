using System.Text.Json.Serialization;

namespace Workerman.Supervision;

/// <summary>
/// What a command asks of the running program, as one line of JSON over its control socket. Unknown members are ignored, so that
/// a command of another version of the library is understood as long as <see cref="Version"/> is the same.
/// </summary>
internal sealed record ControlRequest
{
    /// <summary>The version of the protocol that this library speaks.</summary>
    public const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    /// <summary><c>status</c>, <c>connections</c>, <c>stop</c> or <c>reload</c>.</summary>
    public string Command { get; init; } = "";

    public bool Graceful { get; init; }

    /// <summary>Null for the program's own.</summary>
    public double? TimeoutSeconds { get; init; }

    /// <summary>The column to sort by; null for the id.</summary>
    public string? Sort { get; init; }

    /// <summary>How many connections at most; null for the command's own number.</summary>
    public int? Limit { get; init; }

    /// <summary>Why it cannot be done as it is; null if it can. Whoever may connect can send anything.</summary>
    public string? Check() => this switch
    {
        { Version: not CurrentVersion } =>
            $"The program speaks version {CurrentVersion} of the control protocol, and the command version {Version}. "
            + "Cure: use the command of the program's own version.",
        { Command: null or "" } => "This is no request: it has no command.",
        { TimeoutSeconds: < 0 or > ProgramCommand.MaxTimeoutSeconds } =>
            $"timeoutSeconds is a number from 0 to {ProgramCommand.MaxTimeoutSeconds}.",
        { Sort: { } column } when !ConnectionOrder.Names.Contains(column) => $"There is no column {column}.",
        { Limit: < 1 } => "limit is a number from 1 on.",
        _ => null,
    };
}

/// <summary>What the program answers, as one line of JSON; there may be several of them before the last.</summary>
internal sealed record ControlReply
{
    public int Version { get; init; } = ControlRequest.CurrentVersion;

    /// <summary>Whether it is the last.</summary>
    public bool IsLast { get; init; } = true;

    /// <summary>Whether what was asked is done, as far as it is known.</summary>
    public bool Ok { get; init; } = true;

    /// <summary>What a person is told.</summary>
    public string? Message { get; init; }

    public StatusReport? Status { get; init; }

    public ConnectionReport? Connections { get; init; }
}

/// <summary>All that the command <c>status</c> has to show of a program. Immutable.</summary>
internal sealed record StatusReport
{
    public string Name { get; init; } = "";

    public string WorkermanVersion { get; init; } = "";

    public string DotNetVersion { get; init; } = "";

    public string EventLoop { get; init; } = "";

    public DateTimeOffset StartTime { get; init; }

    public double UptimeSeconds { get; init; }

    public double[] LoadAverage { get; init; } = [];

    /// <summary>Process id of the master; null if there is none.</summary>
    public int? Master { get; init; }

    public ProcessReport[] Processes { get; init; } = [];

    /// <summary>How workers' processes have ended so far.</summary>
    public ExitReport[] Exits { get; init; } = [];
}

/// <summary>One process that runs workers.</summary>
internal sealed record ProcessReport
{
    public int Id { get; init; }

    /// <summary><c>running</c>, <c>starting</c>, or <c>leaving</c> for one that was replaced or stops.</summary>
    public string State { get; init; } = "running";

    public long MemoryBytes { get; init; }

    public DateTimeOffset StartTime { get; init; }

    public string EventLoop { get; init; } = "";

    /// <summary>Null if it has not answered in time.</summary>
    public LoopReport[]? Loops { get; init; }
}

/// <summary>One loop of a worker.</summary>
internal sealed record LoopReport
{
    public string Worker { get; init; } = "";

    public int Loop { get; init; }

    public string Listening { get; init; } = "";

    public long Connections { get; init; }

    public long TotalConnections { get; init; }

    public long SendFail { get; init; }

    public long Timers { get; init; }

    public long TotalRequest { get; init; }

    public long Exceptions { get; init; }

    public double Qps { get; init; }

    public long BytesRead { get; init; }

    public long BytesWritten { get; init; }

    public double LagMilliseconds { get; init; }

    /// <summary><c>idle</c> or <c>busy</c>.</summary>
    public string Status { get; init; } = "idle";

    public double BusyMilliseconds { get; init; }

    /// <summary>The callback that it is in, while it is busy.</summary>
    public string? Callback { get; init; }
}

/// <summary>How often workers' processes have ended in one way.</summary>
internal sealed record ExitReport(string Status, int Count);

/// <summary>All that the command <c>connections</c> has to show. Immutable.</summary>
internal sealed record ConnectionReport
{
    /// <summary>How many there are; <see cref="Connections"/> may have fewer.</summary>
    public long Total { get; init; }

    public ConnectionRow[] Connections { get; init; } = [];

    /// <summary>Processes that have not answered in time: theirs are missing.</summary>
    public int[]? Silent { get; init; }
}

/// <summary>What is told of each open connection, by the columns that PHP has. Immutable.</summary>
internal sealed record ConnectionRow
{
    public int Process { get; init; }

    public string Worker { get; init; } = "";

    public long Id { get; init; }

    /// <summary><c>tcp</c>, <c>ssl</c> or <c>unix</c>.</summary>
    public string Transport { get; init; } = "";

    public string Protocol { get; init; } = "";

    public string Family { get; init; } = "";

    public long RecvQ { get; init; }

    public long SendQ { get; init; }

    public long BytesRead { get; init; }

    public long BytesWritten { get; init; }

    public string Status { get; init; } = "";

    public double AgeSeconds { get; init; }

    public string Local { get; init; } = "";

    public string Remote { get; init; } = "";
}

/// <summary>What a process asks or tells another one of the program over their channel.</summary>
internal sealed record WorkerState
{
    /// <summary>Why it could not start; null if it could.</summary>
    public string? Failure { get; init; }

    public string Banner { get; init; } = "";
}

/// <summary>Serializers that are made when the library is compiled: NativeAOT has no reflection for them.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlReply))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(ProcessReport))]
[JsonSerializable(typeof(ConnectionReport))]
[JsonSerializable(typeof(StopOrder))]
[JsonSerializable(typeof(WorkerState))]
internal sealed partial class ControlJson : JsonSerializerContext;
