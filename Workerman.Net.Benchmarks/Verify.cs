using System.Text;

namespace Workerman.Benchmarks;

/// <summary>What is measured is first looked at: a fast wrong answer is no result.</summary>
internal static class Verify
{
    public static void Equal<T>(T actual, T expected, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(actual, expected))
            throw new InvalidOperationException($"{what}: expected {expected}, but it is {actual}");
    }

    public static void Text(ReadOnlySpan<byte> actual, string expected, string what) =>
        Equal(Encoding.UTF8.GetString(actual), expected, what);
}
