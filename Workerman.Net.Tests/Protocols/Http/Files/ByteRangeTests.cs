using Workerman.Protocols.Http.Files;

namespace Workerman.Tests.Protocols.Http.Files;

/// <summary>What a Range header field asks for, RFC 9110 section 14.1.2.</summary>
internal sealed class ByteRangeTests
{
    [TestCase("bytes=0-0", 10, 0, 1)]
    [TestCase("bytes=0-9", 10, 0, 10)]
    [TestCase("bytes=0-", 10, 0, 10)]
    [TestCase("bytes=9-", 10, 9, 1)]
    [TestCase("bytes=2-4", 10, 2, 3)]
    [TestCase("bytes=2-400", 10, 2, 8)]
    [TestCase("bytes=-3", 10, 7, 3)]
    [TestCase("bytes=-30", 10, 0, 10)]
    [TestCase("BYTES= 2-4 ", 10, 2, 3)]
    [TestCase("bytes=2-99999999999999999999999999", 10, 2, 8)]
    [TestCase("bytes=-99999999999999999999999999", 10, 0, 10)]
    public void PartIsCutToTheSize(string field, long size, long first, long length)
    {
        var range = ByteRange.Parse(field, size);
        Assert.That((range.Kind, range.First, range.Length, range.Last),
            Is.EqualTo((RangeKind.Part, first, length, first + length - 1)));
    }

    [TestCase("bytes=10-", 10)]
    [TestCase("bytes=10-20", 10)]
    [TestCase("bytes=99999999999999999999999999-", 10)]
    [TestCase("bytes=-0", 10)]
    [TestCase("bytes=0-", 0)]
    [TestCase("bytes=0-0", 0)]
    public void PartBeyondTheEndIsUnsatisfiable(string field, long size) =>
        Assert.That(ByteRange.Parse(field, size).Kind, Is.EqualTo(RangeKind.Unsatisfiable));

    [TestCase(null)]
    [TestCase("")]
    [TestCase("bytes")]
    [TestCase("bytes=")]
    [TestCase("bytes=-")]
    [TestCase("bytes=a-b")]
    [TestCase("bytes=1")]
    [TestCase("bytes=4-2")]
    [TestCase("bytes=+1-2")]
    [TestCase("bytes=1-2-3")]
    [TestCase("bytes=--1")]
    [TestCase("bytes= 1 - 2")]
    [TestCase("bytes=0x1-0x2")]
    [TestCase("bytes=0-1,3-4")]
    [TestCase("bytes=0-1, bytes=3-4")]
    [TestCase("bytes = 0-1")]
    [TestCase("items=0-1")]
    [TestCase("0-1")]
    public void AllElseIsIgnored(string? field) => Assert.That(ByteRange.Parse(field, 10).Kind, Is.EqualTo(RangeKind.Whole));

    [Test]
    public void LastBytesOfNothingAreEverything() =>
        Assert.That(ByteRange.Parse("bytes=-5", 0).Kind, Is.EqualTo(RangeKind.Whole));
}
