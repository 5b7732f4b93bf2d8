using System.Text;

namespace Workerman.Protocols.Http.Files;

/// <summary>
/// Content-Disposition for a file that is to be saved (RFC 6266 section 4): a plain name for everybody, and the exact one
/// after RFC 8187 where the plain one had to leave something out. Pure.
/// </summary>
internal static class AttachmentName
{
    /// <summary>attr-char, RFC 8187 section 3.2.1, besides letters and digits.</summary>
    private const string AttributeMarks = "!#$&+-.^_`|~";

    public static string Format(string fileName)
    {
        // Quotes, backslashes and percents are read in different ways by different browsers, the rest breaks the line.
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
