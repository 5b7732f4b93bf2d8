using System.Net.Sockets;

namespace Workerman.Tests.Support;

/// <summary>A socket's stream whose writes leave in pieces as told.</summary>
internal sealed class CutStream(Socket socket, Fragmentation fragmentation) : NetworkStream(socket)
{
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        foreach (Range piece in fragmentation.Cut(buffer.Length))
        {
            for (ReadOnlySpan<byte> rest = buffer[piece]; rest.Length > 0;) rest = rest[Socket.Send(rest)..];
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
}
