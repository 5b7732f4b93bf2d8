using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>
/// Sees to it that a piece of a file is in the system's page cache before a loop sends it, so that the loop does not wait for a
/// disk: what is there is told by one system call, what is not is read by <see cref="DiskThreads"/>. It keeps no bytes. On
/// systems other than 64-bit Linux nothing tells, and all counts as cached. No state; any thread. Tests stand in for the disk.
/// </summary>
internal class DiskReader
{
    /// <summary>
    /// Bytes that are looked at, and read, at a time, and that a connection sends in a turn, so that a fast reader of a large
    /// file does not hold up the others: sendfile needs less than a tenth of a millisecond for them.
    /// </summary>
    public const int PieceSize = 512 * 1024;

    public static DiskReader Default { get; } = new();

    /// <summary>Whether the piece is in memory. Where the system does not tell for this file, it counts as not.</summary>
    public virtual bool IsCached(SafeFileHandle file, long offset, long count) =>
        !OperatingSystem.IsLinux() || !Environment.Is64BitProcess || LinuxPageCache.Has(file, offset, count);

    /// <summary>Reads bytes of a file, all or none, if they are in memory.</summary>
    public virtual bool TryRead(SafeFileHandle file, long offset, Span<byte> bytes) =>
        OperatingSystem.IsLinux() && Environment.Is64BitProcess && LinuxPageCache.TryRead(file, offset, bytes);

    /// <summary>Reads the piece on another thread, and calls back on the loop, whether or not it could be read.</summary>
    public void Fetch(IEventLoop loop, SafeFileHandle file, long offset, long count, Action fetched) =>
        DiskThreads.Shared.Run(() =>
        {
            Read(file, offset, count);
            loop.Post(fetched);
        });

    /// <summary>Waits for the disk. Does not throw: whoever sends the piece finds what is wrong with it.</summary>
    protected virtual void Read(SafeFileHandle file, long offset, long count)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(FilePiece.Size);
        try
        {
            while (count > 0 && FilePiece.Read(file, offset, count, buffer) is > 0 and var read)
            {
                offset += read;
                count -= read;
            }
        }
        catch (ObjectDisposedException)
        {
            // The connection has ended.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

/// <summary>Asks what of a file is in memory: cachestat(2), or preadv2(2) with RWF_NOWAIT. No state; any thread.</summary>
internal static unsafe class LinuxPageCache
{
    private static volatile bool _hasNoCall;

    /// <summary>
    /// Whether all pages of a piece are in memory. cachestat is refused for files of others (and is Linux 6.5), there the first
    /// and the last byte stand for the piece: the kernel reads ahead in larger steps.
    /// </summary>
    public static bool Has(SafeFileHandle file, long offset, long count)
    {
        if (count <= 0) return true;
        int page = Environment.SystemPageSize;
        long pages = (offset + count - 1) / page - offset / page + 1;
        CacheRange range = new() { Offset = (ulong)offset, Length = (ulong)count };
        CacheStatus status;
        if (cachestat((int)file.DangerousGetHandle(), &range, &status) == 0) return (long)status.Cached >= pages;
        return HasByte(file, offset) && HasByte(file, offset + count - 1);
    }

    /// <summary>Reads what is in memory; false if that is not all of it.</summary>
    public static bool TryRead(SafeFileHandle file, long offset, Span<byte> bytes)
    {
        fixed (byte* start = bytes) return ReadNow(file, start, bytes.Length, offset) == bytes.Length;
    }

    private static bool HasByte(SafeFileHandle file, long offset)
    {
        byte first;
        return ReadNow(file, &first, 1, offset) is null or >= 0;
    }

    /// <summary>How many bytes were read without a wait for the disk; null if the C library is from before that.</summary>
    private static nint? ReadNow(SafeFileHandle file, byte* bytes, int count, long offset)
    {
        if (_hasNoCall) return null;
        var part = new IoVector { Base = bytes, Length = count };
        try
        {
            return preadv2(file, &part, 1, offset, RWF_NOWAIT);
        }
        catch (EntryPointNotFoundException)
        {
            _hasNoCall = true;
            return null;
        }
    }
}
