using System.Net;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>Stands in for the socket of a connection that has none yet. No state; any thread.</summary>
internal sealed class NoSocket : ILoopSocket
{
    public static readonly NoSocket Instance = new();

    private NoSocket()
    {
    }

    public bool ReadEnabled
    {
        get => false;
        set { }
    }

    public IPEndPoint? RemoteEndPoint => null;

    public IPEndPoint? LocalEndPoint => null;

    public bool HasUnread => false;

    public int Receive(Span<byte> buffer, out SocketError error)
    {
        error = SocketError.NotConnected;
        return 0;
    }

    public int Send(ReadOnlySpan<byte> data, out SocketError error)
    {
        error = SocketError.NotConnected;
        return 0;
    }

    public bool ShutdownSend() => false;

    public bool SetOption(int level, int name, int value) => false;

    public void Close(bool reset)
    {
    }

    public void SendWhenWritable(ReadOnlyMemory<byte> data)
    {
    }

    public void SendFileWhenWritable(SafeFileHandle file, long offset, long count)
    {
    }

    public void Dispose()
    {
    }
}
