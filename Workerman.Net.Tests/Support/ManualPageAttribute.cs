namespace Workerman.Tests.Support;

/// <summary>
/// On a test, or on a fixture for all of its tests: it is the C# form of what a page of Workerman's manual shows.
/// docs/from-php-pages.md is made of these.
/// </summary>
/// <param name="page">Its path below the manual's English folder, such as <c>worker/count.md</c>.</param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method, AllowMultiple = true)]
internal sealed class ManualPageAttribute(string page) : Attribute
{
    public string Page { get; } = page;

    /// <summary>What one writes, or gets, here in another way than on the page, and why; null where it is the same.</summary>
    public string? Different { get; init; }
}
