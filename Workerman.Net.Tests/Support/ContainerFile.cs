using System.Text.Json;

namespace Workerman.Tests.Support;

/// <summary>A Dockerfile as text: its instructions, in order. What they do takes a container engine. Immutable.</summary>
internal sealed class ContainerFile
{
    private readonly (string Name, string Arguments)[] _instructions;

    private ContainerFile(string text) => _instructions =
        [.. text.ReplaceLineEndings("\n").Replace("\\\n", " ").Split('\n').Select(line => line.Trim())
            .Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split(' ', 2))
            .Select(parts => (parts[0], parts[1]))];

    private ContainerFile((string, string)[] instructions) => _instructions = instructions;

    /// <summary>The stages, each from its <c>FROM</c> on.</summary>
    public IEnumerable<ContainerFile> Stages
    {
        get
        {
            int[] starts = [.. _instructions.Index().Where(each => each.Item.Name == "FROM").Select(each => each.Index)];
            return starts.Zip([.. starts.Skip(1), _instructions.Length],
                (from, to) => new ContainerFile(_instructions[from..to]));
        }
    }

    /// <summary>What is run, as a program with its arguments and without a shell.</summary>
    public string[] EntryPoint => Words(Of("ENTRYPOINT").Single());

    /// <summary>The same of the health check.</summary>
    public string[] Check => Words(Of("HEALTHCHECK").Single().Split(" CMD ", 2)[1]);

    /// <summary>Reads one; <paramref name="name"/> is that of the project which a template's is made for.</summary>
    public static ContainerFile Read(string path, string name = "") => new(name.Length == 0
        ? File.ReadAllText(path)
        : File.ReadAllText(path).Replace("Workerman-App", name, StringComparison.Ordinal));

    /// <summary>What follows the instructions of a name.</summary>
    public string[] Of(string name) => [.. _instructions.Where(each => each.Name == name).Select(each => each.Arguments)];

    private static string[] Words(string json) => JsonSerializer.Deserialize<string[]>(json)!;
}
