using System.Text.RegularExpressions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Rules;

/// <summary>
/// The container files of the samples and of the service's template, as far as text says it: images of the framework's version
/// without a shell, no root, paths that exist, the port that the program listens on, a health check that is the program itself.
/// Their publish commands run elsewhere: of the template in <c>TemplateTests</c>, of the samples in .ci/run.
/// </summary>
internal sealed partial class ContainerFileTests
{
    /// <summary>Each file, with the folder that is copied, and the file that says what the program listens on.</summary>
    private static readonly TestCaseData[] Files =
    [
        new("samples/Dockerfile", ".", "samples/Dashboard/Program.cs"),
        new("templates/content/service/Dockerfile", "templates/content/service", "templates/content/service/appsettings.json"),
    ];

    [TestCaseSource(nameof(Files))]
    public void ImagesAreOfTheFrameworksVersionAndTheLastHasNoShell(string file, string context, string listens)
    {
        _ = (context, listens);
        string framework = Framework().Match(File.ReadAllText(Repository.PathOf("Directory.Build.props"))).Groups[1].Value;
        string[] images = [.. ContainerFile.Read(Repository.PathOf(file)).Of("FROM").Select(from => from.Split(' ')[0])];
        Assert.That(images, Has.All.Match($@"^mcr\.microsoft\.com/dotnet/[a-z-]+:{Regex.Escape(framework)}(-|$)"));
        Assert.That(images[^1], Does.Match("/(runtime|runtime-deps):.*-noble-chiseled$"));
    }

    [TestCaseSource(nameof(Files))]
    public void IsNotRoot(string file, string context, string listens)
    {
        _ = (context, listens);
        Assert.That(ContainerFile.Read(Repository.PathOf(file)).Stages.Last().Of("USER"), Is.EqualTo(new[] { "$APP_UID" }),
            "the user that .NET's images have for programs");
    }

    [TestCaseSource(nameof(Files))]
    public void CopiesWhatIsThere(string file, string context, string listens)
    {
        _ = listens;
        var container = ContainerFile.Read(Repository.PathOf(file));
        string[] stages = [.. container.Of("FROM").Where(from => from.Contains(" AS ", StringComparison.Ordinal))
            .Select(from => from.Split(" AS ")[1])];
        string published = PublishFolder().Match(container.Of("RUN").Single()).Groups[1].Value;
        foreach (string copy in container.Of("COPY"))
        {
            string[] words = copy.Split(' ');
            if (words[0].StartsWith("--from=", StringComparison.Ordinal))
                Assert.That((stages.Contains(words[0][7..]), words[1]), Is.EqualTo((true, published)));
            else
                Assert.That(words[..^1].Select(word => Repository.PathOf(context, word)), Has.All.Exist);
        }
        // The machine's own bin and obj would be taken for the container's.
        Assert.That(File.ReadAllText(Repository.PathOf(context, ".dockerignore")), Does.Match("(?m)^(\\*\\*/)?obj/?$"));
    }

    [TestCaseSource(nameof(Files))]
    public void PortIsThatOfTheProgramWhichIsItsOwnHealthCheck(string file, string context, string listens)
    {
        _ = context;
        var container = ContainerFile.Read(Repository.PathOf(file));
        string port = container.Of("EXPOSE").Single();
        Assert.That(Port().Match(File.ReadAllText(Repository.PathOf(listens))).Groups[1].Value, Is.EqualTo(port));
        Assert.That(Port().Matches(string.Join('\n', [.. container.Of("ENV"), .. container.Of("ENTRYPOINT"),
            .. container.Of("HEALTHCHECK")])).Select(match => match.Groups[1].Value), Has.All.EqualTo(port));
        Assert.That(container.Check, Is.EqualTo([.. container.EntryPoint, "--health"]));
    }

    /// <summary>The health check as a command, of a sample that runs and of one that does not.</summary>
    [Test]
    public void SampleAsksItselfWhetherItIsWell()
    {
        string program = Repository.ProgramOf(Path.Combine("samples", "WebSocketChat"), "WebSocketChat");
        using (ServerProcess nobody = ServerProcess.Run("dotnet", program, $"http://127.0.0.1:{Peer.UnusedPort()}", "--health"))
            Assert.That(nobody.WaitForExit(), Is.EqualTo(1));
        using ServerProcess server = ServerProcess.Run("dotnet", program, "http://0.0.0.0:0").WaitForStart();
        using ServerProcess asked =
            ServerProcess.Run("dotnet", program, $"http://0.0.0.0:{server.EndPoint.Port}", "--health");
        Assert.That(asked.WaitForExit(), Is.Zero);
    }

    [GeneratedRegex(@"<TargetFramework>net(\d+\.\d+)</TargetFramework>")]
    private static partial Regex Framework();

    [GeneratedRegex(@"http://[\d.]+:(\d+)")]
    private static partial Regex Port();

    [GeneratedRegex(@"dotnet publish .*-o (\S+)")]
    private static partial Regex PublishFolder();
}
