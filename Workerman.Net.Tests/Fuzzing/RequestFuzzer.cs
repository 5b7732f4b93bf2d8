using System.Text;
using Workerman.Protocols.Http;

namespace Workerman.Tests.Fuzzing;

/// <summary>
/// Shows the protocol mutated requests, whole and cut, in one segment and in several, with bodies kept and bodies taken
/// apart on their way in: it must see the same each time, throw nothing, and neither stop nor read beyond what there is.
/// </summary>
internal static class RequestFuzzer
{
    /// <summary>Limits that mutated requests do reach.</summary>
    private static readonly HttpOptions Kept = Options(1024 * 1024);

    private static readonly HttpOptions TakenApart = Options(100);

    /// <summary>Runs one case after another.</summary>
    /// <param name="seed">Makes the same cases again.</param>
    /// <param name="cases">How many.</param>
    /// <exception cref="InvalidOperationException">Something was seen in two ways; the message has the request, seed and
    /// number.</exception>
    public static Tally Run(int seed, long cases)
    {
        var mutator = new RequestMutator(seed);
        var tally = new Tally();
        for (long number = 0; number < cases; number++)
        {
            byte[] bytes = mutator.Next();
            List<Range> cuts = mutator.Cuts(bytes.Length);
            try
            {
                Check(bytes, cuts, tally);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}, case {number}: {e.Message}\n{Convert.ToHexString(bytes)}\n"
                    + $"{Encoding.Latin1.GetString(bytes)}\ncut: {string.Join(' ', cuts)}", e);
            }
        }
        return tally;
    }

    private static void Check(byte[] bytes, List<Range> cuts, Tally tally)
    {
        List<string> whole = Exchange.Read(bytes, [0..bytes.Length], Kept);
        tally.Count(whole);
        Compare(whole, Exchange.Read(bytes, cuts, Kept), "cut");
        Compare(whole, Exchange.Read(bytes, cuts, TakenApart, segmented: true), "cut, in segments and taken apart");
    }

    private static void Compare(List<string> whole, List<string> other, string how)
    {
        if (!whole.SequenceEqual(other))
            throw new InvalidOperationException(
                $"seen whole:\n{string.Join('\n', whole)}\nseen {how}:\n{string.Join('\n', other)}");
    }

    private static HttpOptions Options(int threshold) => new()
    {
        MaxHeadSize = 512,
        MaxRequestLineSize = 128,
        MaxHeaderCount = 8,
        MaxCookies = 2,
        MaxQueryMembers = 3,
        MaxFormFields = 3,
        MaxFiles = 1,
        MaxFormFieldsSize = 20,
        AllowConnect = true,
        AllowTrace = true,
        BodyMemoryThreshold = threshold,
    };

    /// <summary>What the cases came to: a run that refuses all, or nothing, has tried little.</summary>
    internal sealed class Tally
    {
        public long Requests { get; private set; }

        public long Refusals { get; private set; }

        public long Waiting { get; private set; }

        public void Count(List<string> seen)
        {
            Requests += seen.Count - 1;
            if (seen[^1].StartsWith("refused", StringComparison.Ordinal)) Refusals++;
            else if (seen[^1].StartsWith("waiting", StringComparison.Ordinal)) Waiting++;
        }

        public void Add(Tally other)
        {
            Requests += other.Requests;
            Refusals += other.Refusals;
            Waiting += other.Waiting;
        }
    }
}
