using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// The head of one part of a form (RFC 7578 section 4): its field's name, and of a file the client's name and content type.
/// A value; pure.
/// </summary>
/// <param name="Name">The field; empty if it has no name that can be read.</param>
/// <param name="FileName">The client's name for a file, as it was sent, or null for a field that is none.</param>
/// <param name="ContentType">The content type that was said, or null.</param>
internal sealed record MultipartHead(string Name, string? FileName, string? ContentType)
{
    /// <exception cref="BadRequestException">It is malformed, or of no part that a form has.</exception>
    public static MultipartHead Read(ReadOnlySpan<byte> bytes)
    {
        string? disposition = null;
        string? contentType = null;
        bytes = Unfold(bytes);
        var reader = new LineReader(bytes);
        while (reader.Position < bytes.Length)
        {
            LineEnd end = reader.Read(out ReadOnlySpan<byte> text, out _);
            var line = new HeaderLine();
            if (end != LineEnd.Ended || line.Read(text, isWhole: true).Kind != VerdictKind.Message) throw Malformed("a bad header field");
            ReadOnlySpan<byte> name = text[..line.NameLength];
            string value = Encoding.UTF8.GetString(text.Slice(line.ValueStart, line.ValueLength));
            if (Ascii.EqualsIgnoreCase(name, "content-disposition"u8)) Once(ref disposition, value);
            else if (Ascii.EqualsIgnoreCase(name, "content-type"u8)) Once(ref contentType, value);
        }
        // Section 4.2: each part has a disposition of form-data with a name. One whose name is missing or cannot be read has lost
        // that alone.
        if (disposition is null) throw Malformed("a part without Content-Disposition");
        Dictionary<string, string?> parameters = HeaderParameters.Read(disposition, out string type);
        if (!type.Equals("form-data", StringComparison.OrdinalIgnoreCase)) throw Malformed("a part that is no form-data");
        return new MultipartHead(ParameterText.Read(parameters, "name") ?? "", ParameterText.Read(parameters, "filename"), contentType);
    }

    /// <summary>
    /// Each field in one line. Other than in HTTP it may be folded: a line that begins with white space goes on with the last
    /// (RFC 2046 section 5.1, RFC 5322
    /// section 2.2.3).
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

    private static void Once(ref string? field, string value)
    {
        if (field is not null) throw Malformed("a header field twice");
        field = value;
    }

    private static BadRequestException Malformed(string what) => new($"malformed multipart body: {what}");
}
