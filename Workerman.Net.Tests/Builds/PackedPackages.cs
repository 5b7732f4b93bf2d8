using System.Diagnostics;
using System.Runtime.CompilerServices;
using Workerman.Tests.Support;

namespace Workerman.Tests.Builds;

/// <summary>
/// The packages as their users get them, for all fixtures here: packed once, of what this very build has made, into a folder that
/// is a NuGet source, and used by fresh projects, which are made by the template package among others, and built at once.
/// </summary>
[SetUpFixture]
// NUnit runs one of these alone, unless it says this; packing takes longer than most fixtures.
[Parallelizable(ParallelScope.Self | ParallelScope.Fixtures)]
internal sealed class PackedPackages
{
    /// <summary>Each template: the folder of its sources, its short name, which is that of its project here, too.</summary>
    public static readonly (string Folder, string Name)[] Templates =
        [("http", "workerman"), ("sse", "workerman-sse"), ("ws", "workerman-ws"), ("service", "workerman-service")];

    private static readonly string[] Projects =
    [
        "Workerman.Net", "extensions/Workerman.Net.Hosting", "extensions/Workerman.Net.Redis",
        "templates/Workerman.Net.Templates",
    ];

    private static string _folder = null!;
    private static (int Code, string Output) _built;

    /// <summary>A version of its own: NuGet never looks again at one that it has seen.</summary>
    public static string Version { get; } = $"0.0.0-test.{DateTime.UtcNow.Ticks}";

    public static string PathOf(params string[] parts) => Path.Combine([_folder, .. parts]);

    /// <summary>The program of a project; what the build has said, if there is none.</summary>
    public static string ProgramOf(string name)
    {
        string program = PathOf(name, "bin", "Release", "net10.0", name + ".dll");
        Assert.That(File.Exists(program), _built.Output);
        return program;
    }

    /// <summary>A command of the SDK's in a folder here, which succeeds.</summary>
    public static void Dotnet(string folder, params string[] arguments)
    {
        (int code, string output) = Run(folder, arguments);
        Assert.That(code, Is.Zero, $"dotnet {string.Join(' ', arguments)}\n{output}");
    }

    /// <summary>One that builds, without a server that lives on, and on one core: the tests beside it need the other.</summary>
    public static (int Code, string Output) Build(string folder, params string[] arguments) =>
        Run(folder, [.. arguments, "-m:1", "-p:UseSharedCompilation=false", "-p:RunAnalyzers=false"]);

    [OneTimeSetUp]
    public void PackAndUse()
    {
        _folder = Directory.CreateTempSubdirectory("workerman-package-").FullName;
        Pack();
        File.WriteAllText(PathOf("Directory.Build.props"), $"""
            <Project>
              <PropertyGroup>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <RestoreAdditionalProjectSources>{PathOf("feed")}</RestoreAdditionalProjectSources>
              </PropertyGroup>
            </Project>
            """);
        MakeProject("app", "", File.ReadAllText(Repository.PathOf("samples", "Sse", "Program.cs")));
        // With the alias this would be Workerman's, which is static and no variable's type; that it is there otherwise the
        // example shows.
        MakeProject("without", "<WorkermanTimerAlias>false</WorkermanTimerAlias>",
            "Timer? timer = null; Console.WriteLine(timer is null);");
        string guide = File.ReadAllText(Repository.PathOf("extensions", "Workerman.Net.Hosting", "README.md"));
        MakeProject("hosted", "", guide.ReplaceLineEndings("\n").Split("```csharp\n")[1].Split("```\n")[0],
            ("Workerman.Net.Hosting", Version), ("Microsoft.Extensions.Hosting", "10.0.15"));
        MakeFromTemplates();
        WriteSolution(PathOf("apps.slnx"), ["app/app", "without/without", "hosted/hosted",
            .. Templates.Select(template => $"{template.Name}/{template.Name}")]);
        _built = Build("", "build", PathOf("apps.slnx"), "-c", "Release");
    }

    [OneTimeTearDown]
    public void CleanUp()
    {
        Directory.Delete(_folder, recursive: true);
        string cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        foreach (string package in new[] { "workerman.net", "workerman.net.hosting", "workerman.net.redis" })
        {
            string cached = Path.Combine(cache, package, Version);
            if (Directory.Exists(cached)) Directory.Delete(cached, recursive: true);
        }
    }

    /// <summary>A copy of what this build has made, packed without being compiled again.</summary>
    private static void Pack()
    {
        foreach (string file in SourceFiles())
        {
            string copy = PathOf("source", Path.GetRelativePath(Repository.Root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        string solution = PathOf("source", "packages.slnx");
        WriteSolution(solution, Projects.Select(ProjectOf));
        Succeed(Build("source", "restore", solution, $"-p:Version={Version}"));
        Succeed(Build("source", "pack", solution, "--no-build", "-c", Repository.Configuration, "-o", PathOf("feed"),
            $"-p:Version={Version}", "-p:ContinuousIntegrationBuild=false"));
    }

    /// <summary>As users make them, but with templates that are installed here only.</summary>
    private static void MakeFromTemplates()
    {
        string[] hive = ["--debug:custom-hive", PathOf("hive")];
        Dotnet("", ["new", "install", PathOf("feed", $"Workerman.Net.Templates.{Version}.nupkg"), .. hive]);
        foreach ((_, string name) in Templates) Dotnet("", ["new", name, "-o", PathOf(name), "--port", "0", .. hive]);
    }

    /// <summary>A project's path without its ending: a package's folder has its name, but the templates'.</summary>
    private static string ProjectOf(string path) =>
        path.StartsWith("templates/", StringComparison.Ordinal) ? path : $"{path}/{Path.GetFileName(path)}";

    private static IEnumerable<string> SourceFiles() =>
    [
        .. new[]
        {
            "Directory.Build.props", "Directory.Build.targets", ".editorconfig", "global.json", "LICENSE", "CHANGELOG.md",
            "docs/images/icon.png", "Workerman.Net/README.md", "Workerman.Net/buildTransitive/Workerman.Net.props",
            "Workerman.Net/buildTransitive/Workerman.Net.mibc",
            "extensions/Workerman.Net.Hosting/README.md", "extensions/Workerman.Net.Redis/README.md", "templates/README.md",
        }.Select(file => Repository.PathOf(file.Split('/'))),
        .. Directory.EnumerateFiles(Repository.PathOf("templates", "content"), "*", SearchOption.AllDirectories),
        .. Projects.SelectMany(path =>
        {
            string project = Repository.PathOf([.. ProjectOf(path).Split('/')]), name = Path.GetFileName(path);
            string output = Path.Combine(Path.GetDirectoryName(project)!, "bin", Repository.Configuration, "net10.0", name);
            return new[] { project + ".csproj", output + ".dll", output + ".pdb", output + ".xml" };
        }).Where(File.Exists),
    ];

    private static void MakeProject(string name, string property, string program, params (string Id, string Version)[] packages)
    {
        if (packages.Length == 0) packages = [("Workerman.Net", Version)];
        Directory.CreateDirectory(PathOf(name));
        File.WriteAllText(PathOf(name, "Program.cs"), program);
        File.WriteAllText(PathOf(name, name + ".csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                {property}
              </PropertyGroup>
              <ItemGroup>
                {string.Join('\n', packages.Select(package =>
                    $"<PackageReference Include='{package.Id}' Version='{package.Version}' />"))}
              </ItemGroup>
            </Project>
            """);
    }

    /// <summary>Projects that are built at once, by one process.</summary>
    private static void WriteSolution(string path, IEnumerable<string> projects) => File.WriteAllText(path,
        $"<Solution>{string.Concat(projects.Select(project => $"<Project Path='{project}.csproj'/>"))}</Solution>");

    private static void Succeed((int Code, string Output) run, [CallerArgumentExpression(nameof(run))] string command = "") =>
        Assert.That(run.Code, Is.Zero, $"{command}\n{run.Output}");

    private static (int Code, string Output) Run(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = PathOf(folder),
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        // What the test runner sets for itself is not meant for another build.
        foreach (string name in start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase))
            .ToList()) start.Environment.Remove(name);
        // No server that lives on, and no file outside of the folder.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        // A compiler that runs once does not earn back what it measures for its own next compilation.
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["TMPDIR"] = Directory.CreateDirectory(PathOf("tmp")).FullName;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, $"{output}\n{error.Result}");
    }
}
