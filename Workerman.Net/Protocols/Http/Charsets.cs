using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// Charsets by the names that clients give them: those of the runtime, and of a provider that the application has registered
/// (<c>Encoding.RegisterProvider</c>). Pure.
/// </summary>
internal static class Charsets
{
    /// <summary>The charset, whose decoder makes U+FFFD of what it cannot read; null if it is not known.</summary>
    public static Encoding? Find(string name)
    {
        try
        {
            return Encoding.GetEncoding(name);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            // The latter is UTF-7.
            return null;
        }
    }
}
