using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Workerman.Events;
using Workerman.Supervision;

namespace Workerman.Tests.Support;

/// <summary>systemd's end of <c>NOTIFY_SOCKET</c>: what a program says, and which of its processes. A thread of its
/// own reads.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class NotifySocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly List<(int Process, string Text)> _messages = [];

    /// <param name="path">A path; with @ at its beginning a name of the abstract namespace.</param>
    public NotifySocket(string path)
    {
        Name = path;
        _socket.Bind(new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path));
        int on = 1;
        if (SystemCalls.setsockopt((int)_socket.Handle, ProcessCalls.SOL_SOCKET, ProcessCalls.SO_PASSCRED, (byte*)&on,
            sizeof(int)) != 0)
            throw new Win32Exception();
        new Thread(Read) { IsBackground = true, Name = "notify socket" }.Start();
    }

    public string Name { get; }

    public (int Process, string Text)[] Messages
    {
        get
        {
            lock (_messages) return [.. _messages];
        }
    }

    /// <summary>Waits for a message that begins with a text.</summary>
    public (int Process, string Text) WaitFor(string begin, int nth = 1)
    {
        (int, string)[] found = [];
        bool Begins((int Process, string Text) one) => one.Text.StartsWith(begin, StringComparison.Ordinal);
        Wait.For(Wait.Until(() => (found = [.. Messages.Where(Begins)]).Length >= nth,
            () => $"{begin} among {string.Join(" | ", Messages)}"));
        return found[nth - 1];
    }

    public void Dispose() => _socket.Dispose();

    private void Read()
    {
        byte[] buffer = new byte[4096];
        // struct cmsghdr with struct ucred, cmsg(3).
        byte* control = stackalloc byte[64];
        while (true)
        {
            fixed (byte* first = buffer)
            {
                var vector = new SystemCalls.IoVector { Base = first, Length = buffer.Length };
                ProcessCalls.MessageHeader header =
                    new() { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = 64 };
                nint count = _socket.SafeHandle.IsClosed ? -1 : ProcessCalls.recvmsg((int)_socket.Handle, &header, 0);
                if (count < 0) return;
                lock (_messages) _messages.Add((*(int*)(control + 16), Encoding.UTF8.GetString(buffer, 0, (int)count)));
            }
        }
    }
}
