namespace Workerman.Diagnostics;

/// <summary>Figures added up: of a loop, a worker, or the process. A value; belongs to whoever adds.</summary>
internal struct FigureTotals
{
    public long Connections { get; private set; }

    public long TotalConnections { get; private set; }

    public long Requests { get; private set; }

    public long Exceptions { get; set; }

    public long SendFailures { get; private set; }

    public long BuffersFull { get; private set; }

    public long BytesRead { get; private set; }

    public long BytesWritten { get; private set; }

    public int Timers { get; private set; }

    /// <summary>The longest of all.</summary>
    public TimeSpan Lag { get; private set; }

    public void Add(TrafficFigures figures)
    {
        Connections += figures.Connections;
        AddPast(figures);
    }

    /// <summary>What stays when a loop has ended: its connections do not.</summary>
    public void AddPast(TrafficFigures figures)
    {
        TotalConnections += figures.TotalConnections;
        Requests += figures.Requests;
        Exceptions += figures.Exceptions;
        SendFailures += figures.SendFailures;
        BuffersFull += figures.BuffersFull;
        BytesRead += figures.BytesRead;
        BytesWritten += figures.BytesWritten;
    }

    /// <summary>The loop's own: its clients, its timers, its lag.</summary>
    public void AddLoop(LoopFigures loop)
    {
        Add(loop);
        Timers += loop.Timers;
        AddLag(loop.Lag);
    }

    public void AddLag(TimeSpan lag) => Lag = lag > Lag ? lag : Lag;

    public void Add(in FigureTotals other)
    {
        Connections += other.Connections;
        TotalConnections += other.TotalConnections;
        Requests += other.Requests;
        Exceptions += other.Exceptions;
        SendFailures += other.SendFailures;
        BuffersFull += other.BuffersFull;
        BytesRead += other.BytesRead;
        BytesWritten += other.BytesWritten;
        Timers += other.Timers;
        AddLag(other.Lag);
    }
}
