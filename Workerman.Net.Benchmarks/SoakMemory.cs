namespace Workerman.Benchmarks;

/// <summary>
/// Whether the memory of a soak is flat: the median of the last third of the run against that of the first, of which the first
/// tenth of the run is left out, because code is still being compiled and buffers find their sizes. Heap and resident
/// memory after a full collection may grow by a tenth and by what two of the clients that do not read have waiting.
/// </summary>
internal sealed class SoakMemory
{
    private const double Tolerance = 1.1;
    private const long Slack = 2 * SoakServer.LargeSize;
    private const double WarmUp = 0.1;

    private readonly List<(double Moment, SoakFigures Figures)> _samples = [];

    /// <summary>
    /// Notes figures that were taken after a collection, <paramref name="moment"/> being 0 at the start of the run and 1 at its
    /// end.
    /// </summary>
    public void Add(double moment, SoakFigures figures) => _samples.Add((moment, figures));

    /// <summary>What has grown, a line each.</summary>
    public IEnumerable<string> Judge()
    {
        SoakFigures[] first =
            [.. _samples.Where(sample => sample.Moment is >= WarmUp and < 1 / 3.0).Select(sample => sample.Figures)];
        SoakFigures[] last = [.. _samples.Where(sample => sample.Moment >= 2 / 3.0).Select(sample => sample.Figures)];
        if (first.Length == 0 || last.Length == 0) return ["the run was too short to compare its first third with its last"];
        return [.. Grown("heap", Median(first, f => f.Heap), Median(last, f => f.Heap)),
            .. Grown("resident memory", Median(first, f => f.Resident), Median(last, f => f.Resident))];
    }

    private static IEnumerable<string> Grown(string what, long first, long last)
    {
        string line = $"{what} {first / 1048576.0:0.0} MiB in the first third, {last / 1048576.0:0.0} MiB in the last";
        Console.WriteLine(line);
        if (last > (first * Tolerance) + Slack)
            yield return $"{line}: more than {Tolerance - 1:0%} and {Slack / 1048576} MiB of growth";
    }

    private static long Median(SoakFigures[] figures, Func<SoakFigures, long> what)
    {
        long[] ordered = [.. figures.Select(what).Order()];
        return ordered[ordered.Length / 2];
    }
}
