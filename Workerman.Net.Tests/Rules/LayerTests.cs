using System.Text.RegularExpressions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Rules;

/// <summary>
/// The direction of knowledge: who may know whom, read off the <c>using Workerman.*</c> lines and the names of each folder.
/// A new folder is entered here together with what it may know.
/// </summary>
internal sealed partial class LayerTests
{
    /// <summary>Folder → the namespaces, or single types, that it may know besides its own, from the bottom up.</summary>
    private static readonly Dictionary<string, string[]> MayKnow = new()
    {
        // Not the loops: the system calls alone, which are declared once, and what tells of descriptors.
        ["Logging"] = ["Workerman.Events.SystemCalls", "Workerman.Events.Errno", "Workerman.Events.StandardDescriptors",
            "Workerman.Events.DescriptorHeadroom"],
        ["Diagnostics"] = [],
        ["Events"] = ["Workerman.Logging", "Workerman.Diagnostics"],
        ["Protocols"] = [],
        ["Protocols/Proxies"] = ["Workerman.Protocols"],
        ["Tls"] = ["Workerman.Events"],
        ["Connection"] = ["Workerman.Diagnostics", "Workerman.Events", "Workerman.Protocols", "Workerman.Protocols.Proxies",
            "Workerman.Tls"],
        ["Protocols/Http"] = ["Workerman.Protocols", "Workerman.Protocols.Http.Files", "Workerman.Protocols.Http.Sessions",
            "Workerman.Diagnostics", "Workerman.Events.DescriptorHeadroom", "Workerman.Events.ExclusiveMove",
            "Workerman.Events.LargePages", "Workerman.Events.DiskThreads"],
        // Not the loops: the system calls alone, which are declared once, and who may have a descriptor.
        ["Protocols/Http/Files"] = ["Workerman.Events.SystemCalls", "Workerman.Events.Errno",
            "Workerman.Events.DescriptorHeadroom"],
        ["Protocols/Http/Sessions"] = ["Workerman.Events.SystemCalls", "Workerman.Events.Errno",
            "Workerman.Events.DescriptorHeadroom", "Workerman.Events.DiskThreads", "Workerman.Events.ExclusiveMove"],
        ["Protocols/WebSocket"] = ["Workerman.Protocols", "Workerman.Protocols.Http"],
        ["WebSockets"] = ["Workerman.Diagnostics", "Workerman.Events", "Workerman.Connection", "Workerman.Protocols",
            "Workerman.Protocols.Http", "Workerman.Protocols.WebSocket"],
        ["Handover"] = ["Workerman.Events"],
        ["EventStreams"] = ["Workerman.Events", "Workerman.Connection", "Workerman.Protocols", "Workerman.Protocols.Http",
            "Workerman.Protocols.WebSocket", "Workerman.Handover"],
        ["Hosting"] = ["Workerman.Logging", "Workerman.Diagnostics", "Workerman.Events", "Workerman.Connection",
            "Workerman.Protocols", "Workerman.Handover"],
        ["Grouping"] = ["Workerman.Events", "Workerman.Connection", "Workerman.Protocols.Http", "Workerman.Hosting"],
        // Processes, not workers: what they run it knows by its own interfaces.
        ["Supervision"] = ["Workerman.Logging", "Workerman.Events", "Workerman.Hosting", "Workerman.Events.SystemCalls",
            "Workerman.Supervision.ProcessCalls"],
        ["Workers"] = ["Workerman", "Workerman.Events", "Workerman.Connection", "Workerman.Protocols", "Workerman.Protocols.Http",
            "Workerman.Protocols.WebSocket", "Workerman.WebSockets", "Workerman.Tls", "Workerman.Hosting", "Workerman.Logging",
            "Workerman.EventStreams", "Workerman.Handover", "Workerman.Supervision", "Workerman.Diagnostics"],
        [""] = ["Workerman.Workers", "Workerman.Events", "Workerman.Connection", "Workerman.Protocols", "Workerman.Supervision",
            "Workerman.Protocols.Http", "Workerman.Protocols.WebSocket", "Workerman.WebSockets", "Workerman.Tls",
            "Workerman.Hosting", "Workerman.Logging", "Workerman.Handover", "Workerman.Diagnostics", "Workerman.Grouping"],
    };

    /// <summary>Folders that share the namespace, and the layer, of the folder above them.</summary>
    private static readonly string[] PartsOfALayer = ["Events/Linux", "Events/Portable", "Connection/Output"];

    private static IEnumerable<string> Files =>
        Repository.SourcesOf("Workerman.Net").Select(file => Path.GetRelativePath(Repository.PathOf("Workerman.Net"), file));

    [TestCaseSource(nameof(Files))]
    public void KnowsOnlyWhatIsBelow(string file)
    {
        string folder = (Path.GetDirectoryName(file) ?? "").Replace('\\', '/');
        if (PartsOfALayer.Contains(folder)) folder = folder[..folder.LastIndexOf('/')];
        Assert.That(MayKnow.TryGetValue(folder, out string[]? allowed), $"the folder {folder} is in no layer: enter it");
        string text = File.ReadAllText(Repository.PathOf("Workerman.Net", file));
        string own = folder.Length == 0 ? "Workerman" : "Workerman." + folder.Replace('/', '.');
        Assert.That(NamespaceLine().Match(text).Groups[1].Value, Is.EqualTo(own), "the namespace is the folder's");
        foreach (Match line in UsingLine().Matches(text))
            Assert.That(line.Groups[1].Value, Is.AnyOf([own, .. allowed!]), $"{file} must not know it");
        foreach (Match line in UsingStaticLine().Matches(text))
            Assert.That((string[])[own, .. allowed!], Has.Some.AnyOf(line.Groups[1].Value, line.Groups[2].Value),
                $"{file} must not know it");
    }

    /// <summary>
    /// The root namespace needs no using, so its types are looked for by name. Only <c>Workers</c>, which makes the root's
    /// workers run on their loops, knows them.
    /// </summary>
    [TestCaseSource(nameof(Files))]
    public void LowerLayersDoNotKnowTheRoot(string file)
    {
        if (!file.Contains(Path.DirectorySeparatorChar) || Path.GetDirectoryName(file) == "Workers") return;
        string code = Comment().Replace(Text().Replace(File.ReadAllText(Repository.PathOf("Workerman.Net", file)), "\"\""), "");
        foreach (string type in Files.Where(other => !other.Contains(Path.DirectorySeparatorChar))
            .Select(other => Path.GetFileNameWithoutExtension(other)))
            Assert.That(Regex.IsMatch(code, $@"(?<![\w.]){type}(?=[.<(\s?])(?!\s*[{{=;,)])"), Is.False, $"{file} names {type}");
    }

    [GeneratedRegex(@"^using (Workerman[\w.]*);", RegexOptions.Multiline)]
    private static partial Regex UsingLine();

    /// <summary>The type, and its namespace.</summary>
    [GeneratedRegex(@"^using static ((Workerman[\w.]*)\.\w+);", RegexOptions.Multiline)]
    private static partial Regex UsingStaticLine();

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"//.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex("\"(?:\\\\.|[^\"\\\\])*\"")]
    private static partial Regex Text();
}
