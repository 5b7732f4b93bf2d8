using System.Collections.Frozen;
using Microsoft.Win32.SafeHandles;

namespace Workerman.Protocols.Http.Files;

/// <summary>
/// The media types that files are sent with, by file extension (PHP: <c>Response::$mimeTypeMap</c>). The table,
/// <c>media.types</c>, is part of the assembly. Pure, any thread.
/// </summary>
public static class MediaTypes
{
    /// <summary>The type of a file of unknown type: <c>application/octet-stream</c>.</summary>
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

    /// <summary>Reads the table. A line is a type and its extensions; the first type with an extension counts.</summary>
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

/// <summary>
/// Which content types have a charset parameter. All of <c>text/</c> do. JSON has no such parameter and is always UTF-8 (RFC 8259
/// sections 8.1 and 11). XML has one, which overrides the encoding that the file itself names (RFC 7303 section 3.2), so it is
/// left out if that is another one. Pure, but it reads the beginning of an XML file; any thread.
/// </summary>
internal static class CharsetParameter
{
    /// <summary>Bytes that are read: an XML declaration is shorter, even with much white space.</summary>
    private const int DeclarationSize = 256;

    /// <summary>Whether the content type of a file gets a charset parameter.</summary>
    /// <param name="type">The type, without parameters.</param>
    /// <param name="charset">The charset.</param>
    /// <param name="file">The file as it is stored, not compressed.</param>
    public static bool IsWanted(string type, string charset, SafeFileHandle file)
    {
        if (type.StartsWith("text/", StringComparison.Ordinal)) return true;
        if (!type.EndsWith("+xml", StringComparison.Ordinal) && type is not ("application/xml" or "application/xml-dtd"))
            return false;
        Span<byte> beginning = stackalloc byte[DeclarationSize];
        return Agrees(beginning[..RandomAccess.Read(file, beginning, 0)], charset);
    }

    /// <summary>
    /// Whether a document can be in an encoding: it begins like XML in an encoding that extends ASCII, and names no other (XML
    /// 1.0 sections 2.8 and 4.3.3).
    /// </summary>
    private static bool Agrees(ReadOnlySpan<byte> document, string charset)
    {
        if (document.StartsWith("\uFEFF"u8)) document = document[3..];
        if (!document.StartsWith("<?xml"u8))
            return document.TrimStart(" \t\r\n"u8).StartsWith("<"u8) && !document.Contains((byte)0);
        int end = document.IndexOf("?>"u8);
        ReadOnlySpan<byte> declaration = end < 0 ? document : document[..end];
        int name = declaration.IndexOf("encoding"u8);
        if (name < 0) return end >= 0;
        ReadOnlySpan<byte> value = declaration[(name + 8)..].TrimStart(" \t\r\n="u8);
        int length = value.IsEmpty ? -1 : value[1..].IndexOf(value[0]);
        return length >= 0 && System.Text.Ascii.EqualsIgnoreCase(value.Slice(1, length), charset);
    }
}
