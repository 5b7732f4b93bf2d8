using System.Runtime.Intrinsics;
using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>The field lines that the vectors find are those that are found line by line, whatever the vectors' width.</summary>
internal sealed class FieldScannerTests
{
    private const int Heads = 30_000;

    [Test]
    public void FindsWhatIsFoundLineByLine()
    {
        int seed = Random.Shared.Next();
        TestContext.Out.WriteLine($"seed {seed}, vectors of {Width} bits");
        Assert.That(FindDifference(seed), Is.Null);
    }

    /// <summary>
    /// A process without the widest vectors, with the narrowest only, or with no instructions but those that all processors have,
    /// as native programs may have.
    /// </summary>
    [TestCase("DOTNET_EnableAVX512=0", 256)]
    [TestCase("DOTNET_EnableAVX2=0", 128)]
    [TestCase("DOTNET_EnableHWIntrinsic=0", 128)]
    public void FindsTheSameWithNarrowerVectors(string setting, int widest)
    {
        int seed = Random.Shared.Next();
        using ServerProcess process = ServerProcess.Run(
            ["env", setting, "dotnet", typeof(FieldScannerTests).Assembly.Location, "scan", $"{seed}"]);
        process.WaitForExit();
        Assert.That(process.Output.Trim(),
            Is.EqualTo($"seed {seed}, vectors of {Math.Min(widest, Width)} bits: no difference"));
    }

    [Test]
    public void EachByteIsClassifiedAtEachPlace()
    {
        for (int value = 0; value < 256; value++)
        {
            for (int before = 0; before < 70; before++)
            {
                Check($"{new string('a', before)}{(char)value}b: c\r\n");
                Check($"a:{new string('b', before)}{(char)value}c\r\n");
            }
        }
        // With nothing behind the line, with a line before it, and with more behind it than a block.
        static void Check(string line)
        {
            foreach (string head in (string[])[line, $"x: y\r\n{line}", $"{line}{new string('f', 130)}: g\r\n\r\n"])
                Assert.That(Difference(Encoding.Latin1.GetBytes(head), 0), Is.Null);
        }
    }

    [Test]
    public void TakesNoMoreThanThereIsRoomFor()
    {
        byte[] head = Encoding.Latin1.GetBytes(string.Concat(Enumerable.Repeat("name: value\r\n", 10)));
        int position = 13;
        var fields = new HeaderField[4];
        Assert.That(FieldScanner.Scan(head, ref position, fields.AsSpan(0, 3)), Is.EqualTo(3));
        Assert.That((position, fields[2], fields[3]), Is.EqualTo((4 * 13, new HeaderField(39, 4, 45, 5), default(HeaderField))));
        Assert.That((FieldScanner.Scan(head, ref position, []), position), Is.EqualTo((0, 4 * 13)));
    }

    /// <summary>The process of <see cref="FindsTheSameWithNarrowerVectors"/>.</summary>
    public static int Run(string seed)
    {
        string? difference = FindDifference(int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture));
        Console.WriteLine($"seed {seed}, vectors of {Width} bits: {difference ?? "no difference"}");
        return difference is null ? 0 : 1;
    }

    private static int Width => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    private static string? FindDifference(int seed)
    {
        var random = new Random(seed);
        for (int number = 0; number < Heads; number++)
        {
            byte[] head = MakeHead(random);
            if (Difference(head, random.Next(Math.Min(head.Length, 40))) is { } difference)
                return $"seed {seed}, case {number}: {difference}";
        }
        return null;
    }

    private static byte[] MakeHead(Random random)
    {
        var text = new StringBuilder();
        for (int lines = random.Next(8); lines >= 0; lines--)
        {
            text.Append('n', random.Next(1, 40)).Append(':').Append(' ', random.Next(3));
            text.Append('v', random.Next(random.Next(200))).Append('\t', random.Next(2)).Append("\r\n");
        }
        byte[] bytes = Encoding.Latin1.GetBytes(text.Append("\r\nbody").ToString());
        for (int changes = random.Next(3); changes > 0; changes--)
        {
            int value = random.Next(2) == 0 ? random.Next(256) : "\r\n:\t \0\u007f\u0080"[random.Next(8)];
            bytes[random.Next(bytes.Length)] = (byte)value;
        }
        return bytes[..random.Next(bytes.Length + 1)];
    }

    /// <summary>What the vectors and the lines see in different ways, in words; null for nothing.</summary>
    private static string? Difference(byte[] head, int start)
    {
        var fields = new HeaderField[64];
        int end = start;
        int count = FieldScanner.Scan(head, ref end, fields);
        var expected = new List<HeaderField>();
        var reader = new LineReader(head) { Position = start };
        int expectedEnd = start;
        while (reader.Read(out ReadOnlySpan<byte> text, out int at) == LineEnd.Ended)
        {
            var line = new HeaderLine();
            if (line.Read(text, isWhole: true).Kind != VerdictKind.Message) break;
            expected.Add(new HeaderField(at, line.NameLength, at + line.ValueStart, line.ValueLength));
            expectedEnd = reader.Position;
        }
        // Input that is shorter than a vector it may leave to the others.
        bool isSame = head.Length < 32 && count == 0
            ? end == start
            : end == expectedEnd && fields.AsSpan(0, count).SequenceEqual(expected.ToArray());
        return isSame ? null
            : $"from {start}: {count} fields to {end}, not {expected.Count} to {expectedEnd}, in {Convert.ToHexString(head)}";
    }
}
