using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Emit;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>
/// The programs of the README and of docs/, run as they stand but for their ports: each starts, answers if it is a web server,
/// and ends in order. Those that need a certificate, a server or a network of their own are compiled only
/// (<see cref="DocumentationTests"/>).
/// </summary>
[Platform("Linux")]
internal sealed partial class DocumentationRunTests
{
    /// <summary>What a program says that cannot be run here.</summary>
    private static readonly string[] Needs = ["CertificateFile", "StackExchange.Redis", "multicast", "Multicast"];

    /// <summary>Threads of the library that are no loops.</summary>
    private static readonly string[] Helpers =
        ["workerman log", "workerman sweep", "workerman disk", "workerman watch", "workerman load"];

    private static IEnumerable<TestCaseData> Programs => DocumentationTests.AllBlocks
        .Where(block => !block.File.StartsWith(Repository.PathOf("extensions"), StringComparison.Ordinal)
            && block.Program.Contains("Worker.RunAll(", StringComparison.Ordinal)
            && !Needs.Any(need => block.Program.Contains(need, StringComparison.Ordinal)))
        .Select(block => new TestCaseData(block.Program)
            .SetArgDisplayNames($"{Path.GetRelativePath(Repository.Root, block.File)} line {block.Line}"));

    [TestCaseSource(nameof(Programs))]
    public void ProgramRuns(string program)
    {
        using var folder = new TemporaryFolder();
        // For the page about files.
        folder.Write("public/index.html", "a page");
        string moved = Port().Replace(program, "$1:0");
        Build(moved.Replace("unix:///tmp/", $"unix://{folder.Path}/", StringComparison.Ordinal), folder);
        using ServerProcess server = ServerProcess.Run("env", "-C", folder.Path, $"TMPDIR={folder.Path}", "dotnet",
            folder.PathOf("Block.dll")).WaitForStart();
        if (program.Contains("Worker(\"http://", StringComparison.Ordinal))
        {
            using var client = new RawClient(server.EndPoint);
            Assert.That(client.Send("GET /?name=you HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n"), Does.StartWith("HTTP/1.1 "));
            if (program.Contains("Hello, ", StringComparison.Ordinal))
                Assert.That(client.ReadUntil("you"), Does.Contain("Hello, you"));
        }
        // It takes signals before it starts its loops, and says before both that it has started.
        Wait.For(Wait.Until(() => Threads(server.Id).Any(name => name.StartsWith("workerman", StringComparison.Ordinal)
            && !Helpers.Contains(name)), "a loop"));
        server.Signal(15);
        Assert.That(server.WaitForExit(), Is.Zero);
    }

    private static IEnumerable<string> Threads(int process) => Directory.GetDirectories($"/proc/{process}/task").Select(task =>
    {
        try
        {
            return File.ReadAllText($"{task}/comm").Trim();
        }
        catch (IOException)
        {
            // The thread has ended meanwhile.
            return "";
        }
    });

    private static void Build(string program, TemporaryFolder folder)
    {
        EmitResult result =
            DocumentationTests.Compile(program, 0, DocumentationTests.References).Emit(folder.PathOf("Block.dll"));
        Assert.That(result.Success, string.Join('\n', result.Diagnostics));
        foreach (MetadataReference reference in DocumentationTests.References)
        {
            string file = ((PortableExecutableReference)reference).FilePath!;
            if (Path.GetDirectoryName(file) != Path.GetDirectoryName(typeof(object).Assembly.Location))
                File.Copy(file, folder.PathOf(Path.GetFileName(file)));
        }
        folder.Write("Block.runtimeconfig.json", $$"""
            {
              "runtimeOptions": {
                "tfm": "net10.0",
                "framework": { "name": "Microsoft.NETCore.App", "version": "{{Environment.Version}}" },
                "configProperties": { "System.Globalization.Invariant": true, "System.GC.Concurrent": false }
              }
            }
            """);
    }

    [GeneratedRegex(@"(Worker(?:<[^""]*>)?\(""\w+://[^:""]+):\d+")]
    private static partial Regex Port();
}
