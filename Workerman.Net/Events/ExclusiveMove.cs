using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Workerman.Events;

/// <summary>
/// Gives a file another name, if nobody has that name: of several callers at once, in whatever processes, one succeeds. .NET's
/// <c>File.Move</c> looks first and renames then, and so replaces what was made in between. No state; any thread.
/// </summary>
internal static class ExclusiveMove
{
    /// <summary>Moves it.</summary>
    /// <exception cref="IOException">There is a file at <paramref name="to"/>, or the system refuses.</exception>
    public static void MoveNew(string from, string to)
    {
        // To another file system .NET copies, into a file that it has made for certain. On one without hard links a race is left.
        if (!OperatingSystem.IsLinux() || !TryLink(from, to)) File.Move(from, to, overwrite: false);
    }

    /// <summary>link(2): it fails if the name is taken.</summary>
    [SupportedOSPlatform("linux")]
    private static bool TryLink(string from, string to)
    {
        if (SystemCalls.link(from, to) == 0)
        {
            File.Delete(from);
            return true;
        }
        return Marshal.GetLastPInvokeError() == Errno.EEXIST ? throw new IOException($"The file '{to}' already exists.") : false;
    }
}
