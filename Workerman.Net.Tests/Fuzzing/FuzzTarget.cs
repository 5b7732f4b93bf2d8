using System.Buffers;
using Workerman.Tests.Support;

namespace Workerman.Tests.Fuzzing;

/// <summary>
/// A protocol as the fuzzer shows it bytes: examples, words, and what is seen of bytes that come in pieces. Immutable; any
/// thread.
/// </summary>
/// <param name="Name">What it is called on the command line.</param>
/// <param name="Corpus">What a peer might send.</param>
/// <param name="Words">Words of the protocol.</param>
/// <param name="Read">What is seen of bytes, cut into pieces, in one segment or in several; the last is the end.</param>
internal sealed record FuzzTarget(string Name, byte[][] Corpus, byte[][] Words, FuzzTarget.Reader Read)
{
    private const int MostByteByByte = 1000;

    public delegate List<string> Reader(byte[] bytes, IEnumerable<Range> pieces, bool segmented);

    /// <summary>One step of a decoder, which moves the input's start past what it consumes.</summary>
    /// <returns>Whether anything that follows is read.</returns>
    public delegate bool Step(ref ReadOnlySequence<byte> input, List<string> seen);

    /// <summary>Shows it one case after another.</summary>
    /// <exception cref="InvalidOperationException">Something was seen in two ways; the message has the bytes, seed and
    /// number.</exception>
    public FuzzTally Run(int seed, long cases)
    {
        var mutator = new ByteMutator(seed, Corpus, Words);
        var tally = new FuzzTally();
        for (long number = 0; number < cases; number++)
        {
            byte[] bytes = mutator.Next();
            List<Range> cuts = mutator.Cuts(bytes.Length);
            try
            {
                tally.Count(Check(bytes, cuts));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"{Name}, seed {seed}, case {number}: {e.Message}\n"
                    + $"{Convert.ToHexString(bytes)}\ncut: {string.Join(' ', cuts)}", e);
            }
        }
        return tally;
    }

    /// <summary>Compares what is seen of bytes whole, byte by byte, cut, and in segments.</summary>
    public List<string> Check(byte[] bytes, IReadOnlyList<Range> cuts)
    {
        List<string> whole = Read(bytes, [0..bytes.Length], segmented: false);
        if (bytes.Length < MostByteByByte)
        {
            IEnumerable<Range> each = Enumerable.Range(0, bytes.Length).Select(i => i..(i + 1));
            Compare(whole, Read(bytes, each, segmented: false), "byte by byte");
        }
        Compare(whole, Read(bytes, cuts, segmented: false), "cut");
        Compare(whole, Read(bytes, cuts, segmented: true), "cut and in segments");
        return whole;
    }

    /// <summary>Gives a decoder what has come and is not consumed, piece by piece.</summary>
    public static List<string> Pump(byte[] bytes, IEnumerable<Range> pieces, bool segmented, Step step)
    {
        var seen = new List<string>();
        int start = 0;
        foreach (Range piece in pieces)
        {
            // A copy of just these bytes: what reads beyond them finds the end of an array.
            byte[] waiting = bytes[start..piece.End.Value];
            ReadOnlySequence<byte> input = segmented
                ? Segments.Of(waiting, Exchange.Halves(waiting.Length))
                : new ReadOnlySequence<byte>(waiting);
            bool goesOn = step(ref input, seen);
            start += waiting.Length - (int)input.Length;
            if (!goesOn) return seen;
        }
        seen.Add("waiting");
        return seen;
    }

    private static void Compare(List<string> whole, List<string> other, string how)
    {
        if (!whole.SequenceEqual(other))
            throw new InvalidOperationException(
                $"seen whole:\n{string.Join('\n', whole)}\nseen {how}:\n{string.Join('\n', other)}");
    }
}

/// <summary>What the cases came to: a run that refuses all, or nothing, has tried little. One thread.</summary>
internal sealed class FuzzTally
{
    public long Messages { get; private set; }

    public long Refusals { get; private set; }

    public long Waiting { get; private set; }

    public void Count(List<string> seen)
    {
        Messages += seen.Count - 1;
        if (seen.Count > 0 && seen[^1].StartsWith("refused", StringComparison.Ordinal)) Refusals++;
        else if (seen.Count > 0 && seen[^1].StartsWith("waiting", StringComparison.Ordinal)) Waiting++;
    }

    public void Add(FuzzTally other)
    {
        Messages += other.Messages;
        Refusals += other.Refusals;
        Waiting += other.Waiting;
    }
}
