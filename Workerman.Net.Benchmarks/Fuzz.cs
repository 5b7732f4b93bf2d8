using System.Diagnostics;
using Workerman.Tests.Fuzzing;

namespace Workerman.Benchmarks;

/// <summary>
/// <c>fuzz --cases N --seed S [--of NAME]</c>: a long run of the fuzzer on all cores, whose short form is part of the tests: so
/// many cases of each protocol, or of the one that is named. A find ends it with code 1 and the bytes that show it.
/// </summary>
internal static class Fuzz
{
    /// <summary>Cases that one seed makes, so that a find is repeated in seconds.</summary>
    private const int Batch = 100_000;

    public static int Run(string[] arguments)
    {
        long cases = (long)Arguments.Number(arguments, "--cases", 1_000_000);
        int seed = Arguments.Integer(arguments, "--seed", 1);
        string? only = Arguments.Text(arguments, "--of");
        (string Name, Func<int, long, FuzzTally> Run)[] chosen =
        [
            .. new (string Name, Func<int, long, FuzzTally> Run)[] { ("http", RequestFuzzer.Run) }
                .Concat(FuzzTargets.All.Select(target => (target.Name, (Func<int, long, FuzzTally>)target.Run)))
                .Where(target => only is null || target.Name == only),
        ];
        if (chosen.Length == 0)
        {
            Console.Error.WriteLine($"There is no '{only}' to fuzz; "
                + $"there are http, {string.Join(", ", FuzzTargets.All.Select(target => target.Name))}.");
            return 1;
        }
        return chosen.All(target => Run(target.Name, target.Run, cases, seed)) ? 0 : 1;
    }

    private static bool Run(string name, Func<int, long, FuzzTally> run, long cases, int seed)
    {
        var total = new FuzzTally();
        var gate = new Lock();
        var watch = Stopwatch.StartNew();
        try
        {
            Parallel.For(0, (cases + Batch - 1) / Batch, batch =>
            {
                FuzzTally tally = run(seed + (int)batch, Math.Min(Batch, cases - (batch * Batch)));
                lock (gate) total.Add(tally);
            });
        }
        catch (AggregateException e)
        {
            Console.Error.WriteLine(e.InnerExceptions[0].Message);
            return false;
        }
        Console.WriteLine($"{name}: {cases} cases from seed {seed}: {total.Messages} messages, {total.Refusals} refusals, "
            + $"{total.Waiting} incomplete, no find, {watch.Elapsed.TotalSeconds:0} s");
        return true;
    }
}
