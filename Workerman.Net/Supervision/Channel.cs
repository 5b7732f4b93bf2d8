using System.Buffers.Binary;
using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Workerman.Events;
using static Workerman.Events.SystemCalls;
using static Workerman.Supervision.ProcessCalls;

namespace Workerman.Supervision;

/// <summary>One message of a <see cref="Channel"/>.</summary>
/// <param name="Kind">What it is; the two ends agree on that.</param>
/// <param name="Payload">Its bytes.</param>
/// <param name="Descriptor">The descriptor that came with it, which belongs to whoever takes the message; -1 for none.</param>
internal readonly record struct ChannelMessage(byte Kind, byte[] Payload, int Descriptor);

/// <summary>
/// A connection between two processes of one program, over a pair of Unix sockets: messages in their order, each with a
/// descriptor at most (SCM_RIGHTS, unix(7)). It knows nothing of what they mean. Any thread may send; one thread receives. Both
/// block: it is for threads that have nothing else to do, never for a loop.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class Channel : IDisposable
{
    /// <summary>Length of the payload, kind, and whether a descriptor comes with it.</summary>
    private const int HeaderSize = 6;

    /// <summary>A message that is said to be longer is a mistake of the other end's.</summary>
    private const int MaxPayload = 64 * 1024 * 1024;

    /// <summary>The other end hangs if it has not read for so long.</summary>
    private static readonly TimeSpan SendTimeout = TimeSpan.FromSeconds(10);

    private readonly Lock _sending = new();
    private readonly Queue<int> _descriptors = new();
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly Socket _socket;
    private int _begin;
    private int _end;

    /// <param name="descriptor">A connected Unix socket; the channel's from here on.</param>
    public Channel(int descriptor)
    {
        // A child that is started by other means than ours is not to hold the other end's peer open.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC);
        _socket =
            new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)) { SendTimeout = (int)SendTimeout.TotalMilliseconds };
    }

    /// <summary>Two descriptors that are connected to each other.</summary>
    /// <exception cref="Win32Exception">There are no more descriptors.</exception>
    public static (int Mine, int Theirs) MakePair()
    {
        int* pair = stackalloc int[2];
        Errno.Check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
        return (pair[0], pair[1]);
    }

    /// <summary>Sends a message.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="payload">Its bytes.</param>
    /// <param name="descriptor">A descriptor, of which the other end gets a duplicate; -1 for none.</param>
    /// <returns>False if the other end is gone, or hangs.</returns>
    public bool TrySend(byte kind, ReadOnlySpan<byte> payload, int descriptor = -1)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        BinaryPrimitives.WriteInt32LittleEndian(header, payload.Length);
        header[4] = kind;
        header[5] = descriptor < 0 ? (byte)0 : (byte)1;
        lock (_sending)
        {
            bool isCut = false;
            if (TrySendAll(header, descriptor, ref isCut) && TrySendAll(payload, -1, ref isCut)) return true;
            // What follows a part of a message would be read as the rest of it: nothing follows.
            if (isCut) Shutdown();
            return false;
        }
    }

    /// <summary>Waits for the next message.</summary>
    /// <returns>False if the other end is gone.</returns>
    public bool TryReceive(out ChannelMessage message)
    {
        message = default;
        Span<byte> header = stackalloc byte[HeaderSize];
        if (!TryFill(header)) return false;
        int length = BinaryPrimitives.ReadInt32LittleEndian(header);
        if (length is < 0 or > MaxPayload) return false;
        byte[] payload = new byte[length];
        if (!TryFill(payload)) return false;
        int descriptor = header[5] == 0 || !_descriptors.TryDequeue(out int received) ? -1 : received;
        message = new ChannelMessage(header[4], payload, descriptor);
        return true;
    }

    /// <summary>Ends it; whoever waits on it at either end is told.</summary>
    public void Dispose()
    {
        Shutdown();
        _socket.Dispose();
    }

    private void Shutdown()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The other end is gone already, or this one.
        }
    }

    /// <param name="bytes">What is sent.</param>
    /// <param name="descriptor">What goes with its first byte.</param>
    /// <param name="isCut">Set when some has been sent.</param>
    private bool TrySendAll(ReadOnlySpan<byte> bytes, int descriptor, ref bool isCut)
    {
        while (!bytes.IsEmpty)
        {
            int sent = Send(bytes, descriptor);
            if (sent < 0) return false;
            isCut = true;
            bytes = bytes[sent..];
            descriptor = -1;
        }
        return true;
    }

    private int Send(ReadOnlySpan<byte> bytes, int descriptor)
    {
        DescriptorMessage control = new()
        {
            Length = sizeof(DescriptorMessage) - sizeof(int),
            Level = SOL_SOCKET,
            Type = SCM_RIGHTS,
            Descriptor = descriptor,
        };
        fixed (byte* first = bytes)
        {
            var vector = new IoVector { Base = first, Length = bytes.Length };
            MessageHeader header = new() { Vectors = &vector, VectorCount = 1 };
            if (descriptor >= 0)
            {
                header.Control = &control;
                header.ControlLength = sizeof(DescriptorMessage);
            }
            nint sent;
            do sent = sendmsg(Handle, &header, MSG_NOSIGNAL);
            while (sent < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
            return (int)sent;
        }
    }

    private bool TryFill(Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            if (_begin == _end && !TryReceiveSome()) return false;
            int count = Math.Min(into.Length, _end - _begin);
            _buffer.AsSpan(_begin, count).CopyTo(into);
            _begin += count;
            into = into[count..];
        }
        return true;
    }

    /// <summary>
    /// Receives bytes, and the descriptor that has come with them: one call ends where the next descriptor begins.
    /// </summary>
    private bool TryReceiveSome()
    {
        DescriptorMessage control = default;
        fixed (byte* first = _buffer)
        {
            var vector = new IoVector { Base = first, Length = _buffer.Length };
            MessageHeader header = new()
            {
                Vectors = &vector,
                VectorCount = 1,
                Control = &control,
                ControlLength = sizeof(DescriptorMessage),
            };
            nint count;
            do count = recvmsg(Handle, &header, MSG_CMSG_CLOEXEC);
            while (count < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
            if (count <= 0) return false;
            if (header.ControlLength > 0 && control.Level == SOL_SOCKET && control.Type == SCM_RIGHTS)
                _descriptors.Enqueue(control.Descriptor);
            (_begin, _end) = (0, (int)count);
            return true;
        }
    }

    /// <summary>-1, with which every call fails, when it is closed.</summary>
    private int Handle => _socket.SafeHandle.IsClosed ? -1 : (int)_socket.Handle;
}
