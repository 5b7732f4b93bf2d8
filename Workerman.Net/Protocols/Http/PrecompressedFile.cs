using Workerman.Protocols.Http.Files;

namespace Workerman.Protocols.Http;

/// <summary>
/// Compressed copies that are stored beside a file under its name and one more extension: <c>app.js.br</c>, <c>.zst</c>,
/// <c>.gz</c>. Nothing is compressed here. A copy is used if it may be served like the file itself, and is not older than the
/// file. Stateless, any thread.
/// </summary>
internal static class PrecompressedFile
{
    /// <summary>In the order that decides between equal weights: the one that is usually smaller first.</summary>
    private static readonly (ContentCoding Coding, string Extension)[] Kinds =
        [(ContentCoding.Brotli, ".br"), (ContentCoding.Zstandard, ".zst"), (ContentCoding.Gzip, ".gz")];

    /// <summary>Replaces the file by the copy that the client prefers.</summary>
    /// <param name="body">Where the file is.</param>
    /// <param name="accepted">What the client accepts.</param>
    /// <param name="file">The file; it is closed if a copy replaces it.</param>
    /// <param name="varies">Whether there is any copy, so that another client may get another answer.</param>
    /// <returns>The coding of what <paramref name="file"/> is now.</returns>
    /// <exception cref="IOException">The disk fails.</exception>
    public static ContentCoding Choose(FileBody body, AcceptEncoding accepted, ref OpenedFile file, out bool varies)
    {
        var chosen = ContentCoding.Identity;
        varies = false;
        DateTimeOffset modified = file.Modified;
        foreach ((ContentCoding coding, string extension) in Kinds)
        {
            if (!IsBetter(accepted, coding, chosen) || !TryOpen(body, extension, modified, out OpenedFile? copy)) continue;
            varies = true;
            (file, copy, chosen) = (copy!, file, coding);
            copy.Dispose();
        }
        // Only where none is sent it has to be asked whether there are others.
        return varies ? chosen : WithoutCopy(body, accepted, modified, out varies);
    }

    /// <summary>Looks for copies that the client does not want: the answer varies for them too.</summary>
    private static ContentCoding WithoutCopy(FileBody body, AcceptEncoding accepted, DateTimeOffset modified, out bool varies)
    {
        varies = false;
        foreach ((ContentCoding coding, string extension) in Kinds)
        {
            if (varies || IsBetter(accepted, coding, ContentCoding.Identity)) continue;
            varies = TryOpen(body, extension, modified, out OpenedFile? copy);
            copy?.Dispose();
        }
        return ContentCoding.Identity;
    }

    /// <summary>Whether the client prefers a coding to that of what was chosen so far.</summary>
    private static bool IsBetter(AcceptEncoding accepted, ContentCoding coding, ContentCoding chosen)
    {
        int weight = accepted.Of(coding);
        return weight > 0 && weight >= accepted.Identity
            && (chosen == ContentCoding.Identity || weight > accepted.Of(chosen));
    }

    private static bool TryOpen(FileBody body, string extension, DateTimeOffset modified, out OpenedFile? copy)
    {
        if (OpenedFile.Open(body.Path + extension, body.Within, out copy) != Opening.Opened) return false;
        // No coding has an empty result: an empty copy is one that is about to be written.
        if (copy!.Modified >= modified && copy.Size > 0) return true;
        copy.Dispose();
        return false;
    }
}
