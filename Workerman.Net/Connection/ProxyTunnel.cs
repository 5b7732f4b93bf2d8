using System.Buffers;
using System.Net.Sockets;
using Workerman.Events;
using Workerman.Protocols;
using Workerman.Protocols.Proxies;

namespace Workerman.Connection;

/// <summary>
/// A socket to a proxy while the proxy connects to the target: it sends and receives the messages of a
/// <see cref="ProxyHandshake"/>, and then hands the socket over, with what has arrived behind the proxy's last reply. Belongs to
/// the loop's thread and to its attempt.
/// </summary>
internal sealed class ProxyTunnel : ISocketHandler
{
    private readonly ConnectedSocket _socket;
    private readonly ProxyHandshake _handshake;
    private readonly Opened _opened;
    private readonly Action<SocketError, string> _failed;
    private readonly ILoopSocket _loopSocket;
    private readonly ArrayBufferWriter<byte> _request = new(512);
    private readonly byte[] _received;
    private int _count;
    private int _sent;
    private bool _sending;
    private bool _ended;

    /// <exception cref="Exception">The system does not watch the socket; it stays the caller's.</exception>
    public ProxyTunnel(IEventLoop loop, ConnectedSocket socket, ProxyHandshake handshake, Opened opened,
        Action<SocketError, string> failed)
    {
        _socket = socket;
        _handshake = handshake;
        _opened = opened;
        _failed = failed;
        _received = new byte[handshake.MaxReplySize];
        _loopSocket = loop.Watch(socket, this);
        handshake.Begin(_request);
        SendRequest();
    }

    public delegate void Opened(ConnectedSocket socket, ReadOnlySpan<byte> received);

    public void Cancel()
    {
        if (_ended) return;
        _ended = true;
        _loopSocket.Close(reset: false);
    }

    void ISocketHandler.OnReadable()
    {
        int count = _loopSocket.Receive(_received.AsSpan(_count), out SocketError error);
        if (error is SocketError.WouldBlock or SocketError.Interrupted) return;
        if (error != SocketError.Success) Fail(error, "it broke the connection off");
        else if (count == 0) Fail(SocketError.ConnectionAborted, "it closed the connection");
        else OnReceived(count);
    }

    void ISocketHandler.OnSent(int count, SocketError error)
    {
        _sending = false;
        if (error != SocketError.Success)
        {
            Fail(error, "it broke the connection off");
            return;
        }
        _sent += count;
        SendRequest();
    }

    void ISocketHandler.OnHangup() => Fail(SocketError.ConnectionReset, "it broke the connection off");

    private void OnReceived(int count)
    {
        _count += count;
        var input = new ReadOnlySequence<byte>(_received, 0, _count);
        Verdict verdict = _handshake.Read(ref input, _request);
        switch (verdict.Kind)
        {
            case VerdictKind.Message:
                HandOver(input);
                break;
            case VerdictKind.Reject:
                Fail(verdict.Status == 407 ? SocketError.AccessDenied : SocketError.ConnectionRefused, verdict.Reason!);
                break;
            default:
                Keep(input);
                break;
        }
    }

    private void Keep(in ReadOnlySequence<byte> rest)
    {
        // What is left begins later in the same array: copied forward, as a span may be.
        if (rest.Length < _count) rest.FirstSpan.CopyTo(_received);
        _count = (int)rest.Length;
        if (_count == _received.Length) Fail(SocketError.MessageSize, $"its answer has no end within {_received.Length} bytes");
        else SendRequest();
    }

    private void HandOver(in ReadOnlySequence<byte> rest)
    {
        if (_ended) return;
        _ended = true;
        // The loop stops watching it; it stays open.
        _loopSocket.Dispose();
        _opened(_socket, rest.FirstSpan);
    }

    private void Fail(SocketError error, string reason)
    {
        if (_ended) return;
        Cancel();
        _failed(error, reason);
    }

    private void SendRequest()
    {
        if (_ended || _sending || _sent == _request.WrittenCount) return;
        _sending = true;
        _loopSocket.SendWhenWritable(_request.WrittenMemory[_sent..]);
    }
}
