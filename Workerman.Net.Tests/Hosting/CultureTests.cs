using System.Text.Json.Nodes;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>
/// The wire is the same wherever the server runs: the tests of what is written and read, once more under other cultures, in a
/// process of their own. sv-SE has another minus, ar-SA and fa-IR other digits, signs and calendars, th-TH another year, tr-TR an
/// i without a dot.
/// </summary>
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
    private static readonly Dictionary<string, string> Cultures = new()
    {
        ["sv-SE"] = "ReplayTests",
        ["ar-SA"] = "FileResponseTests",
        ["fa-IR"] = "FormTests",
        ["th-TH"] = "StaticFilesTests",
        ["tr-TR"] = "WireRuleTests",
    };

    private string _output = "";

    private static IEnumerable<string> Names => Cultures.Keys;

    /// <summary>One process runs them all, one culture after the other: most of its time is for starting.</summary>
    [OneTimeSetUp]
    public void RunAll()
    {
        using var folder = new TemporaryFolder();
        string program = typeof(CultureTests).Assembly.Location;
        string settings = Path.ChangeExtension(program, ".runtimeconfig.json");
        // The tests have no cultures, so that they run where the system has no data for them. This process has, if there is any.
        JsonNode json = JsonNode.Parse(File.ReadAllText(settings))!;
        json["runtimeOptions"]!["configProperties"]!["System.Globalization.Invariant"] = false;
        string own = folder.PathOf("cultures.runtimeconfig.json");
        File.WriteAllText(own, json.ToJsonString());
        _output = Run(own, program);
        if (_output.Contains("ICU", StringComparison.Ordinal)) _output = Run(settings, program);
    }

    [TestCaseSource(nameof(Names))]
    public void TheWireIsTheSameUnder(string culture) =>
        Assert.That(_output, Does.Match($"(?m)^{culture}: passed [1-9][0-9]*, failed 0$"));

    private static string Run(string settings, string program)
    {
        using ServerProcess process = ServerProcess.Run(["dotnet", "exec", "--runtimeconfig", settings, "--depsfile",
            Path.ChangeExtension(program, ".deps.json"), program, "under",
            .. Cultures.Select(culture => $"{culture.Key}={string.Join(',', Fixtures)},{culture.Value}")]);
        process.WaitForExit(3 * Wait.Limit);
        return process.Output;
    }
}
