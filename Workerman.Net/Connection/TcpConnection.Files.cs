using System.Net.Sockets;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// The way out of files: one follows the bytes before it, and the socket sends it piece by piece, each when it is in memory.
/// </summary>
public partial class TcpConnection
{
    /// <summary>Takes over the file that follows what was just encoded. Whatever ends the connection closes it.</summary>
    private void TakeFile()
    {
        Queue.File = Protocol.PendingFile;
        Protocol.PendingFile = null;
    }

    /// <summary>Begins with the file, if there is one; nothing waits before it.</summary>
    /// <returns>Whether there is one.</returns>
    private bool StartFile()
    {
        if (_queue is not { File: not null } queue) return false;
        if (queue.FileIsOrdered) return true;
        queue.ProgressAt = Loop.Now;
        OrderFile(queue);
        return true;
    }

    /// <summary>Has the next piece of the file sent, once it is in memory: the loop does not wait for a disk.</summary>
    private void OrderFile(SendQueue queue)
    {
        queue.FileIsOrdered = true;
        FileRange file = queue.File!;
        long count = Math.Min(file.Remaining, DiskReader.PieceSize);
        if (Buffers.Disk.IsCached(file.Handle, file.Offset, count))
            _socket.SendFileWhenWritable(file.Handle, file.Offset, count);
        else
            Buffers.Disk.Fetch(Loop, file.Handle, file.Offset, count, () => OnFileFetched(file, count));
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
