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
    public static FuzzTally Run(int seed, long cases)
    {
        var mutator = new RequestMutator(seed);
        var tally = new FuzzTally();
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

    private static void Check(byte[] bytes, List<Range> cuts, FuzzTally tally)
    {
        List<string> whole = Exchange.Read(bytes, [0..bytes.Length], Kept, reasons: true);
        tally.Count(whole);
        Compare(whole, Exchange.Read(bytes, cuts, Kept, reasons: true), "cut");
        Compare(whole, Exchange.Read(bytes, cuts, TakenApart, segmented: true, reasons: true),
            "cut, in segments and taken apart");
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
}
