using System.Globalization;
using System.Reflection;
using System.Text;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// All pages of Workerman's manual that have PHP code, which <c>Pages.tsv</c> lists: each has a test that is its C# form
/// (<see cref="ManualPageAttribute"/>), or a reason there why it needs none; docs/from-php-pages.md says which.
/// </summary>
internal sealed class ManualPagesTests
{
    private const string Address = "https://github.com/walkor/workerman-manual/blob/master/resource/doc/en/";

    private static readonly string Table = Repository.PathOf("docs", "from-php-pages.md");

    private static readonly ManualFile[] Pages =
        [.. File.ReadLines(Repository.PathOf("Workerman.Net.Tests", "Manual", "Pages.tsv"))
            .Where(line => !line.StartsWith('#')).Select(line => line.Split('\t'))
            .Select(cells => new ManualFile(cells[0], int.Parse(cells[1], CultureInfo.InvariantCulture),
                cells.ElementAtOrDefault(2)))];

    private static readonly ILookup<string, Port> Ports = FindPorts().ToLookup(port => port.Page);

    [Test]
    public void EachPageHasATestOrAReasonWhyItHasNone()
    {
        Assert.That(Pages, Has.Length.GreaterThan(100), "the list is read");
        Assert.That(Pages.Where(page => page.OutOfScope is null && !Ports.Contains(page.Path)).Select(page => page.Path),
            Is.Empty, "a test of each needs a [ManualPage(…)]");
        Assert.That(Pages.Where(page => page.OutOfScope is not null && Ports.Contains(page.Path)).Select(page => page.Path),
            Is.Empty, "these have a test, and a reason why there is none");
    }

    [Test]
    public void EachTestNamesAPageThatThereIs() =>
        Assert.That(Ports.Select(port => port.Key).Except(Pages.Select(page => page.Path)), Is.Empty);

    [Test]
    public void TableIsMadeOfTheTests()
    {
        string expected = Write();
        if (Environment.GetEnvironmentVariable("WRITE_PAGES") is not null) File.WriteAllText(Table, expected);
        Assert.That(File.ReadAllText(Table).ReplaceLineEndings("\n"), Is.EqualTo(expected),
            "to write it anew: WRITE_PAGES=1 dotnet test Workerman.Net.Tests --filter FullyQualifiedName~ManualPagesTests");
    }

    private static string Write()
    {
        int none = Pages.Count(page => page.OutOfScope is not null);
        int different = Pages.Count(page => DifferencesOf(page).Any());
        int same = Pages.Length - none - different;
        var text = new StringBuilder($"""
            # The manual's pages

            The pages of [Workerman's manual][manual] that have PHP code, and the tests that are their C# form.
            Of {Pages.Length} pages {same} are the same here but for the language, {different} are different on purpose,
            and {none} have nothing to port. What differs in general, and what takes the place of packages, is told in
            [from PHP](from-php.md). This table is made of the tests: where it is no longer what they say, one of them fails, and
            says how to write it anew.

            [manual]: {Address}README.md

            | page | blocks of code | here | tests |
            |---|---|---|---|

            """);
        foreach (ManualFile page in Pages) text.AppendLine(CultureInfo.InvariantCulture, $"| {RowOf(page)} |");
        return text.ToString();
    }

    private static string RowOf(ManualFile page)
    {
        string[] differences = [.. DifferencesOf(page)];
        string verdict = page.OutOfScope is { } reason ? $"nothing to port: {reason}"
            : differences.Length == 0 ? "same" : $"different: {string.Join("; ", differences)}";
        string tests = string.Join(", ",
            Ports[page.Path].Select(port => $"`{port.Test}`").Distinct().Order(StringComparer.Ordinal));
        return $"[{page.Path[..^3]}]({Address}{page.Path}) | {page.Blocks} | {verdict} | {tests}";
    }

    private static IEnumerable<string> DifferencesOf(ManualFile page) =>
        Ports[page.Path].Select(port => port.Different).OfType<string>().Distinct().Order(StringComparer.Ordinal);

    private static IEnumerable<Port> FindPorts() =>
        from type in typeof(ManualPagesTests).Assembly.GetTypes()
        from member in type.GetMethods().Where(method => method.DeclaringType == type).Prepend<MemberInfo>(type)
        from page in member.GetCustomAttributes<ManualPageAttribute>()
        select new Port(page.Page, member is Type ? type.Name : $"{type.Name}.{member.Name}", page.Different);

    /// <summary>A page with PHP code.</summary>
    private sealed record ManualFile(string Path, int Blocks, string? OutOfScope);

    /// <summary>A test, or a fixture, that is a page's C# form.</summary>
    private sealed record Port(string Page, string Test, string? Different);
}
