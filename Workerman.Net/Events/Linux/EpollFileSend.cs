using System.Buffers;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using static Workerman.Events.Errno;
using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>
/// A piece of a file that an <see cref="EpollSocket"/> is to send: the kernel copies it (sendfile(2)), where the file system lets
/// it. Immutable; the default value is none.
/// </summary>
[SupportedOSPlatform("linux")]
internal readonly unsafe struct EpollFileSend(SafeFileHandle file, long offset, long count)
{
    public bool IsEmpty => count == 0;

    /// <summary>Sends what the socket takes, once.</summary>
    public int Send(int fd, out SocketError error)
    {
        error = SocketError.Success;
        // On 32-bit systems off_t may have 32 bits, and the call would be sendfile64.
        if (nint.Size < 8) return Copy(fd, out error);
        while (true)
        {
            long position = offset;
            nint sent = sendfile(fd, file, &position, (nint)Math.Min(count, DiskReader.PieceSize));
            if (sent >= 0) return (int)sent;
            switch (Marshal.GetLastPInvokeError())
            {
                case EINTR:
                    break;
                case EAGAIN:
                    error = SocketError.WouldBlock;
                    return 0;
                case EINVAL or ENOSYS or EOPNOTSUPP:
                    return Copy(fd, out error);
                case EIO:
                    return 0;
                default:
                    error = SocketError.ConnectionReset;
                    return 0;
            }
        }
    }

    /// <summary>For file systems without sendfile: reads into memory and sends from there.</summary>
    private int Copy(int fd, out SocketError error)
    {
        error = SocketError.Success;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(FilePiece.Size);
        try
        {
            int read = FilePiece.Read(file, offset, count, buffer);
            return read == 0 ? 0 : SocketCalls.Send(fd, buffer.AsSpan(0, read), out error);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
