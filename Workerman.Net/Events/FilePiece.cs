using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Workerman.Events;

/// <summary>
/// Reads a piece of a file for sockets that cannot have the kernel copy it: for all, there is one size of a piece and one answer
/// to a file that has become shorter. It keeps nothing. Any thread.
/// </summary>
internal static class FilePiece
{
    /// <summary>How many bytes a piece has at most.</summary>
    public const int Size = 64 * 1024;

    /// <summary>Uses a piece that was read; the memory is borrowed for the call.</summary>
    /// <returns>What the reader returns.</returns>
    public delegate int Use<in T>(ReadOnlySpan<byte> piece, T state);

    /// <summary>Reads a piece into rented memory.</summary>
    /// <returns>What <paramref name="use"/> returns; 0, without a call, at the end of the file and where it cannot be
    /// read.</returns>
    public static int Read<T>(SafeFileHandle file, long offset, long count, T state, Use<T> use)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Size);
        try
        {
            int length = Read(file, offset, count, buffer);
            return length == 0 ? 0 : use(buffer.AsSpan(0, length), state);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads a piece into memory of at least <see cref="Size"/>.</summary>
    /// <returns>How many bytes there are; 0 at the end of the file, and where it cannot be read.</returns>
    public static int Read(SafeFileHandle file, long offset, long count, byte[] buffer)
    {
        try
        {
            return RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(count, Size)), offset);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
