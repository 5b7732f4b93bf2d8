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
    [TestCase("Workerman.Net", 2, "buildTransitive/Workerman.Net.props", Description = "abstractions of logging and of caches")]
    [TestCase("Workerman.Net.Hosting", 4, "lib/net10.0/Workerman.Net.Hosting.xml",
        Description = "the library, and of .NET's extensions hosting, health checks and the binding of options")]
    [TestCase("Workerman.Net.Redis", 3, "lib/net10.0/Workerman.Net.Redis.xml",
        Description = "the library, the client of Redis, and what that needs in a newer version")]
    public void HoldsWhatAPackageShould(string id, int dependencies, string more)
    {
        using ZipArchive package = ZipFile.OpenRead(PackedPackages.PathOf("feed", $"{id}.{PackedPackages.Version}.nupkg"));
        Assert.That(package.Entries.Select(entry => entry.FullName), Is.SupersetOf(new[]
        {
            $"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml", "README.md", "LICENSE", "CHANGELOG.md", "icon.png", more,
            // What the file before tells of.
            more.Replace(".props", ".mibc"),
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
        using ZipArchive symbols = ZipFile.OpenRead(PackedPackages.PathOf("feed", $"{id}.{PackedPackages.Version}.snupkg"));
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
        using ServerProcess server = ServerProcess.Run("dotnet", PackedPackages.ProgramOf("app"))
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
    public void TimerAliasCanBeSwitchedOff() => Assert.That(PackedPackages.ProgramOf("without"), Does.Exist);

    [Test]
    public void HostingCompilesWordForWordWithItsPackageAlone() => Assert.That(PackedPackages.ProgramOf("hosted"), Does.Exist);
}
