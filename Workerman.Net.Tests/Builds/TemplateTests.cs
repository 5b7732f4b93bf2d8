using System.IO.Compression;
using System.Net;
using Workerman.Tests.Support;

namespace Workerman.Tests.Builds;

/// <summary>
/// What <c>dotnet new</c> makes of the template package, with the packages of the same version: each program was built without a
/// warning, listens where the system lets it, is talked to, and ends in order when it is told to.
/// </summary>
[Platform("Linux,MacOSX")]
internal sealed class TemplateTests
{
    private const int Sigterm = 15;
    private const string Get = "GET /?name=you HTTP/1.1\r\nHost: a\r\n\r\n";

    private static readonly string Container = Repository.PathOf("templates", "content", "service", "Dockerfile");

    [Test]
    public void HttpServerIsTheReadmesAndAnswers()
    {
        string readme = File.ReadAllText(Repository.PathOf("README.md")).ReplaceLineEndings("\n");
        Assert.That(readme, Does.Contain(File.ReadAllText(Repository.PathOf("templates", "content", "http", "Program.cs"))));
        using ServerProcess server = Start("workerman");
        using var client = new RawClient(server.EndPoint);
        Assert.That(client.Send(Get).ReadResponse().Body, Is.EqualTo("Hello, you!"));
        Stop(server);
    }

    [Test]
    public void EventStreamHasAPageAndTellsTheTime()
    {
        using ServerProcess server = Start("workerman-sse");
        using var client = new RawClient(server.EndPoint);
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Does.Contain("workerman-sse"));
        Assert.That(client.Send("GET /app.js HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body,
            Does.Contain("EventSource('events')"));
        using var stream = new RawClient(server.EndPoint);
        stream.Send("GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n").ReadUntil("\r\n\r\n");
        Assert.That(stream.ReadUntil("data: ") + stream.ReadUntil("\n\n"), Does.Match(@"data: \d\d:\d\d:\d\d\n\n$"));
        Stop(server);
    }

    [Test]
    public void ChatTellsAllWhoHaveItOpen()
    {
        using ServerProcess server = Start("workerman-ws");
        using (var client = new RawClient(server.EndPoint))
        {
            Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Does.Contain("workerman-ws"));
            Assert.That(client.Send("GET /app.js HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Does.Contain("URL('chat'"));
        }
        using var first = new FrameClient(server.EndPoint, path: "/chat");
        Assert.That(first.ReadText(), Does.EndWith(" has come"));
        using (var second = new FrameClient(server.EndPoint, path: "/chat"))
        {
            string come = second.ReadText();
            Assert.That((come, first.ReadText()), Is.EqualTo((come, come)));
            second.Send(FrameClient.TextFrame("hello"));
            string said = come.Replace(" has come", ": hello", StringComparison.Ordinal);
            Assert.That((second.ReadText(), first.ReadText()), Is.EqualTo((said, said)));
        }
        Stop(server);
    }

    /// <summary>As its container runs it: published by the command in its file, and asked by its health check.</summary>
    [Test]
    public void ServiceIsPublishedAnswersAndSaysThatItIsWell()
    {
        var container = ContainerFile.Read(Container, "workerman-service");
        string output = PackedPackages.PathOf("published");
        string[] command = [.. container.Of("RUN").Single().Split(' ').Select(word => word == "/app" ? output : word)];
        Assert.That(command[0], Is.EqualTo("dotnet"));
        (int code, string said) = PackedPackages.Build("workerman-service", [.. command[1..], "--no-build"]);
        Assert.That(code, Is.Zero, said);
        string Program(string file) => Path.Combine(output, file);

        var address = new IPEndPoint(IPAddress.Loopback, Peer.UnusedPort());
        string settings = $"--Workerman:Workers:web:Address=http://{address}";
        string[] check = container.Check, entry = container.EntryPoint;
        using (ServerProcess early = ServerProcess.Run([Program(check[0]), .. check[1..], settings]))
            Assert.That(early.WaitForExit(), Is.EqualTo(1), "nobody listens yet");
        using ServerProcess server = ServerProcess.Run([Program(entry[0]), .. entry[1..], settings]);
        Wait.For(Wait.Until(() => server.Output.Contains("Application started"), "the start"));
        using (var client = new RawClient(address))
        {
            Assert.That(client.Send(Get).ReadResponse().Body, Is.EqualTo("Hello, you!"));
            Assert.That(client.Send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("Healthy\n"));
        }
        using (ServerProcess asked = ServerProcess.Run([Program(check[0]), .. check[1..], settings]))
            Assert.That(asked.WaitForExit(), Is.Zero);
        Stop(server);
    }

    [Test]
    public void UnitOfSystemdStartsWhatIsPublished()
    {
        string unit = File.ReadAllText(PackedPackages.PathOf("workerman-service", "workerman-service.service"));
        Assert.That(unit, Does.Contain("\nExecStart=/opt/workerman-service/workerman-service\n")
            .And.Contain("\nType=notify\n").And.Contain("\nDynamicUser=yes\n"));
        string readme = File.ReadAllText(PackedPackages.PathOf("workerman-service", "README.md"));
        Assert.That(readme, Does.Contain("cp -r out /opt/workerman-service\n").And.Contain("cp workerman-service.service "));
    }

    [TestCaseSource(typeof(PackedPackages), nameof(PackedPackages.Templates))]
    public void ProjectReferencesThePackagesOfItsVersion((string Folder, string Name) template)
    {
        string project = File.ReadAllText(PackedPackages.PathOf(template.Name, template.Name + ".csproj"));
        Assert.That(project, Does.Match(
            $"<PackageReference Include=\"Workerman\\.Net(\\.Hosting)?\" Version=\"{PackedPackages.Version}\" />"));
        // Microsoft's are those that the sample has been tried with.
        string sample = File.ReadAllText(Repository.PathOf("samples", "GenericHost", "GenericHost.csproj"));
        Assert.That(project.Split('\n').Where(line => line.Contains("Include=\"Microsoft.", StringComparison.Ordinal))
            .Where(line => !sample.Contains(line.Trim(), StringComparison.Ordinal)), Is.Empty);
        Assert.That(Directory.EnumerateFiles(PackedPackages.PathOf(template.Name), "*", SearchOption.TopDirectoryOnly)
            .Select(File.ReadAllText), Has.None.Contains("8080"), "--port says where all of it listens");
    }

    [Test]
    public void PackageHasNothingElse()
    {
        using ZipArchive package =
            ZipFile.OpenRead(PackedPackages.PathOf("feed", $"Workerman.Net.Templates.{PackedPackages.Version}.nupkg"));
        string[] files = [.. package.Entries.Select(entry => entry.FullName)];
        Assert.That(files, Is.SupersetOf(new[] { "README.md", "LICENSE", "icon.png" }));
        Assert.That(files.Where(file => file.EndsWith(".template.config/template.json", StringComparison.Ordinal)),
            Is.EquivalentTo(PackedPackages.Templates.Select(template =>
                $"content/{template.Folder}/.template.config/template.json")));
        Assert.That(files.Where(file => file.EndsWith(".dll", StringComparison.Ordinal) || file.Contains("/obj/")), Is.Empty);
    }

    private static ServerProcess Start(string name) =>
        ServerProcess.Run("dotnet", PackedPackages.ProgramOf(name)).WaitForStart();

    private static void Stop(ServerProcess server)
    {
        server.Signal(Sigterm);
        Assert.That(server.WaitForExit(), Is.Zero);
    }
}
