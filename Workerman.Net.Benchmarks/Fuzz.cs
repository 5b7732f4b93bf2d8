using System.Diagnostics;
using Workerman.Tests.Fuzzing;

namespace Workerman.Benchmarks;

/// <summary>
/// <c>fuzz --cases N --seed S</c>: a long run of the request fuzzer on all cores, whose short form is part of the tests. A find
/// ends it with code 1 and the request that shows it.
/// </summary>
internal static class Fuzz
{
    /// <summary>Cases that one seed makes, so that a find is repeated in seconds.</summary>
    private const int Batch = 100_000;

    public static int Run(string[] arguments)
    {
        long cases = (long)Arguments.Number(arguments, "--cases", 1_000_000);
        int seed = Arguments.Integer(arguments, "--seed", 1);
        var total = new RequestFuzzer.Tally();
        var gate = new Lock();
        var watch = Stopwatch.StartNew();
        try
        {
            Parallel.For(0, (cases + Batch - 1) / Batch, batch =>
            {
                RequestFuzzer.Tally tally = RequestFuzzer.Run(seed + (int)batch, Math.Min(Batch, cases - (batch * Batch)));
                lock (gate) total.Add(tally);
            });
        }
        catch (AggregateException e)
        {
            Console.Error.WriteLine(e.InnerExceptions[0].Message);
            return 1;
        }
        Console.WriteLine($"{cases} cases from seed {seed}: {total.Requests} requests, {total.Refusals} refusals, "
            + $"{total.Waiting} incomplete, no find, {watch.Elapsed.TotalSeconds:0} s");
        return 0;
    }
}
