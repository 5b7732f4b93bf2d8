using System.Net.Sockets;

namespace Workerman.Connection;

/// <summary>The way out of files: one follows the bytes before it, and the socket sends it piece by piece.</summary>
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

    private void OrderFile(SendQueue queue)
    {
        queue.FileIsOrdered = true;
        _socket.SendFileWhenWritable(queue.File!.Handle, queue.File.Offset, queue.File.Remaining);
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
        _bytesWritten += count;
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
