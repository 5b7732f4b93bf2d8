using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Workerman.Events;

namespace Workerman.Hosting;

/// <summary>
/// Accepts the connections of one worker on one loop. When descriptors run out, or the worker has as many connections as it may
/// have, it pauses, so that the loop does not spin and open connections go on; it tries again when one was closed, and at each
/// tick. Belongs to the loop's thread.
/// </summary>
internal sealed class Acceptor : IAcceptHandler
{
    private const string MoreFiles = "Raise the limit of open files (ulimit -n) or close some.";
    private const string MoreConnections = "Raise WorkerOptions.MaxConnections, or find out who keeps them.";

    private readonly Action<ConnectedSocket> _accepted;
    private readonly Func<bool> _hasRoom;
    private readonly ILogger _logger;
    private readonly string _worker;
    private readonly ILoopListener _listening;
    private bool _paused;
    private bool _exhausted;
    private bool _retrying;
    private bool _closed;

    public Acceptor(IEventLoop loop, Listener listener, string worker, ILogger logger, Action<ConnectedSocket> accepted,
        Func<bool> hasRoom)
    {
        Listener = listener;
        _worker = worker;
        _logger = logger;
        _accepted = accepted;
        _hasRoom = hasRoom;
        listener.Acquire();
        _listening = loop.Accept(listener.Socket, this);
    }

    public Listener Listener { get; }

    public void Pause()
    {
        _paused = true;
        _listening.Enabled = false;
    }

    public void Resume()
    {
        _paused = false;
        _listening.Enabled = true;
    }

    /// <summary>Tries again after descriptors had run out.</summary>
    public void Retry()
    {
        if (!_exhausted || _retrying || _paused || _closed || !_hasRoom() || !DescriptorHeadroom.HasRoom()) return;
        _retrying = true;
        _listening.Enabled = true;
    }

    /// <summary>At each tick of the loop: tries again, or finds that accepting has gone well since the last tick.</summary>
    public void Tick()
    {
        if (!_retrying)
        {
            Retry();
            return;
        }
        _retrying = _exhausted = false;
        Log.AcceptResumed(_logger, _worker);
    }

    /// <param name="deliver">Whether what is accepted by now is still delivered, be it after this.</param>
    public void Close(bool deliver = false)
    {
        if (_closed) return;
        _closed = true;
        if (deliver) _listening.Finish();
        else _listening.Dispose();
        Listener.Release();
    }

    public void OnAccepted(ConnectedSocket socket)
    {
        if (DescriptorHeadroom.IsReachedBy(socket.Handle))
        {
            OnExhausted(DescriptorHeadroom.Shortage, MoreFiles);
            // Each loop may have taken one beyond; not into what is left for reading files and sessions.
            if (DescriptorHeadroom.IsReachedByBrief(socket.Handle))
            {
                DescriptorHeadroom.CountRefused();
                socket.Dispose();
                return;
            }
        }
        _accepted(socket);
        if (!_hasRoom()) OnExhausted("it has MaxConnections", MoreConnections);
    }

    public void OnAcceptError(SocketError error) => OnExhausted($"{error}", MoreFiles);

    private void OnExhausted(string reason, string cure)
    {
        _listening.Enabled = false;
        _retrying = false;
        if (_exhausted) return;
        _exhausted = true;
        Log.AcceptPaused(_logger, _worker, reason, cure);
    }
}
