using System.Text;
using System.Text.RegularExpressions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Rules;

/// <summary>
/// The links of every Markdown file of the repository that lead to another of its files, or to a heading: what they lead to is
/// there. Addresses elsewhere are not asked.
/// </summary>
internal sealed partial class LinkTests
{
    [Test]
    public void EveryLinkWithinTheRepositoryLeadsSomewhere()
    {
        string[] broken = [.. Repository.Pages.SelectMany(file => Targets(File.ReadAllText(file))
            .Where(target => !IsThere(file, target))
            .Select(target => $"{Path.GetRelativePath(Repository.Root, file)}: {target}"))];
        Assert.That(broken, Is.Empty);
    }

    [TestCase("[a](nothing.md)", "nothing.md")]
    [TestCase("[a](README.md#nothing-of-this-name)", "README.md#nothing-of-this-name")]
    [TestCase("[a][b]\n\n[b]: docs/nothing.md#c", "docs/nothing.md#c")]
    [TestCase("![picture](docs/images/nothing.png)", "docs/images/nothing.png")]
    [TestCase("[a](CONTRIBUTING.md), `[b](nothing.md)`\n```\n[c](nothing.md)\n```\n[d](https://example.com/x)", null)]
    public void WhatLeadsNowhereIsFound(string text, string? target) => Assert.That(
        Targets(text).Where(each => !IsThere(Repository.PathOf("README.md"), each)),
        Is.EqualTo(target is null ? [] : new[] { target }));

    private static IEnumerable<string> Targets(string text) => Link().Matches(Prose(text))
        .Select(link => link.Groups[1].Success ? link.Groups[1].Value : link.Groups[2].Value)
        .Where(target => !Scheme().IsMatch(target));

    private static bool IsThere(string file, string target)
    {
        string[] parts = target.Split('#', 2);
        string path = parts[0].Length == 0 ? file
            : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, Uri.UnescapeDataString(parts[0])));
        if (parts.Length == 1) return Path.Exists(path);
        return File.Exists(path) && Headings(File.ReadAllText(path)).Contains(parts[1]);
    }

    /// <summary>The anchors of a page, as GitHub and docfx make them of its headings.</summary>
    private static IEnumerable<string> Headings(string text) => Heading().Matches(Prose(text, keepsSpans: true)).Select(heading =>
    {
        var anchor = new StringBuilder();
        foreach (char letter in heading.Groups[1].Value.Trim().ToLowerInvariant())
        {
            if (letter == ' ') anchor.Append('-');
            else if (char.IsLetterOrDigit(letter) || letter is '-' or '_') anchor.Append(letter);
        }
        return anchor.ToString();
    });

    /// <summary>A page without its blocks of code, and its code spans.</summary>
    private static string Prose(string text, bool keepsSpans = false)
    {
        string prose = Block().Replace(text.ReplaceLineEndings("\n"), "");
        return keepsSpans ? prose : Span().Replace(prose, "");
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", RegexOptions.Multiline)]
    private static partial Regex Link();

    [GeneratedRegex(@"^(\w+:|//)")]
    private static partial Regex Scheme();

    [GeneratedRegex(@"^#{1,6} (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("^```.*?^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex("`[^`]+`")]
    private static partial Regex Span();
}
