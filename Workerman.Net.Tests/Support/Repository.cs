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

    /// <summary>The C# files of a folder, without what the build makes.</summary>
    public static IEnumerable<string> SourcesOf(params string[] parts) =>
        Directory.EnumerateFiles(PathOf(parts), "*.cs", SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(Root, file).Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"));

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Workerman.Net.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"no Workerman.Net.sln above {AppContext.BaseDirectory}");
    }
}
