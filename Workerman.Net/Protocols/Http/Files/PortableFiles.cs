using static Workerman.Events.DescriptorHeadroom;

namespace Workerman.Protocols.Http.Files;

/// <summary>
/// Opens files on systems other than Linux (<see cref="LinuxFiles"/>), with what .NET has everywhere. Links are resolved by name
/// before the file is opened, so a link that is changed in between is followed unchecked (a race); and a named pipe is not
/// distinguished from a file. Stateless, any thread.
/// </summary>
internal static class PortableFiles
{
    /// <inheritdoc cref="OpenedFile.Open"/>
    public static Opening Open(string path, ServedFolder? within, out OpenedFile? file)
    {
        file = null;
        try
        {
            string real = Path.GetFullPath(path);
            if (!Path.Exists(real)) return Opening.Missing;
            if (within is not null)
            {
                real = Resolve(real);
                if (!within.Allows(real, Resolve(Path.GetFullPath(within.Path)))) return Opening.Missing;
            }
            if (Directory.Exists(real)) return Opening.Folder;
            if (!File.Exists(real) || (File.GetAttributes(real) & FileAttributes.Device) != 0) return Opening.Missing;
            Microsoft.Win32.SafeHandles.SafeFileHandle handle =
                File.OpenHandle(real, share: FileShare.ReadWrite | FileShare.Delete);
            file = new OpenedFile(handle, RandomAccess.GetLength(handle), File.GetLastWriteTimeUtc(handle));
            return Opening.Opened;
        }
        catch (UnauthorizedAccessException)
        {
            return Opening.Forbidden;
        }
        catch (IOException e) when (IsShortage(e))
        {
            return Opening.Refused;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or PathTooLongException
            or ArgumentException or NotSupportedException)
        {
            return Opening.Missing;
        }
    }

    /// <summary>The path with the links of all its parts resolved.</summary>
    private static string Resolve(string path)
    {
        string root = Path.GetPathRoot(path)!;
        string real = root;
        foreach (string part in path[root.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            string next = Path.Combine(real, part);
            // The target of a link may have links among its own parts.
            FileSystemInfo? target = Directory.ResolveLinkTarget(next, returnFinalTarget: true);
            real = target is null ? next : Resolve(target.FullName);
        }
        return real;
    }
}
