using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using Workerman.Tests.Support;

namespace Workerman.Tests.Builds;

/// <summary>
/// The package as a user meets it: packed, referenced by a fresh console project from a local folder, the example compiled word
/// for word and talked to.
/// </summary>
internal sealed class PackageTests
{
    private static readonly string[] Packages =
        ["Workerman.Net", "extensions/Workerman.Net.Hosting", "extensions/Workerman.Net.Redis"];

    private string _folder = null!;
    private string _version = null!;
    private (int Code, string Output) _built;

    [OneTimeSetUp]
    public void Pack()
    {
        _folder = Directory.CreateTempSubdirectory("workerman-package-").FullName;
        // A version of its own: NuGet never looks again at one that it has seen.
        _version = $"0.0.0-test.{DateTime.UtcNow.Ticks}";
        // A copy of what this very build has made, packed without being compiled again.
        foreach (string file in SourceFiles())
        {
            string copy = PathOf("source", Path.GetRelativePath(Repository.Root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        WriteSolution(PathOf("source", "packages.slnx"), Packages);
        string solution = PathOf("source", "packages.slnx");
        Dotnet("restore", solution, $"-p:Version={_version}");
        Dotnet("pack", solution, "--no-build", "-c", Repository.Configuration, "-o", PathOf("feed"), $"-p:Version={_version}",
            "-p:ContinuousIntegrationBuild=false");
        MakeProject("app", "", File.ReadAllText(Repository.PathOf("samples", "Sse", "Program.cs")));
        // With the alias this would be Workerman's, which is static and no variable's type; that it is there otherwise the
        // example shows.
        MakeProject("without", "<WorkermanTimerAlias>false</WorkermanTimerAlias>",
            "Timer? timer = null; Console.WriteLine(timer is null);");
        string guide = File.ReadAllText(Repository.PathOf("extensions", "Workerman.Net.Hosting", "README.md"));
        MakeProject("hosted", "", guide.ReplaceLineEndings("\n").Split("```csharp\n")[1].Split("```\n")[0],
            ("Workerman.Net.Hosting", _version), ("Microsoft.Extensions.Hosting", "10.0.15"));
        WriteSolution(PathOf("apps.slnx"), "app", "without", "hosted");
        _built = Run("build", PathOf("apps.slnx"), "-c", "Release");
    }

    [OneTimeTearDown]
    public void CleanUp()
    {
        Directory.Delete(_folder, recursive: true);
        string cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        foreach (string package in new[] { "workerman.net", "workerman.net.hosting", "workerman.net.redis" })
        {
            string cached = Path.Combine(cache, package, _version);
            if (Directory.Exists(cached)) Directory.Delete(cached, recursive: true);
        }
    }

    [TestCase("Workerman.Net", 2, "buildTransitive/Workerman.Net.props", Description = "abstractions of logging and of caches")]
    [TestCase("Workerman.Net.Hosting", 4, "lib/net10.0/Workerman.Net.Hosting.xml",
        Description = "the library, and of .NET's extensions hosting, health checks and the binding of options")]
    [TestCase("Workerman.Net.Redis", 3, "lib/net10.0/Workerman.Net.Redis.xml",
        Description = "the library, the client of Redis, and what that needs in a newer version")]
    public void HoldsWhatAPackageShould(string id, int dependencies, string more)
    {
        using ZipArchive package = ZipFile.OpenRead(PathOf("feed", $"{id}.{_version}.nupkg"));
        Assert.That(package.Entries.Select(entry => entry.FullName), Is.SupersetOf(new[]
        {
            $"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml", "README.md", "LICENSE", "CHANGELOG.md", "icon.png", more,
        }.Distinct()));
        using var nuspec = new StreamReader(package.Entries.Single(entry => entry.Name == $"{id}.nuspec").Open());
        string text = nuspec.ReadToEnd();
        Assert.That(text, Does.Contain("<license type=\"expression\">MIT</license>").And.Contain("<readme>README.md</readme>")
            .And.Contain("<tags>workerman ").And.Contain("<icon>icon.png</icon>"));
        Assert.That(text, Does.Match(@"<releaseNotes>\s*### \w+"), "the changelog's section");
        using var readme = new StreamReader(package.GetEntry("README.md")!.Open());
        Assert.That(readme.ReadToEnd(), Does.Not.Match(@"\]\((?!https?:)").And.Not.Match(@"(?m)^\[[^\]]+\]: (?!https?:)"),
            "nuget.org has no folder that a relative link could lead into");
        Assert.That(text.Split("<dependency ").Length - 1, Is.EqualTo(dependencies));
        using ZipArchive symbols = ZipFile.OpenRead(PathOf("feed", $"{id}.{_version}.snupkg"));
        Assert.That(symbols.Entries.Select(entry => entry.FullName), Does.Contain($"lib/net10.0/{id}.pdb"));
    }

    [Test]
    public void ExampleCompilesWordForWordAndRuns()
    {
        using (var probe = new TcpListener(IPAddress.Any, 8080))
        {
            // The example says 8080, word for word.
            Assert.That(probe.Start, Throws.Nothing, "port 8080 is in use; this test needs it");
        }
        using ServerProcess server = ServerProcess.Run("dotnet", Built("app"))
            .WaitForStart();
        var endPoint = new IPEndPoint(IPAddress.Loopback, 8080);
        using (var client = new RawClient(endPoint))
        {
            Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("ok"));
        }
        using var stream = new RawClient(endPoint);
        stream.Send("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n").ReadUntil("\r\n\r\n");
        Assert.That(stream.ReadUntil("\n\n"), Is.EqualTo("event: message\nid: 1\ndata: hello\n\n"));
        if (OperatingSystem.IsWindows()) return;
        server.Signal(2);
        Assert.That(server.WaitForExit(), Is.Zero);
        Assert.That(stream.IsAtEnd());
    }

    [Test]
    public void TimerAliasCanBeSwitchedOff() => Assert.That(Built("without"), Does.Exist);

    [Test]
    public void HostingCompilesWordForWordWithItsPackageAlone() => Assert.That(Built("hosted"), Does.Exist);

    /// <summary>The program of a project; what the build has said, if there is none.</summary>
    private string Built(string name)
    {
        string program = PathOf(name, "bin", "Release", "net10.0", name + ".dll");
        Assert.That(File.Exists(program), _built.Output);
        return program;
    }

    private static IEnumerable<string> SourceFiles() =>
    [
        .. new[]
        {
            "Directory.Build.props", ".editorconfig", "global.json", "LICENSE", "CHANGELOG.md", "docs/images/icon.png",
            "Workerman.Net/README.md", "Workerman.Net/buildTransitive/Workerman.Net.props",
            "extensions/Workerman.Net.Hosting/README.md", "extensions/Workerman.Net.Redis/README.md",
        }.Select(file => Repository.PathOf(file.Split('/'))),
        .. Packages.SelectMany(path =>
        {
            string name = path[(path.LastIndexOf('/') + 1)..];
            string output = Repository.PathOf([.. path.Split('/'), "bin", Repository.Configuration, "net10.0", name]);
            string project = Repository.PathOf([.. path.Split('/'), $"{name}.csproj"]);
            return new[] { project, output + ".dll", output + ".pdb", output + ".xml" };
        }),
    ];

    private void MakeProject(string name, string property, string program) =>
        MakeProject(name, property, program, ("Workerman.Net", _version));

    private void MakeProject(string name, string property, string program, params (string Id, string Version)[] packages)
    {
        Directory.CreateDirectory(PathOf(name));
        File.WriteAllText(PathOf(name, "Program.cs"), program);
        File.WriteAllText(PathOf(name, name + ".csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <RestoreAdditionalProjectSources>{PathOf("feed")}</RestoreAdditionalProjectSources>
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
    private static void WriteSolution(string path, params string[] projects)
    {
        IEnumerable<string> lines = projects.Select(name => $"<Project Path='{name}/{Path.GetFileName(name)}.csproj'/>");
        File.WriteAllText(path, $"<Solution>{string.Concat(lines)}</Solution>");
    }

    private string PathOf(params string[] parts) => Path.Combine([_folder, .. parts]);

    private void Dotnet(params string[] arguments)
    {
        (int code, string output) = Run(arguments);
        Assert.That(code, Is.Zero, $"dotnet {string.Join(' ', arguments)}\n{output}");
    }

    private (int Code, string Output) Run(params string[] arguments)
    {
        // The tests beside it need the other core.
        var start = new ProcessStartInfo("dotnet",
            [.. arguments, "-m:1", "-p:UseSharedCompilation=false", "-p:RunAnalyzers=false"])
        {
            WorkingDirectory = PathOf("source"),
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
