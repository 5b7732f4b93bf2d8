namespace Workerman.Tests.Support;

/// <summary>Where the project's files are.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>Debug or Release, whichever the tests were built as.</summary>
    public static string Configuration { get; } = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    /// <summary>The program of a project, as built along with the tests.</summary>
    public static string ProgramOf(string folder, string name) => PathOf(folder, "bin", Configuration, "net10.0", name + ".dll");

    /// <summary>All its C# and Markdown.</summary>
    public static IEnumerable<string> Texts => SourcesOf().Concat(Pages);

    /// <summary>The C# files of a folder, without what the build makes.</summary>
    public static IEnumerable<string> SourcesOf(params string[] parts) => FilesOf(PathOf(parts), "*.cs");

    /// <summary>All its Markdown.</summary>
    public static IEnumerable<string> Pages => FilesOf(Root, "*.md");

    private static IEnumerable<string> FilesOf(string folder, string pattern) =>
        Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories)
            .Where(file => !IsMade(Path.GetRelativePath(Root, file)));

    /// <summary>Whether a file is none of the repository's: the build, npm or docfx has put it there, or it is Git's.</summary>
    private static bool IsMade(string file) =>
        file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "node_modules" or ".git" or "_site");

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Workerman.Net.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"no Workerman.Net.sln above {AppContext.BaseDirectory}");
    }
}
