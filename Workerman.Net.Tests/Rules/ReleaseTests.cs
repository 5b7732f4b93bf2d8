using System.Diagnostics;
using System.Text.RegularExpressions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Rules;

/// <summary>
/// What prepares a release, on a copy of what it changes: the changelog and the record of the public API. And the workflow, as
/// far as its text shows that it fits to that.
/// </summary>
[Platform("Linux")]
internal sealed partial class ReleaseTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void Copy()
    {
        _folder = new TemporaryFolder();
        foreach (string file in (string[])[".ci/release", "CHANGELOG.md",
            .. Records("Unshipped"), .. Records("Unshipped").Select(file => file.Replace("Unshipped", "Shipped"))])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder.PathOf(file))!);
            File.Copy(Repository.PathOf(file), _folder.PathOf(file));
        }
    }

    [TearDown]
    public void Delete() => _folder.Dispose();

    [Test]
    public void ChangelogsSectionGetsItsVersionAndDate()
    {
        string before = Read("CHANGELOG.md");
        Succeed("prepare", "7.0.0", "2031-02-03");
        Assert.That(Read("CHANGELOG.md"),
            Is.EqualTo(before.Replace("## [Unreleased]\n", "## [Unreleased]\n\n## [7.0.0] - 2031-02-03\n")));
        string notes = Succeed("notes", "7.0.0");
        Assert.That(notes, Does.StartWith("### ").And.Not.Contain("\n## "));
        Assert.That(before.Replace("\r", ""), Does.Contain("## [Unreleased]\n\n" + notes.TrimEnd()));
    }

    [Test]
    public void PublicApiIsShipped()
    {
        string file = Records("Unshipped").First(), shipped = file.Replace("Unshipped", "Shipped");
        string[] added = [.. Lines(file).Skip(1)], known = [.. Lines(shipped).Skip(1)];
        Succeed("prepare", "7.0.0");
        Assert.That(Records("Unshipped").SelectMany(Lines), Has.All.EqualTo("#nullable enable"));
        Assert.That(Lines(shipped), Is.EqualTo((string[])["#nullable enable",
            .. known.Concat(added).Order(StringComparer.Ordinal)]));

        // The next one takes a member away, and has another.
        string gone = Lines(shipped)[1];
        File.AppendAllText(_folder.PathOf(file), $"*REMOVED*{gone}\nWorkerman.New\n");
        Unrelease("- A new thing.");
        Succeed("prepare", "7.1.0");
        Assert.That(Lines(shipped), Has.None.EqualTo(gone).And.One.EqualTo("Workerman.New").And.None.Contains("*REMOVED*"));
        Assert.That(Lines(file), Is.EqualTo(new[] { "#nullable enable" }));
    }

    [Test]
    public void NextOneIsComparedWithTheLastThatItHasToBeCompatibleWith()
    {
        Succeed("prepare", "7.0.0-rc.1");
        Unrelease("- Mended.");
        Succeed("prepare", "7.0.0");
        Unrelease("- More.");
        Succeed("prepare", "7.1.0");
        Unrelease("- Other.");
        Succeed("prepare", "8.0.0");
        Assert.That(((string[])["7.0.0", "7.1.0", "8.0.0"]).Select(version => Succeed("baseline", version)),
            Is.EqualTo(new[] { "7.0.0-rc.1\n", "7.0.0\n", "" }), "8.0.0 may break what 7.x promised");
        Assert.That(Succeed("notes", "7.1.0"), Is.EqualTo("- More.\n"));
    }

    [TestCase("prepare 7.0", "no version")]
    [TestCase("prepare v7.0.0", "no version")]
    [TestCase("prepare 7.0.0 today", "no date")]
    [TestCase("notes 7.0.0", "no section")]
    [TestCase("publish 7.0.0", "prepare VERSION")]
    public void WhatIsWrongIsSaidAndNothingIsChanged(string arguments, string said)
    {
        string before = Read("CHANGELOG.md");
        (int code, _, string error) = Run(arguments.Split(' '));
        Assert.That(code, Is.EqualTo(1));
        Assert.That(error, Does.Contain(said));
        Assert.That(Read("CHANGELOG.md"), Is.EqualTo(before));
    }

    [Test]
    public void VersionIsPreparedOnceAndNotWithoutNews()
    {
        Succeed("prepare", "7.0.0");
        Assert.That(Run("prepare", "7.0.0").Error, Does.Contain("has 7.0.0 already"));
        Assert.That(Run("prepare", "7.0.1").Error, Does.Contain("nothing that is unreleased"));
    }

    /// <summary>The packages, the script's commands and the secrets that the workflow names, are those that there are.</summary>
    [Test]
    public void WorkflowPublishesEachPackageByTheScript()
    {
        string workflow = File.ReadAllText(Repository.PathOf(".github", "workflows", "release.yml"));
        string[] packages = [.. Directory.EnumerateFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
            .Select(File.ReadAllText).Where(text => text.Contains("<IsPackable>true</IsPackable>", StringComparison.Ordinal))
            .Select(text => PackageId().Match(text).Groups[1].Value)];
        Assert.That(PackageList().Match(workflow).Groups[1].Value.Split(' '), Is.EquivalentTo(packages));
        Assert.That(ScriptCommand().Matches(workflow).Select(match => match.Groups[1].Value),
            Is.SupersetOf(new[] { "notes", "baseline" }));
        Assert.That(workflow, Does.Contain("fetch-depth: 0").And.Contain("bash .ci/run").And.Contain("tags: ['v*']"));
    }

    /// <summary>The records of the packages' public API, as paths within the repository.</summary>
    private static IEnumerable<string> Records(string kind) =>
        Directory.EnumerateFiles(Repository.Root, $"PublicAPI.{kind}.txt", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Repository.Root, file)).Order(StringComparer.Ordinal);

    private void Unrelease(string text) => File.WriteAllText(_folder.PathOf("CHANGELOG.md"),
        Read("CHANGELOG.md").Replace("## [Unreleased]\n", $"## [Unreleased]\n\n{text}\n"));

    private string Read(string file) => File.ReadAllText(_folder.PathOf(file));

    private string[] Lines(string file) => File.ReadAllLines(_folder.PathOf(file));

    private string Succeed(params string[] arguments)
    {
        (int code, string output, string error) = Run(arguments);
        Assert.That(code, Is.Zero, error);
        return output;
    }

    private (int Code, string Output, string Error) Run(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("bash", [_folder.PathOf(".ci/release"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true
        })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    [GeneratedRegex("<PackageId>(.+)</PackageId>")]
    private static partial Regex PackageId();

    [GeneratedRegex("for name in (.+); do")]
    private static partial Regex PackageList();

    [GeneratedRegex(@"\.ci/release (\w+)")]
    private static partial Regex ScriptCommand();
}
