using Microsoft.Win32.SafeHandles;

namespace Workerman.Protocols;

/// <summary>
/// A part of an open file that is to follow the bytes that a protocol has written. The protocol opens it, the connection sends
/// it piece by piece and disposes of it; it is never read as a whole. Belongs to the loop's thread.
/// </summary>
internal sealed class FileRange(SafeFileHandle handle, long offset, long length) : IDisposable
{
    public SafeFileHandle Handle => handle;

    /// <summary>The position in the file of the next byte to send.</summary>
    public long Offset { get; private set; } = offset;

    /// <summary>Bytes that are still to be sent.</summary>
    public long Remaining { get; private set; } = length;

    public void Advance(int count)
    {
        Offset += count;
        Remaining -= count;
    }

    public void Dispose() => handle.Dispose();
}
