using System.Net.Sockets;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// The way out of files: one follows the bytes before it, and the socket sends it piece by piece, each when it is in memory.
/// </summary>
public partial class TcpConnection
{
    /// <summary>
    /// So long a file is read into the output, behind its head, and leaves with it in one send: copying it twice costs less than
    /// another send does.
    /// </summary>
    private const int SmallFile = 16 * 1024;

    /// <summary>
    /// Takes over the file that follows what was just encoded. Whatever ends the connection closes it. One that is read here
    /// stays with the protocol, with nothing left of it, until the next step (<see cref="EndWrittenFile"/>).
    /// </summary>
    private void TakeFile(BatchBuffer output)
    {
        FileRange file = Protocol.PendingFile!;
        if (file.Remaining == 0 || TryWriteFile(file, output)) return;
        Queue.File = file;
        Protocol.PendingFile = null;
    }

    /// <summary>Writes a small file behind its head, if that needs no disk.</summary>
    private bool TryWriteFile(FileRange file, BatchBuffer output)
    {
        if (file.Remaining > SmallFile || !_socket.SendsFilesAtOnce) return false;
        int length = (int)file.Remaining;
        if (!Buffers.Disk.TryRead(file.Handle, file.Offset, output.GetSpan(length)[..length])) return false;
        output.Advance(length);
        file.Advance(length);
        file.Dispose();
        return true;
    }

    /// <summary>A file that was written whole, behind its head, has been sent as far as the protocol is concerned.</summary>
    private void EndWrittenFile()
    {
        if (Protocol.PendingFile is null) return;
        Protocol.PendingFile = null;
        Protocol.OnFileSent();
    }

    /// <summary>Begins with the file, if there is one; nothing waits before it.</summary>
    /// <returns>Whether there is one.</returns>
    private bool StartFile()
    {
        if (_queue is not { File: not null } queue) return false;
        if (queue.FileIsOrdered) return true;
        queue.ProgressAt = Loop.Now;
        OrderFile(queue, atOnce: true);
        return true;
    }

    /// <summary>Whether the file's first piece is sent right behind bytes that are sent now: it needs no disk.</summary>
    private bool FileFollowsAtOnce()
    {
        if (_queue is not { File: { } file, FileIsOrdered: false } queue || !_socket.SendsFilesAtOnce) return false;
        return queue.FileIsCached = IsCached(file);
    }

    /// <summary>Whether the next piece of a file is in memory.</summary>
    private bool IsCached(FileRange file) =>
        Buffers.Disk.IsCached(file.Handle, file.Offset, Math.Min(file.Remaining, DiskReader.PieceSize));

    /// <summary>
    /// Has the next piece of the file sent, once it is in memory: the loop does not wait for a disk. The first one does not wait
    /// for the socket to be found writable, which it mostly is; those that follow do, so that the others get their turn.
    /// </summary>
    private void OrderFile(SendQueue queue, bool atOnce = false)
    {
        queue.FileIsOrdered = true;
        FileRange file = queue.File!;
        long count = Math.Min(file.Remaining, DiskReader.PieceSize);
        bool isCached = queue.FileIsCached || IsCached(file);
        queue.FileIsCached = false;
        if (!isCached)
        {
            Buffers.Disk.Fetch(Loop, file.Handle, file.Offset, count, () => OnFileFetched(file, count));
            return;
        }
        var error = SocketError.WouldBlock;
        int sent = atOnce ? _socket.SendFile(file.Handle, file.Offset, count, out error) : 0;
        if (error == SocketError.WouldBlock) _socket.SendFileWhenWritable(file.Handle, file.Offset, count);
        else OnFileSent(queue, sent, error);
    }

    private void OnFileFetched(FileRange file, long count)
    {
        // The connection has ended meanwhile, and may have begun another life.
        if (_life.IsGone || _queue is not { FileIsOrdered: true } queue || !ReferenceEquals(queue.File, file)) return;
        queue.ProgressAt = Loop.Now;
        _socket.SendFileWhenWritable(file.Handle, file.Offset, count);
    }

    private void OnFileSent(SendQueue queue, int count, SocketError error)
    {
        queue.FileIsOrdered = false;
        if (error != SocketError.Success)
        {
            SendFailed();
            return;
        }
        if (count == 0)
        {
            // Its length is promised already, and only its own bytes may follow: the peer must see that they are not all.
            RaiseError(ConnectionError.SendFail, "the file became shorter, or cannot be read, while it is sent");
            Destroy();
            return;
        }
        if (TlsSocket is null) CountWritten(count);
        queue.ProgressAt = Loop.Now;
        queue.File!.Advance(count);
        if (queue.File.Remaining > 0)
        {
            OrderFile(queue);
            return;
        }
        queue.DropFile();
        DropEmptyQueue();
        Protocol.OnFileSent();
        AfterSend();
    }
}
