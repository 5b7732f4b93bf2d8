using Microsoft.Win32.SafeHandles;

namespace Workerman.Events;

/// <summary>Reads a piece of a file where the kernel does not copy it to the socket. No state; any thread.</summary>
internal static class FilePiece
{
    /// <returns>How many bytes there are; 0 at the end of the file, and where it cannot be read.</returns>
    public static int Read(SafeFileHandle file, long offset, Span<byte> buffer)
    {
        try
        {
            return RandomAccess.Read(file, buffer, offset);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
