using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// The head of one part of a form (RFC 7578 section 4): its field's name, and of a file the client's name and content type.
/// A value; pure.
/// </summary>
/// <param name="Name">The field.</param>
/// <param name="FileName">The client's name for a file, as it was sent, or null for a field that is none.</param>
/// <param name="ContentType">The content type that was said, or null.</param>
internal sealed record MultipartHead(string Name, string? FileName, string? ContentType)
{
    /// <exception cref="BadRequestException">It is malformed, or of no part that a form has.</exception>
    public static MultipartHead Read(ReadOnlySpan<byte> bytes)
    {
        string? disposition = null;
        string? contentType = null;
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
        // Section 4.2: each part has a disposition of form-data with a name.
        if (disposition is null) throw Malformed("a part without Content-Disposition");
        if (!HeaderParameters.TryRead(disposition, out string type, out Dictionary<string, string> parameters)) throw Malformed("a bad Content-Disposition");
        if (!type.Equals("form-data", StringComparison.OrdinalIgnoreCase)) throw Malformed("a part that is no form-data");
        if (!parameters.TryGetValue("name", out string? field)) throw Malformed("a part without a name");
        parameters.TryGetValue("filename", out string? file);
        return new MultipartHead(Unescape(field), ExtendedName(parameters) ?? (file is null ? null : Unescape(file)), contentType);
    }

    /// <summary>
    /// filename* is none of a form's business (RFC 7578 section 4.2), but .NET's own client sends it beside a filename that it
    /// makes unreadable: ext-value = "UTF-8" "'" [ language ] "'" value (RFC 8187 section 3.2).
    /// </summary>
    private static string? ExtendedName(Dictionary<string, string> parameters)
    {
        if (!parameters.TryGetValue("filename*", out string? value)) return null;
        string[] parts = value.Split('\'', 3);
        bool utf8 = parts.Length == 3 && parts[0].Equals("utf-8", StringComparison.OrdinalIgnoreCase);
        return utf8 ? UrlEncoding.Decode(Encoding.UTF8.GetBytes(parts[2]), plusIsSpace: false) : null;
    }

    /// <summary>What browsers escape in names, and nothing else (WHATWG HTML, multipart/form-data encoding algorithm).</summary>
    private static string Unescape(string name) => !name.Contains('%', StringComparison.Ordinal) ? name : name
        .Replace("%22", "\"", StringComparison.Ordinal)
        .Replace("%0D", "\r", StringComparison.OrdinalIgnoreCase)
        .Replace("%0A", "\n", StringComparison.OrdinalIgnoreCase);

    private static void Once(ref string? field, string value)
    {
        if (field is not null) throw Malformed("a header field twice");
        field = value;
    }

    private static BadRequestException Malformed(string what) => new($"malformed multipart body: {what}");
}
