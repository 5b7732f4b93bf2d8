using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;

namespace Workerman.Supervision;

/// <summary>What a master goes by; read from the statics of <c>Worker</c> once, when it starts. Immutable.</summary>
[SupportedOSPlatform("linux")]
internal sealed record MasterSettings
{
    public required ProgramPath Program { get; init; }

    /// <summary>What its processes are started as; one, unless some workers are not reloadable.</summary>
    public required string[] Roles { get; init; }

    public required string PidFile { get; init; }

    public required ILogger Logger { get; init; }

    /// <summary>How long a process may take until its workers listen.</summary>
    public required TimeSpan StartTimeout { get; init; }

    /// <summary>How long ending may take if nothing is said.</summary>
    public required TimeSpan StopTimeout { get; init; }

    /// <summary>How long it may take with <c>-g</c>.</summary>
    public required TimeSpan GracefulStopTimeout { get; init; }

    /// <summary>Over which time a replaced process ends what cannot move; it lives that much longer.</summary>
    public required TimeSpan ReloadWindow { get; init; }

    public Action? OnMasterReload { get; init; }

    public Action? OnMasterStop { get; init; }

    public Action<int>? OnWorkerExit { get; init; }

    /// <summary>Called when it serves for the first time: the standard streams go elsewhere from there on.</summary>
    public Action? Detach { get; init; }

    /// <summary>Called about once a second, and with true when files are to be opened anew.</summary>
    public Action<bool>? TendFiles { get; init; }
}
