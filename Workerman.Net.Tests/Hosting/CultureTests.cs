using System.Text.Json.Nodes;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>
/// The wire is the same wherever the server runs: the tests of what is written and read, once more in processes of other
/// cultures. sv-SE has another minus, ar-SA and
/// fa-IR other digits, signs and calendars, th-TH another year, tr-TR an i without a dot.
/// </summary>
[Parallelizable(ParallelScope.All)]
internal sealed class CultureTests
{
    /// <summary>Where numbers, dates and names go to the wire or come from it.</summary>
    private static readonly string[] Fixtures = [
        "CultureWireTests", "HttpWireTests", "ResponseTests", "ResponseMakeTests", "RequestTests", "ServerSentEventsTests",
        "ChunkTests", "ChunkedDecoderTests", "ByteRangeTests", "PreconditionsTests",
        "MediaTypesTests", "SessionTests", "SessionOptionsTests", "SessionWireTests", "DeflateParametersTests",
        @"WebSocket\.HandshakeTests", "HttpConnectHandshakeTests",
    ];

    /// <summary>Those that take longer are dealt out.</summary>
    [TestCase("sv-SE", "ReplayTests")]
    [TestCase("ar-SA", "FileResponseTests")]
    [TestCase("fa-IR", "FormTests")]
    [TestCase("th-TH", "StaticFilesTests")]
    [TestCase("tr-TR", "WireRuleTests")]
    public void TheWireIsTheSameUnder(string culture, params string[] more)
    {
        string folder = Path.Combine(Path.GetTempPath(), "workerman-test-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(folder);
        try
        {
            string program = typeof(CultureTests).Assembly.Location;
            string settings = Path.ChangeExtension(program, ".runtimeconfig.json");
            // The tests have no cultures, so that they run where the system has no data for them. This process has, if there is
            // any.
            JsonNode json = JsonNode.Parse(File.ReadAllText(settings))!;
            json["runtimeOptions"]!["configProperties"]!["System.Globalization.Invariant"] = false;
            string own = Path.Combine(folder, "cultures.runtimeconfig.json");
            File.WriteAllText(own, json.ToJsonString());
            (int code, string output) = Run(own, program, [culture, .. Fixtures, .. more]);
            if (output.Contains("ICU", StringComparison.Ordinal))
                (code, output) = Run(settings, program, [culture, .. Fixtures, .. more]);
            Assert.That(code, Is.Zero, output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (int Code, string Output) Run(string settings, string program, string[] arguments)
    {
        using ServerProcess process = ServerProcess.Run(["dotnet", "exec", "--runtimeconfig", settings, "--depsfile",
            Path.ChangeExtension(program, ".deps.json"), program, "under", .. arguments]);
        return (process.WaitForExit(3 * Wait.Limit), process.Output);
    }
}
