using System.Net.Sockets;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// A file on its way: it follows the bytes that wait before it, and the loop sends it as the peer reads. One at a time, because
/// the protocol is not ready before it has left. Whatever ends the connection closes the file.
/// </summary>
public partial class TcpConnection
{
    private FileRange? _file;
    private bool _fileOrdered;

    /// <summary>Takes over the file that follows what was just encoded.</summary>
    private void TakeFile()
    {
        _file = Protocol.PendingFile;
        Protocol.PendingFile = null;
    }

    /// <summary>Begins with the file, if there is one and nothing waits before it.</summary>
    /// <returns>Whether there is one.</returns>
    private bool SendsFile()
    {
        if (_file is null) return false;
        if (!_fileOrdered && Status != ConnectionStatus.Closed)
        {
            _stalledSince = Loop.Now;
            OrderFile();
        }
        return true;
    }

    private void OrderFile()
    {
        _fileOrdered = true;
        if (_tls is not null)
        {
            OrderEncryptedPiece();
            return;
        }
        _watch.SendFileWhenWritable(_file!.Handle, _file.Offset, _file.Remaining);
    }

    private void FileSent(int count, SocketError error)
    {
        _fileOrdered = false;
        if (error != SocketError.Success)
        {
            SendFailed();
            return;
        }
        if (count == 0)
        {
            FileFailed();
            return;
        }
        BytesWritten += count;
        _stalledSince = Loop.Now;
        if (_tls is not null)
        {
            EncryptedPieceSent(count);
            return;
        }
        _file!.Advance(count);
        if (_file.Remaining > 0) OrderFile();
        else EndFile();
    }

    /// <summary>Its length is promised already, and nothing but its own bytes may stand in for it: the peer must see that they are not all.</summary>
    private void FileFailed()
    {
        _handler.OnError(this, ConnectionError.SendFail, "the file became shorter, or cannot be read, while it is sent");
        Destroy();
    }

    private void EndFile()
    {
        DropFile();
        Protocol.OnFileSent();
        AfterSend();
    }

    private void DropFile()
    {
        _file?.Dispose();
        _file = null;
        _tls?.DropPiece();
    }
}
