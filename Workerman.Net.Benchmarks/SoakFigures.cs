namespace Workerman.Benchmarks;

/// <summary>What the server of <see cref="Soak"/> says of itself at one moment.</summary>
internal sealed record SoakFigures
{
    private const double Mebi = 1024 * 1024;

    /// <summary>Bytes of the garbage collector's heap.</summary>
    public long Heap { get; init; }

    /// <summary>Bytes of resident memory.</summary>
    public long Resident { get; init; }

    public int Connections { get; init; }

    public int Timers { get; init; }

    public int Subscribers { get; init; }

    /// <summary>
    /// Open descriptors but for those of loaded assemblies and one ring for each loop; 0 where the system does not tell.
    /// </summary>
    public int Descriptors { get; init; }

    public int TemporaryFiles { get; init; }

    /// <summary>Threads of the pool, which is the runtime's to size.</summary>
    public int Threads { get; init; }

    /// <summary>Whether nothing is held that was not held at <paramref name="start"/>.</summary>
    public bool HoldsNoMoreThan(SoakFigures start) =>
        Connections <= start.Connections && Timers <= start.Timers && Subscribers <= start.Subscribers
        && Descriptors <= start.Descriptors && TemporaryFiles <= start.TemporaryFiles;

    public override string ToString() =>
        $"heap {Heap / Mebi:0.0} MiB, resident {Resident / Mebi:0.0} MiB, {Connections} connections, {Subscribers} subscribers, "
        + $"{Timers} timers, {Descriptors} descriptors, {TemporaryFiles} temporary files, {Threads} pool threads";
}
