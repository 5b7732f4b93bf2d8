using System.Diagnostics;

namespace Workerman.Tests.Support;

/// <summary>
/// A folder of its own file system, in memory and of few bytes, that can be filled. Only root may mount one, on Linux.
/// </summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public string Path => _folder.Path;

    /// <summary>Mounts one, or ignores the test where that is not allowed.</summary>
    public static SmallDisk MountOrIgnore(int size)
    {
        var disk = new SmallDisk();
        if (OperatingSystem.IsLinux() && Run("mount", "-t", "tmpfs", "-o", $"size={size}", "tmpfs", disk.Path)) return disk;
        disk._folder.Dispose();
        Assert.Ignore("only root may mount a small file system, on Linux");
        return disk;
    }

    public void Dispose()
    {
        Run("umount", "-l", Path);
        _folder.Dispose();
    }

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
