using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Workerman.Protocols.Http.Files;

/// <summary>
/// Which file it is, of what kind and whose (<c>statx(2)</c>, whose layout is the same on every machine). A value. Linux only.
/// </summary>
[SupportedOSPlatform("linux")]
internal readonly unsafe partial record struct FileIdentity(ulong Device, ulong Number, int Kind, uint Owner)
{
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_BASIC_STATS = 0x7FF;
    private const int KindMask = 0xF000;
    private const int RegularFile = 0x8000;

    public bool IsRegular => Kind == RegularFile;

    /// <summary>Whether it belongs to the user that this process acts for.</summary>
    public bool IsOurs => Owner == geteuid();

    public static FileIdentity Of(SafeFileHandle file)
    {
        var status = new FileStatus();
        return statx(file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) == 0 ? Of(in status) : default;
    }

    /// <summary>Of what stands at a path, be it a link.</summary>
    public static FileIdentity Of(string path)
    {
        var status = new FileStatus();
        return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) == 0 ? Of(in status) : default;
    }

    private static FileIdentity Of(in FileStatus status) =>
        new(((ulong)status.DeviceMajor << 32) | status.DeviceMinor, status.Number, status.Mode & KindMask, status.Owner);

    /// <summary>The part of <c>struct statx</c> that is used here.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private readonly struct FileStatus
    {
        [FieldOffset(20)]
        public readonly uint Owner;

        [FieldOffset(28)]
        public readonly ushort Mode;

        [FieldOffset(32)]
        public readonly ulong Number;

        [FieldOffset(136)]
        public readonly uint DeviceMajor;

        [FieldOffset(140)]
        public readonly uint DeviceMinor;
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(SafeFileHandle file, string path, int flags, uint mask, FileStatus* status);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int directory, string path, int flags, uint mask, FileStatus* status);

    [LibraryImport("libc")]
    private static partial uint geteuid();
}
