using System.Text.RegularExpressions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Rules;

/// <summary>The house: sizes of files, what public types are documented with, and what no project file says.</summary>
internal sealed partial class HouseTests
{
    private const int MaxLines = 500;
    private const int MaxColumns = 130;

    private static IEnumerable<string> Files =>
        new[] { "Workerman.Net", "Workerman.Net.Tests", "Workerman.Net.Benchmarks", "extensions", "samples", "templates" }
            .SelectMany(folder => Repository.SourcesOf(folder));

    [TestCaseSource(nameof(Files))]
    public void FileIsShortEnoughToRead(string file) =>
        Assert.That(File.ReadLines(file).Count(), Is.LessThanOrEqualTo(MaxLines));

    /// <summary>As .editorconfig asks for. A row of a Markdown table cannot be wrapped.</summary>
    [Test]
    public void NoLineIsWiderThanEditorConfigAsksFor()
    {
        string[] wide = [.. Repository.Texts.SelectMany(file => File.ReadLines(file).Index()
            .Where(line => line.Item.Length > MaxColumns
                && !(file.EndsWith(".md", StringComparison.Ordinal) && IsTableRow(line.Item)))
            .Select(line => $"{Path.GetRelativePath(Repository.Root, file)}:{line.Index + 1}"))];
        Assert.That(File.ReadAllText(Repository.PathOf(".editorconfig")), Does.Contain($"max_line_length = {MaxColumns}\n"));
        Assert.That(wide, Is.Empty);
    }

    /// <summary>On a socket that a loop owns, the first *Async call would register it with the runtime's own engine.</summary>
    [Test]
    public void NoAsyncSocketCallsOutsideThePortableLoop()
    {
        string[] callers = [.. Repository.SourcesOf("Workerman.Net")
            .Where(file => !Path.GetFileName(file).StartsWith("SocketLoop", StringComparison.Ordinal))
            .Where(file => AsyncSocketCall().IsMatch(File.ReadAllText(file)))];
        Assert.That(callers, Is.Empty);
    }

    [Test]
    public void SampleIsTheExampleOfTheGuide()
    {
        string sample = File.ReadAllText(Repository.PathOf("samples", "Sse", "Program.cs"));
        Assert.That(File.ReadAllText(Repository.PathOf("docs", "getting-started.md")).ReplaceLineEndings("\n"),
            Does.Contain(sample.ReplaceLineEndings("\n")));
    }

    /// <summary>It is a front door: what needs more room has a page in docs/.</summary>
    [Test]
    public void ReadmeIsShort() =>
        Assert.That(File.ReadLines(Repository.PathOf("README.md")).Count(), Is.LessThanOrEqualTo(150));

    private static bool IsTableRow(string line) => line.TrimStart().StartsWith('|');

    [GeneratedRegex(@"\.(Receive|Send|Accept|Connect)(From|To)?Async\(")]
    private static partial Regex AsyncSocketCall();
}
