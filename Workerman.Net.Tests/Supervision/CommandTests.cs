using Workerman.Supervision;

namespace Workerman.Tests.Supervision;

internal sealed class CommandTests
{
    [TestCase("", CommandVerb.Start)]
    [TestCase("start", CommandVerb.Start)]
    [TestCase("stop", CommandVerb.Stop)]
    [TestCase("restart", CommandVerb.Restart)]
    [TestCase("reload", CommandVerb.Reload)]
    [TestCase("status", CommandVerb.Status)]
    [TestCase("connections", CommandVerb.Connections)]
    [TestCase("install", CommandVerb.Install)]
    [TestCase("help", CommandVerb.Help)]
    [TestCase("--help", CommandVerb.Help)]
    public void WordIsACommand(string line, object verb) =>
        Assert.That(Parse(line), Is.EqualTo(new ProgramCommand((CommandVerb)verb)));

    [Test]
    public void NullIsNoArgument() =>
        Assert.That(Assert.Throws<ArgumentException>(() => Worker.RunAll(["start", null!]))!.Message, Does.Contain("Cure:"));

    [Test]
    public void OptionsGoBeforeAndBehindTheCommand()
    {
        Assert.That(Parse("restart -d -g -q --timeout 2.5"), Is.EqualTo(new ProgramCommand(CommandVerb.Restart)
        {
            IsDaemon = true,
            IsGraceful = true,
            IsQuiet = true,
            Timeout = TimeSpan.FromSeconds(2.5),
        }));
        Assert.That(Parse("-d -q"), Is.EqualTo(Parse("start -q -d")));
        Assert.That(Parse("connections --sort=age --limit=5 --json"),
            Is.EqualTo(Parse("--json connections --limit 5 --sort age")));
    }

    [TestCase("begin", "'begin' is no command")]
    [TestCase("start stop", "'stop' is one word too many")]
    [TestCase("START", "'START' is no command")]
    [TestCase("stop -d", "stop has no option -d")]
    [TestCase("-g", "start has no option -g")]
    [TestCase("start -x", "'-x' is one word too many")]
    [TestCase("-dg", "'-dg' is no command")]
    [TestCase("stop --timeout", "--timeout needs a value")]
    [TestCase("stop --timeout -1", "--timeout takes seconds")]
    [TestCase("stop --timeout NaN", "--timeout takes seconds")]
    [TestCase("stop --timeout 1e3", "--timeout takes seconds")]
    [TestCase("status --json=yes", "--json has no value")]
    [TestCase("connections --sort colour", "--sort has no column 'colour'")]
    [TestCase("connections --limit 0", "--limit takes a number")]
    [TestCase("connections --limit 99999999999", "--limit takes a number")]
    [TestCase("  ", "'' is no command")]
    public void WrongUseIsTold(string line, string reason) =>
        Assert.That(() => Parse(line), Throws.TypeOf<FormatException>().With.Message.StartsWith(reason));

    private static ProgramCommand Parse(string line) => ProgramCommand.Parse(line.Length == 0 ? [] : line.Split(' '));
}
