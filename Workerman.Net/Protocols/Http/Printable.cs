namespace Workerman.Protocols.Http;

/// <summary>Text for error messages, with what would break their line made visible. Pure.</summary>
internal static class Printable
{
    public static string Of(string text) => string.Concat(text.Select(c => char.IsControl(c) ? $"\\u{(int)c:x4}" : c.ToString()));
}
