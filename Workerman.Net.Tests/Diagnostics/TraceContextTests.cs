using System.Diagnostics;
using Workerman.Diagnostics;

namespace Workerman.Tests.Diagnostics;

/// <summary>The header fields of W3C Trace Context, valid and not, by the sections of the Recommendation.</summary>
internal sealed class TraceContextTests
{
    private const string Trace = "0af7651916cd43dd8448eb211c80319c";
    private const string Span = "b7ad6b7169203331";

    [TestCase($"00-{Trace}-{Span}-01", true)]
    [TestCase($"00-{Trace}-{Span}-00", false)]
    [TestCase($"00-{Trace}-{Span}-ff", true, Description = "3.2.2.5: other flags are ignored")]
    [TestCase($"00-{Trace}-{Span}-fe", false)]
    [TestCase($" \t00-{Trace}-{Span}-01\t ", true, Description = "RFC 9110 5.5: the space around a value is none of it")]
    [TestCase($"cc-{Trace}-{Span}-01", true, Description = "4.3: a later version")]
    [TestCase($"cc-{Trace}-{Span}-01-what-comes", true, Description = "4.3: a later version, with more behind it")]
    public void ValidParentIsTaken(string field, bool sampled)
    {
        ActivityContext context = TraceContext.Read(field, null);
        Assert.That((context.TraceId.ToString(), context.SpanId.ToString(), context.IsRemote), Is.EqualTo((Trace, Span, true)));
        Assert.That(context.TraceFlags, Is.EqualTo(sampled ? ActivityTraceFlags.Recorded : ActivityTraceFlags.None));
    }

    [TestCase(null)]
    [TestCase("")]
    [TestCase($"00-{Trace}-{Span}")]
    [TestCase($"00-{Trace}-{Span}-0")]
    [TestCase($"00-{Trace}-{Span}-01-", Description = "3.2.2: version 00 ends with its flags")]
    [TestCase($"00-{Trace}-{Span}-01-more")]
    [TestCase($"cc-{Trace}-{Span}-01.more", Description = "4.3: more begins with a dash")]
    [TestCase($"cc-{Trace}-{Span}-01x")]
    [TestCase($"ff-{Trace}-{Span}-01", Description = "3.2.2.1: the version that is none")]
    [TestCase($"0-{Trace}-{Span}-01")]
    [TestCase($"0A-{Trace}-{Span}-01")]
    [TestCase($"00-0AF7651916CD43DD8448EB211C80319C-{Span}-01", Description = "3.2.2: lower case")]
    [TestCase($"00-{Trace}-B7AD6B7169203331-01")]
    [TestCase($"00-{Trace}-{Span}-0A")]
    [TestCase($"00-00000000000000000000000000000000-{Span}-01", Description = "3.2.2.3: all zeros")]
    [TestCase($"00-{Trace}-0000000000000000-01", Description = "3.2.2.4: all zeros")]
    [TestCase($"00_{Trace}-{Span}-01")]
    [TestCase($"00-{Trace}_{Span}-01")]
    [TestCase($"00-{Trace}-{Span}_01")]
    [TestCase($"00-{Trace}-{Span}-01, 00-{Trace}-{Span}-01", Description = "3.2: two fields")]
    [TestCase($"cc-{Trace}-{Span}-01, cc-{Trace}-{Span}-01")]
    [TestCase("00-0af7651916cd43dd8448eb211c8031é9-b7ad6b7169203331-01")]
    public void InvalidParentIsIgnored(string? field) =>
        Assert.That(TraceContext.Read(field, "a=b"), Is.EqualTo(default(ActivityContext)));

    [TestCase("a=b")]
    [TestCase("a=b,c=d")]
    [TestCase("a=b, c=d ,\t,")]
    [TestCase("a=b,a=c", Description = "3.3.1.3: one that is there twice is the next one's to judge")]
    [TestCase("a-_*/9=!~ ~")]
    [TestCase("9t@s=1", Description = "3.3.1.3.1: a tenant may begin with a digit")]
    public void ValidStateIsTaken(string state) =>
        Assert.That(TraceContext.Read($"00-{Trace}-{Span}-01", state).TraceState, Is.EqualTo(state));

    [TestCase(null)]
    [TestCase("")]
    [TestCase(" , ")]
    [TestCase("a")]
    [TestCase("=b")]
    [TestCase("a=")]
    [TestCase("A=b")]
    [TestCase("9=b", Description = "3.3.1.3.1: a simple key begins with a letter")]
    [TestCase("t@9=b", Description = "3.3.1.3.1: a system begins with a letter")]
    [TestCase("t@s@u=b")]
    [TestCase("@s=b")]
    [TestCase("t@=b")]
    [TestCase("a b=c")]
    [TestCase("a=b=c")]
    [TestCase("a=é")]
    [TestCase("a=b,=")]
    public void InvalidStateIsLeftOut(string? state)
    {
        ActivityContext context = TraceContext.Read($"00-{Trace}-{Span}-01", state);
        Assert.That((context.TraceId.ToString(), context.TraceState), Is.EqualTo((Trace, (string?)null)));
    }

    [Test]
    public void StateIsBoundedAsTheSectionsSay()
    {
        Assert.That(IsTaken(string.Join(',', Enumerable.Range(0, 32).Select(i => $"k{i}=v"))), "3.3.1.1: 32 members");
        Assert.That(IsTaken(string.Join(',', Enumerable.Range(0, 33).Select(i => $"k{i}=v"))), Is.False);
        Assert.That(IsTaken($"{new string('k', 256)}={new string('v', 256)}"), "3.3.1.3: 256 characters");
        Assert.That(IsTaken($"{new string('k', 257)}=v"), Is.False);
        Assert.That(IsTaken($"k={new string('v', 257)}"), Is.False);
        Assert.That(IsTaken($"{new string('t', 241)}@{new string('s', 14)}=v"));
        Assert.That(IsTaken($"{new string('t', 242)}@s=v"), Is.False);
        Assert.That(IsTaken($"t@{new string('s', 15)}=v"), Is.False);
    }

    private static bool IsTaken(string state) => TraceContext.Read($"00-{Trace}-{Span}-01", state).TraceState is not null;
}
