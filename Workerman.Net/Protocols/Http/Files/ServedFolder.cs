namespace Workerman.Protocols.Http.Files;

/// <summary>A folder that files have to lie in, when all links are followed, to be served. A value; pure.</summary>
/// <param name="Path">Where it is; it may be a link itself.</param>
/// <param name="DotFiles">Whether files and folders below it may have names that begin with a dot.</param>
internal sealed record ServedFolder(string Path, bool DotFiles)
{
    /// <summary>Judges the place where a file really is.</summary>
    /// <param name="real">The file's path without links.</param>
    /// <param name="root">This folder's path without links.</param>
    public bool Allows(string real, string root)
    {
        if (real == root) return true;
        string prefix = System.IO.Path.EndsInDirectorySeparator(root) ? root : root + System.IO.Path.DirectorySeparatorChar;
        if (!real.StartsWith(prefix, StringComparison.Ordinal)) return false;
        return DotFiles
            || !real[(prefix.Length - 1)..].Contains($"{System.IO.Path.DirectorySeparatorChar}.", StringComparison.Ordinal);
    }
}
