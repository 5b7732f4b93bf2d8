using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>Whose a file is, which .NET does not tell: <c>statx(2)</c>, whose layout is the same on every machine. Linux only.</summary>
internal static unsafe partial class FileOwner
{
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint STATX_UID = 0x8;
    private const int StatxSize = 256;
    private const int StatxUid = 20;

    /// <summary>Whether it belongs to the user that this process acts for; null where that cannot be asked.</summary>
    public static bool? IsCaller(string path)
    {
        if (!OperatingSystem.IsLinux()) return null;
        try
        {
            Span<byte> status = stackalloc byte[StatxSize];
            fixed (byte* buffer = status)
            {
                if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_UID, buffer) != 0) return null;
            }
            uint owner = BitConverter.IsLittleEndian
                ? BinaryPrimitives.ReadUInt32LittleEndian(status[StatxUid..])
                : BinaryPrimitives.ReadUInt32BigEndian(status[StatxUid..]);
            return owner == geteuid();
        }
        catch (EntryPointNotFoundException)
        {
            // A C library from before it.
            return null;
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int directory, string path, int flags, uint mask, byte* status);

    [LibraryImport("libc")]
    private static partial uint geteuid();
}
