using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>
/// The C# blocks of the README, of docs/ and of the packages' READMEs: each is a whole program that compiles as it stands,
/// without a warning, in a fresh console project that references the package. Compiled in this process; <c>PackageTests</c> has
/// the package itself.
/// </summary>
[Parallelizable(ParallelScope.All)]
internal sealed partial class DocumentationTests
{
    private static readonly CSharpCompilationOptions Options = new(
        OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable, allowUnsafe: false);

    internal static readonly MetadataReference[] References = [.. FindReferences(IsOfTheLibrary)];

    /// <summary>In a program that references the package of an extension.</summary>
    private static readonly MetadataReference[] ExtendedReferences = [.. FindReferences(name =>
        name.StartsWith("Workerman.Net", StringComparison.Ordinal) || name == "StackExchange.Redis"
        || name.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal))];

    /// <summary>The implicit usings of a console project, and those that the package adds.</summary>
    private static readonly SyntaxTree Usings = CSharpSyntaxTree.ParseText(string.Concat(
    [
        .. new[]
        {
            "System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Net.Http", "System.Threading",
            "System.Threading.Tasks",
        }.Select(name => $"global using {name};\n"),
        .. XDocument.Load(Repository.PathOf("Workerman.Net", "buildTransitive", "Workerman.Net.props")).Descendants("Using")
            .Select(item => $"global using {item.Attribute("Alias")!.Value} = {item.Attribute("Include")!.Value};\n"),
    ]));

    private static readonly Lazy<CSharpGeneratorDriver> Json = new(MakeJson);

    private static readonly string Extensions = Repository.PathOf("extensions");

    private static IEnumerable<TestCaseData> Blocks => AllBlocks.Select(block =>
        new TestCaseData(block.Program, block.Line, block.File.StartsWith(Extensions, StringComparison.Ordinal))
            .SetArgDisplayNames($"{Path.GetRelativePath(Repository.Root, block.File)} line {block.Line}"));

    /// <summary>Each block, with the number of lines before it.</summary>
    internal static IEnumerable<(string File, int Line, string Program)> AllBlocks =>
        from file in Guides()
        let text = File.ReadAllText(file).ReplaceLineEndings("\n")
        from block in CSharpBlock().Matches(text)
        select (file, text.AsSpan(0, block.Groups[1].Index).Count('\n'), block.Groups[1].Value);

    [TestCaseSource(nameof(Blocks))]
    public void BlockCompilesWithoutAWarning(string program, int line, bool isExtended) =>
        Assert.That(Complaints(program, line, isExtended ? ExtendedReferences : References), Is.Empty);

    /// <summary>It compiles, and throws when the program starts: <c>OnMessageAsync</c> is meant.</summary>
    [Test]
    public void NoCallbackThatIsNotAwaitedIsAsync() =>
        Assert.That(AllBlocks.Where(block => block.Program.Contains("OnMessage = async", StringComparison.Ordinal))
            .Select(block => $"{block.File}:{block.Line}"), Is.Empty);

    [TestCase("using Workerman;\nWorker.RunEverything();", "(3,8): error CS0117")]
    [TestCase("using Workerman;\nTimer.Add(1, () => { })", "error CS1002")]
    [TestCase("string none = null;\nConsole.WriteLine(none);", "warning CS8600")]
    public void WhatDoesNotCompileIsFoundWhereItStands(string program, string complaint) =>
        Assert.That(Complaints(program, 1, References), Has.Some.Contains(complaint));

    internal static string[] Complaints(string program, int line, MetadataReference[] references) =>
        [.. Compile(program, line, references).Emit(Stream.Null).Diagnostics
            .Where(complaint => complaint.Severity >= DiagnosticSeverity.Warning).Select(complaint => complaint.ToString())];

    internal static Compilation Compile(string program, int line, MetadataReference[] references)
    {
        // Behind as many empty lines as there are lines before it, so that a complaint has the line of the document.
        SyntaxTree tree = CSharpSyntaxTree.ParseText(new string('\n', line) + program);
        Compilation compilation = CSharpCompilation.Create("Block", [Usings, tree], references, Options);
        if (program.Contains("[JsonSerializable(", StringComparison.Ordinal))
            Json.Value.RunGeneratorsAndUpdateCompilation(compilation, out compilation, out _);
        return compilation;
    }

    /// <summary>The source generator of JSON, which comes with the SDK.</summary>
    private static CSharpGeneratorDriver MakeJson()
    {
        string runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string dotnet = Path.GetFullPath(Path.Combine(runtime, "..", "..", ".."));
        string pack = Directory.GetDirectories(Path.Combine(dotnet, "packs", "Microsoft.NETCore.App.Ref")).Order().Last();
        Assembly assembly = Assembly.LoadFrom(
            Path.Combine(pack, "analyzers", "dotnet", "cs", "System.Text.Json.SourceGeneration.dll"));
        var generator = (IIncrementalGenerator)Activator.CreateInstance(
            assembly.GetTypes().Single(type => type.IsAssignableTo(typeof(IIncrementalGenerator)) && !type.IsAbstract))!;
        return CSharpGeneratorDriver.Create(generator);
    }

    /// <summary>The runtime without ASP.NET, and what else a program references.</summary>
    private static IEnumerable<MetadataReference> FindReferences(Func<string, bool> isReferenced)
    {
        string runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        return ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(file => Path.GetDirectoryName(file) == runtime || isReferenced(Path.GetFileNameWithoutExtension(file)))
            .Select(file => MetadataReference.CreateFromFile(file));
    }

    /// <summary>The library, and what it depends on.</summary>
    private static bool IsOfTheLibrary(string name) =>
        name is "Workerman.Net" or "Microsoft.Extensions.Caching.Abstractions" or "Microsoft.Extensions.Logging.Abstractions";

    private static IEnumerable<string> Guides() => Repository.Pages.Where(page =>
        Path.GetRelativePath(Repository.Root, page).Split(Path.DirectorySeparatorChar)[0]
            is "README.md" or "docs" or "Workerman.Net" or "extensions");

    [GeneratedRegex("^```csharp\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CSharpBlock();
}
