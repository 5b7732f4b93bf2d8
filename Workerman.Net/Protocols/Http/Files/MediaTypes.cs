using System.Collections.Frozen;

namespace Workerman.Protocols.Http.Files;

/// <summary>
/// Media types by file extension, as files are sent with (PHP: <c>Response::$mimeTypeMap</c>). The table, <c>media.types</c>, is
/// part of the assembly. Pure, any thread.
/// </summary>
public static class MediaTypes
{
    /// <summary>The type of what is known to be bytes and nothing more: <c>application/octet-stream</c>.</summary>
    public const string Unknown = "application/octet-stream";

    private static readonly FrozenDictionary<string, string> Types = Load();

    private static readonly FrozenDictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> Lookup =
        Types.GetAlternateLookup<ReadOnlySpan<char>>();

    internal static int Count => Types.Count;

    /// <summary>
    /// The type of a file by its name or path, <c>text/css</c> for <c>main.css</c>, without a charset; null if its extension is
    /// not known. The extension's case does not matter.
    /// </summary>
    public static string? Of(ReadOnlySpan<char> fileName)
    {
        ReadOnlySpan<char> extension = Path.GetExtension(fileName);
        return extension.Length > 1 && Lookup.TryGetValue(extension[1..], out string? type) ? type : null;
    }

    /// <summary>A line is a type and its extensions; the first type that claims an extension has it.</summary>
    private static FrozenDictionary<string, string> Load()
    {
        var types = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        using Stream stream = typeof(MediaTypes).Assembly.GetManifestResourceStream("Workerman.media.types")!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#')) continue;
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            foreach (string extension in words.Skip(1)) types.TryAdd(extension, words[0]);
        }
        return types.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
    }
}
