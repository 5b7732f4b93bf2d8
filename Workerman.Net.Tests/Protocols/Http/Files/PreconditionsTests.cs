using Workerman.Protocols.Http.Files;

namespace Workerman.Tests.Protocols.Http.Files;

/// <summary>Conditional requests: the order of RFC 9110 section 13.2.2, tags and dates.</summary>
internal sealed class PreconditionsTests
{
    private const string Before = "Sat, 01 Aug 2026 10:00:00 GMT";
    private const string Same = "Sat, 01 Aug 2026 12:00:00 GMT";
    private const string After = "Sat, 01 Aug 2026 14:00:00 GMT";

    private static readonly Validators Strong =
        new(new EntityTag("v1", IsWeak: false), new DateTimeOffset(2026, 8, 1, 12, 0, 0, TimeSpan.Zero), DateIsStrong: true);
    private static readonly Validators Weak = Strong with { Tag = new EntityTag("v1", IsWeak: true), DateIsStrong = false };

    [TestCase("\"v1\"", Condition.Holds)]
    [TestCase("*", Condition.Holds)]
    [TestCase(" \"v0\" ,, \"v1\"", Condition.Holds)]
    [TestCase("\"a,b\", \"v1\"", Condition.Holds)]
    [TestCase("\"v0\"", Condition.Failed)]
    [TestCase("W/\"v1\"", Condition.Failed)]
    [TestCase("v1", Condition.Failed)]
    [TestCase("\"v1", Condition.Failed)]
    [TestCase("", Condition.Failed)]
    public void IfMatchComparesStrongly(string field, object expected) =>
        Assert.That(new Preconditions { IfMatch = field }.Judge(Strong), Is.EqualTo(expected));

    [Test]
    public void IfMatchFailsWithAWeakTag() =>
        Assert.That(new Preconditions { IfMatch = "W/\"v1\", \"v1\"" }.Judge(Weak), Is.EqualTo(Condition.Failed));

    [TestCase("\"v1\"", Condition.NotModified)]
    [TestCase("W/\"v1\"", Condition.NotModified)]
    [TestCase("*", Condition.NotModified)]
    [TestCase("\"v0\", W/\"v1\"", Condition.NotModified)]
    [TestCase("\"v0\"", Condition.Holds)]
    [TestCase("w/\"v1\"", Condition.Holds)]
    [TestCase("\"v0\" \"v1\"", Condition.Holds)]
    [TestCase("\"V1\"", Condition.Holds)]
    public void IfNoneMatchComparesWeakly(string field, object expected)
    {
        Assert.That(new Preconditions { IfNoneMatch = field }.Judge(Strong), Is.EqualTo(expected));
        Assert.That(new Preconditions { IfNoneMatch = field }.Judge(Weak), Is.EqualTo(expected));
    }

    [TestCase(Before, Condition.Holds)]
    [TestCase(Same, Condition.NotModified)]
    [TestCase(After, Condition.NotModified)]
    [TestCase("Saturday, 01-Aug-26 12:00:00 GMT", Condition.NotModified)]
    [TestCase("Sat Aug  1 12:00:00 2026", Condition.NotModified)]
    [TestCase("Sat Aug  1 11:59:59 2026", Condition.Holds)]
    [TestCase("2026-08-01", Condition.Holds)]
    [TestCase("Sun, 01 Aug 2026 12:00:00 GMT", Condition.Holds)]
    [TestCase("", Condition.Holds)]
    public void IfModifiedSince(string field, object expected) =>
        Assert.That(new Preconditions { IfModifiedSince = field }.Judge(Strong), Is.EqualTo(expected));

    [TestCase(Before, Condition.Failed)]
    [TestCase(Same, Condition.Holds)]
    [TestCase(After, Condition.Holds)]
    [TestCase("yesterday", Condition.Holds)]
    public void IfUnmodifiedSince(string field, object expected) =>
        Assert.That(new Preconditions { IfUnmodifiedSince = field }.Judge(Strong), Is.EqualTo(expected));

    [Test]
    public void TagsGoBeforeDatesAndFailureBeforeUnchanged()
    {
        Assert.That(new Preconditions { IfMatch = "\"v1\"", IfUnmodifiedSince = Before }.Judge(Strong),
            Is.EqualTo(Condition.Holds), "step 2 is skipped");
        Assert.That(new Preconditions { IfMatch = "\"v0\"", IfNoneMatch = "\"v1\"" }.Judge(Strong), Is.EqualTo(Condition.Failed),
            "step 1 is first");
        Assert.That(new Preconditions { IfUnmodifiedSince = Before, IfNoneMatch = "\"v1\"" }.Judge(Strong),
            Is.EqualTo(Condition.Failed), "step 2 is before 3");
        Assert.That(new Preconditions { IfMatch = "\"v1\"", IfNoneMatch = "\"v1\"" }.Judge(Strong),
            Is.EqualTo(Condition.NotModified), "step 3 follows step 1");
        Assert.That(new Preconditions { IfNoneMatch = "\"v0\"", IfModifiedSince = After }.Judge(Strong),
            Is.EqualTo(Condition.Holds), "step 4 is skipped");
    }

    [TestCase(null, true, true)]
    [TestCase("\"v1\"", true, false)]
    [TestCase("\"v0\"", false, false)]
    [TestCase("W/\"v1\"", false, false)]
    [TestCase(Same, true, false)]
    [TestCase(Before, false, false)]
    [TestCase(After, false, false)]
    [TestCase("nonsense", false, false)]
    public void IfRangeWantsExactlyTheSame(string? field, bool strong, bool weak)
    {
        var conditions = new Preconditions { IfRange = field };
        Assert.That((conditions.AllowsRange(Strong), conditions.AllowsRange(Weak)), Is.EqualTo((strong, weak)));
    }

    [Test]
    public void WithoutATagOnlyTheAsteriskMatches()
    {
        Validators bare = new(null, null, false);
        Assert.That(new Preconditions { IfNoneMatch = "\"v1\"", IfModifiedSince = After }.Judge(bare),
            Is.EqualTo(Condition.Holds));
        Assert.That(new Preconditions { IfNoneMatch = "*" }.Judge(bare), Is.EqualTo(Condition.NotModified));
        Assert.That(new Preconditions { IfMatch = "\"v1\"" }.Judge(bare), Is.EqualTo(Condition.Failed));
    }

    [Test]
    public void TwoDigitYearsFarAheadAreOfThePastCentury()
    {
        Assert.That(HttpDate.TryParse("Sunday, 06-Nov-94 08:49:37 GMT", out DateTimeOffset date));
        Assert.That(date, Is.EqualTo(new DateTimeOffset(1994, 11, 6, 8, 49, 37, TimeSpan.Zero)));
        Assert.That(HttpDate.Format(date), Is.EqualTo("Sun, 06 Nov 1994 08:49:37 GMT"));
    }
}
