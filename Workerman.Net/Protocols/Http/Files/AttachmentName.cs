using System.Text;

namespace Workerman.Protocols.Http.Files;

/// <summary>
/// Content-Disposition for a file that is to be saved (RFC 6266 section 4): a plain name that all clients can read, and the exact
/// one in the form of RFC 8187 if the plain one has replaced characters. Pure.
/// </summary>
internal static class AttachmentName
{
    /// <summary>attr-char, RFC 8187 section 3.2.1, besides letters and digits.</summary>
    private const string AttributeMarks = "!#$&+-.^_`|~";

    public static string Format(string fileName)
    {
        // Browsers differ in how they read quotes, backslashes and percent signs; control characters would end the line.
        string plain = string.Concat(fileName.Select(c => c is < ' ' or > '~' or '"' or '\\' or '%' or '/' ? '_' : c));
        return plain == fileName
            ? $"attachment; filename=\"{plain}\""
            : $"attachment; filename=\"{plain}\"; filename*=UTF-8''{Encode(fileName)}";
    }

    private static string Encode(string name)
    {
        var text = new StringBuilder();
        foreach (byte b in Encoding.UTF8.GetBytes(name))
        {
            char c = (char)b;
            if (char.IsAsciiLetterOrDigit(c) || AttributeMarks.Contains(c, StringComparison.Ordinal)) text.Append(c);
            else text.Append('%').Append(b.ToString("X2", null));
        }
        return text.ToString();
    }
}
