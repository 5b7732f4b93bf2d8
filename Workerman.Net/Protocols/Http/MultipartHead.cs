using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// The head of one part of a form (RFC 7578 section 4): its field's name, and of a file the client's name and content type. A
/// value; pure.
/// </summary>
/// <param name="Name">The field; empty if it has no name that can be read.</param>
/// <param name="FileName">The client's name for a file, as it was sent; null for a field that is no file.</param>
/// <param name="ContentType">The content type that was sent, or null.</param>
internal sealed record MultipartHead(string Name, string? FileName, string? ContentType)
{
    /// <summary>
    /// Reads the header fields of a part. They contain names from all kinds of file systems and programs, and do not say where
    /// the part ends, so an error in them does not make the form malformed: what cannot be read is left out, and of a field that
    /// comes twice the first counts.
    /// </summary>
    /// <param name="bytes">The header fields.</param>
    /// <param name="all">Takes all of them that have a name; null for none.</param>
    public static MultipartHead Read(ReadOnlySpan<byte> bytes, FieldCollection<string>? all = null)
    {
        string? disposition = null;
        string? contentType = null;
        bytes = Unfold(bytes);
        while (!bytes.IsEmpty)
        {
            int end = bytes.IndexOf("\r\n"u8);
            ReadOnlySpan<byte> line = end < 0 ? bytes : bytes[..end];
            bytes = end < 0 ? default : bytes[(end + 2)..];
            int colon = line.IndexOf((byte)':');
            if (colon < 0) continue;
            ReadOnlySpan<byte> name = HttpChars.TrimWhitespace(line[..colon]);
            all?.Add(Encoding.UTF8.GetString(name), ValueOf(line[(colon + 1)..]));
            if (Ascii.EqualsIgnoreCase(name, "content-disposition"u8)) disposition ??= ValueOf(line[(colon + 1)..]);
            else if (Ascii.EqualsIgnoreCase(name, "content-type"u8)) contentType ??= ValueOf(line[(colon + 1)..]);
        }
        Dictionary<string, string?> parameters = HeaderParameters.Read(disposition ?? "", out _);
        return new MultipartHead(ParameterText.Read(parameters, "name") ?? "", ParameterText.Read(parameters, "filename"),
            contentType);
    }

    private static string ValueOf(ReadOnlySpan<byte> value) => Encoding.UTF8.GetString(HttpChars.TrimWhitespace(value));

    /// <summary>
    /// Joins folded lines. Unlike in HTTP, a field may be folded here: a line that begins with white space continues the line
    /// before (RFC 2046 section 5.1, RFC 5322 section 2.2.3).
    /// </summary>
    private static ReadOnlySpan<byte> Unfold(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IndexOf("\r\n "u8) < 0 && bytes.IndexOf("\r\n\t"u8) < 0) return bytes;
        byte[] unfolded = new byte[bytes.Length];
        int length = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            if (bytes[i..].StartsWith("\r\n"u8) && i + 2 < bytes.Length && HttpChars.IsWhitespace(bytes[i + 2])) i += 2;
            unfolded[length++] = bytes[i];
        }
        return unfolded.AsSpan(0, length);
    }
}
