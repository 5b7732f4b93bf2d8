using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Workerman.Tests.Support;

namespace Workerman.Tests.Rules;

/// <summary>
/// What the comment at the top of a type tells: what the type is, in more words than its name has, and, where it has state, the
/// thread or the owner of that. Read off the sources; one thread.
/// </summary>
internal sealed partial class CommentTests
{
    /// <summary>In all its files, because one part's comment may speak for the others' state.</summary>
    private static readonly ILookup<string, TypeDeclarationSyntax> Types =
        Repository.SourcesOf("Workerman.Net").Concat(Repository.SourcesOf("extensions"))
            .SelectMany(file => TypesOf(File.ReadAllText(file), file)).ToLookup(NameOf);

    [Test]
    public void EachPartOfATypeSaysMoreThanItsName()
    {
        string[] silent = [.. Types.SelectMany(parts => parts).Where(part => !SaysMoreThanItsName(part)).Select(Place)];
        Assert.That(silent, Is.Empty);
    }

    [Test]
    public void EachTypeWithStateNamesItsThreadOrItsOwner()
    {
        string[] silent =
            [.. Types.Where(parts => parts.Any(HasState) && !parts.Any(NamesThreadOrOwner))
                .Select(parts => Place(parts.First()))];
        Assert.That(silent, Is.Empty, "words such as thread, loop, lock, owned, shared, immutable");
    }

    [TestCase("class LineReader;", false)]
    [TestCase("/// <summary>The line reader.</summary>\nclass LineReader;", false)]
    [TestCase("/// <summary>Reads a line.</summary>\nclass LineReader;", false)]
    [TestCase("/// <summary>Where a line ends, and how long it may be.</summary>\nclass LineReader;", true)]
    public void ANameIsNoDescription(string source, bool says) =>
        Assert.That(SaysMoreThanItsName(TypesOf(source).Single()), Is.EqualTo(says));

    [TestCase("class A { const int B = 1; static int s; readonly int _c; int D { get; } int E { get => 1; set { } } }", false)]
    [TestCase("class A(int b) { int C() => b; }", false)]
    [TestCase("class A { int _b; }", true)]
    [TestCase("class A { int B { get; private set; } }", true)]
    [TestCase("class A { int B { get; set => field = value + 1; } }", true)]
    [TestCase("interface A { int B { get; set; } }", false)]
    public void StateIsWhatChanges(string source, bool changes) =>
        Assert.That(HasState(TypesOf(source).Single()), Is.EqualTo(changes));

    [TestCase("/// <summary>Counts. Belongs to the loop's thread.</summary>\nclass A;", true)]
    [TestCase("/// <summary>Counts what is threadbare and unlocked.</summary>\nclass A;", false)]
    public void AThreadOrAnOwnerIsAWord(string source, bool names) =>
        Assert.That(NamesThreadOrOwner(TypesOf(source).Single()), Is.EqualTo(names));

    private static IEnumerable<TypeDeclarationSyntax> TypesOf(string source, string path = "") =>
        CSharpSyntaxTree.ParseText(source, path: path).GetCompilationUnitRoot().DescendantNodes()
            .OfType<TypeDeclarationSyntax>().Where(type => type.Parent is not TypeDeclarationSyntax);

    private static string NameOf(TypeDeclarationSyntax type) =>
        $"{type.Identifier.Text}`{type.TypeParameterList?.Parameters.Count ?? 0}";

    private static string Place(TypeDeclarationSyntax type) =>
        $"{Path.GetRelativePath(Repository.Root, type.SyntaxTree.FilePath)}: {type.Identifier.Text}";

    private static bool SaysMoreThanItsName(TypeDeclarationSyntax type)
    {
        string[] name = [.. NameWord().Matches(type.Identifier.Text).Select(word => word.Value)];
        return Word().Matches(CommentOf(type)).Count(word => !name.Contains(word.Value, StringComparer.OrdinalIgnoreCase)) >= 4;
    }

    private static bool NamesThreadOrOwner(TypeDeclarationSyntax type) => ThreadOrOwner().IsMatch(CommentOf(type));

    private static string CommentOf(TypeDeclarationSyntax type) => Tag().Replace(type.GetLeadingTrivia().ToFullString(), " ");

    /// <summary>Fields and properties of an object that may change after it was made.</summary>
    private static bool HasState(TypeDeclarationSyntax type) =>
        type is not InterfaceDeclarationSyntax && type.Members.Any(member =>
        member switch
        {
            FieldDeclarationSyntax field => !field.Modifiers.Any(modifier => modifier.Kind()
                is SyntaxKind.ReadOnlyKeyword or SyntaxKind.ConstKeyword or SyntaxKind.StaticKeyword),
            PropertyDeclarationSyntax { AccessorList: { } list } property =>
                !property.Modifiers.Any(modifier => modifier.Kind() is SyntaxKind.AbstractKeyword or SyntaxKind.StaticKeyword)
                && list.Accessors.Any(accessor => accessor is { Body: null, ExpressionBody: null })
                && list.Accessors.Any(accessor => accessor.IsKind(SyntaxKind.SetAccessorDeclaration)),
            _ => false,
        });

    [GeneratedRegex("[A-Z][a-z0-9]*")]
    private static partial Regex NameWord();

    [GeneratedRegex(@"[\w']+")]
    private static partial Regex Word();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tag();

    [GeneratedRegex(@"\b(threads?|loops?|locks?|owners?|owns|owned|belongs?|shared?|immutable|pure)\b", RegexOptions.IgnoreCase)]
    private static partial Regex ThreadOrOwner();
}
