namespace Workerman.Tests.Support;

/// <summary>How bytes are cut on their way: whole, byte by byte, or at random places whose seed is printed.</summary>
internal sealed class Fragmentation
{
    private readonly Func<int, IEnumerable<Range>> _cut;
    private readonly string _name;

    private Fragmentation(string name, Func<int, IEnumerable<Range>> cut)
    {
        _name = name;
        _cut = cut;
    }

    public static Fragmentation Whole { get; } = new("whole", length => [0..length]);

    public static Fragmentation ByteByByte { get; } =
        new("byte by byte", length => Enumerable.Range(0, length).Select(i => i..(i + 1)));

    /// <summary>All three, the last with a seed of its own in each run.</summary>
    public static Fragmentation[] All => [Whole, ByteByByte, AtRandom(Random.Shared.Next())];

    public static Fragmentation AtRandom(int seed) =>
        new($"cut at random places, seed {seed}", length => RandomCuts(length, seed));

    public IEnumerable<Range> Cut(int length) => _cut(length);

    public override string ToString() => _name;

    private static IEnumerable<Range> RandomCuts(int length, int seed)
    {
        var random = new Random(seed);
        for (int start = 0; start < length;)
        {
            int end = Math.Min(length, start + random.Next(1, Math.Max(2, length / 3)));
            yield return start..end;
            start = end;
        }
    }
}
