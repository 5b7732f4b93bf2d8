using System.Net.Sockets;
using System.Security.Authentication;
using Workerman.Events;
using Workerman.Tls;

namespace Workerman.Connection;

/// <summary>
/// The way to the peer: binding to a loop, the attempt, the steps from a connected socket to <c>OnConnect</c>, failing, and
/// trying again. All on the loop's thread.
/// </summary>
public abstract partial class AsyncTcpConnection : IConnectOutcome
{
    private const double MaxSeconds = 366 * 24 * 3600;

    private LoopClients? _clients;
    private ConnectAttempt? _attempt;
    private TaskCompletionSource? _connected;
    private double? _reconnectAfterClose;
    private long _timer;
    private bool _hasTried;

    /// <summary>Whether the peer has yet to agree to TLS or to the protocol, after which the application is told.</summary>
    private bool _opening;

    /// <summary>Whether the application has ended it before the peer did.</summary>
    private bool _endedHere;

    private string? _refusal;
    private bool _unsecured;

    /// <summary>Gives it a loop. It is one for life once it has tried to connect.</summary>
    private protected void Bind(EventLoop loop)
    {
        if (IsPiped)
            throw new InvalidOperationException(
                "The connection was made, and piped, on another event loop; connect it there, or make it here.");
        _clients = LoopClients.Of(loop);
        SetHandler(MakeHandler(loop, _clients.Buffers));
    }

    /// <summary>Whether the end of the last life is still to come: <c>OnClose</c> has not been called.</summary>
    private bool IsClosing => Phase is ConnectionPhase.Closed or ConnectionPhase.Reset;

    private bool IsBoundElsewhere => _hasTried && !Loop.IsCurrent;

    private protected override bool IsClient => true;

    void IConnectOutcome.OnOpened(ConnectedSocket socket, ReadOnlySpan<byte> received)
    {
        _attempt = null;
        TlsFilter? tls;
        try
        {
            tls = Transport == "ssl" ? TlsFilter.ForClient(Tls.For(_address.Host, _address.SpeaksHttp), ConnectTimeout) : null;
            Attach(socket, tls);
        }
        catch (Exception e)
        {
            // The system has no room for another watch, or the settings of TLS have changed on the way.
            socket.Dispose();
            Fail(SocketError.NoBufferSpaceAvailable, $"connect {Address} failed: {e.Message}");
            return;
        }
        _opening = tls is not null || Protocol.IsOpening;
        Begin(received);
        if (tls is null) Proceed();
    }

    /// <summary>The TLS handshake has ended well.</summary>
    internal void AfterSecuring()
    {
        _opening = Protocol.IsOpening;
        Proceed();
    }

    /// <summary>
    /// Bytes can be sent: what waited leaves, and either the protocol's own beginning follows or it is connected.
    /// </summary>
    private void Proceed()
    {
        if (_opening)
        {
            UpdateReading();
            SendControl();
            return;
        }
        bool waited = HasHeld;
        if (SendHeld() == WriteOutcome.Failed)
        {
            _opening = true;
            _refusal = "the peer broke it off at once";
            TearDown();
            return;
        }
        UpdateReading();
        Announce();
        if (waited) AnnounceDrain();
    }

    /// <summary>
    /// The peer has agreed to the protocol, and the application has heard its answer: from here on it is connected.
    /// </summary>
    /// <param name="wasFull">Whether so much had waited for it that the application is to hear when all has left.</param>
    internal void AfterOpening(bool wasFull)
    {
        // The application did not like the answer. Whoever waits is told at the end.
        if (Status != ConnectionStatus.Established) return;
        _opening = false;
        Announce();
        if (wasFull) AnnounceDrain();
    }

    /// <summary>Why the peer did not agree to the protocol.</summary>
    internal void NoteRefusal(string reason) => _refusal = reason;

    /// <summary>Why the TLS handshake has failed.</summary>
    internal void NoteUnsecured(string reason)
    {
        _refusal = $"TLS: {reason}";
        _unsecured = true;
    }

    private void Announce()
    {
        RaiseConnect();
        _connected?.TrySetResult();
        _connected = null;
    }

    void IConnectOutcome.OnFailed(SocketError error, string reason)
    {
        _attempt = null;
        Fail(error, reason);
    }

    /// <summary>Calls <see cref="OnConnect"/>, guarded.</summary>
    private protected abstract void RaiseConnect();

    /// <summary>Its end: <c>OnClose</c> has been called, and may have connected it again.</summary>
    internal void AfterClose()
    {
        if (_reconnectAfterClose is not { } after) return;
        _reconnectAfterClose = null;
        if (Status == ConnectionStatus.Closed) Reconnect(after);
    }

    /// <summary>It is no longer listed.</summary>
    internal void Unlist()
    {
        _clients!.Remove(this);
        if (!_opening) return;
        _opening = false;
        if (_refusal is null && (_endedHere || Peer == PeerSide.Sending))
        {
            FailTask(SocketError.OperationAborted, $"connect {Address} failed: it was closed on the way");
            return;
        }
        string reason =
            $"connect {Address} failed: {_refusal ?? "the peer ended the connection before it had agreed to the protocol"}";
        bool unsecured = _unsecured;
        (_refusal, _unsecured) = (null, false);
        if (unsecured) FailTask(new AuthenticationException(reason));
        else FailTask(Peer == PeerSide.BrokenOff ? SocketError.ConnectionReset : SocketError.ConnectionRefused, reason);
        RaiseError(ConnectionError.ConnectFail, reason);
    }

    private protected override void OnEnding() => _endedHere |= Peer == PeerSide.Sending;

    private protected override void AbandonDial()
    {
        bool tried = _attempt is not null;
        StopConnecting();
        _reconnectAfterClose = null;
        if (tried)
        {
            TearDown();
        }
        else
        {
            // Nothing was under way: OnClose has come for the last connection, if there was one.
            DropHeld();
            Unlist();
            MoveTo(ConnectionPhase.Freed);
            TellOfEnd();
        }
        FailTask(SocketError.OperationAborted, $"connect {Address} failed: it was closed on the way");
    }

    /// <summary>
    /// PHP's order: the error, with status <see cref="ConnectionStatus.Closing"/>, then the end, unless it is being connected
    /// again.
    /// </summary>
    private void Fail(SocketError error, string reason)
    {
        MoveTo(ConnectionPhase.DialFailed);
        FailTask(error, reason);
        RaiseError(ConnectionError.ConnectFail, reason);
        if (Phase == ConnectionPhase.DialFailed) TearDown();
    }

    private void FailTask(SocketError error, string reason) =>
        FailTask(error == SocketError.TimedOut ? new TimeoutException(reason) : new SocketException((int)error, reason));

    private void FailTask(Exception failure)
    {
        TaskCompletionSource? connected = _connected;
        _connected = null;
        connected?.TrySetException(failure);
    }

    /// <returns>Whether the calling code may go on; if not, the loop has been handed the call.</returns>
    private bool TakeLoop(Action call)
    {
        EventLoop? current = EventLoop.Current;
        if (_hasTried)
        {
            if (Loop.IsCurrent) return true;
            Loop.Post(call);
            return false;
        }
        if (current is null)
            throw new InvalidOperationException($"No event loop runs on this thread, so nothing can connect to {Address}. "
                + "Connect in OnWorkerStart or in another callback of a worker, after Worker.RunAll().");
        if (_clients is null || !Loop.IsCurrent) Bind(current);
        return true;
    }

    private void ReconnectNow()
    {
        if (IsClosing)
        {
            _reconnectAfterClose = 0;
            return;
        }
        StopTimer();
        if (FailIfLoopHasEnded()) return;
        _hasTried = true;
        _endedHere = false;
        Renew(ConnectionPhase.Dialling, MakeProtocol);
        _clients!.Add(this);
        _attempt = new ConnectAttempt(Loop, new ConnectPlan(_address, _socks5 ?? _http, BindTo, ConnectTimeout, LookUp)
        {
            AttemptDelay = AttemptDelay,
            KeepAlive = KeepAlive,
            ConfigureSocket = ConfigureSocket
        }, this);
        _attempt.Start();
    }

    private void ReconnectLater(double after)
    {
        if (FailIfLoopHasEnded()) return;
        _hasTried = true;
        _endedHere = false;
        // What is sent from here on is the next connection's.
        Renew(ConnectionPhase.Unconnected, MakeProtocol);
        _timer = Loop.AddTimer(TimeSpan.FromSeconds(after), ReconnectNow, persistent: false);
    }

    /// <summary>
    /// Whether the loop is at its end. A connection that reconnects whenever it is closed is not told; who waits for it is.
    /// </summary>
    private bool FailIfLoopHasEnded()
    {
        if (_clients!.HasEnded) FailTask(SocketError.OperationAborted, $"connect {Address} failed: its event loop has ended");
        return _clients.HasEnded;
    }

    private void StopConnecting()
    {
        _attempt?.Cancel();
        _attempt = null;
        StopTimer();
    }

    private void StopTimer()
    {
        if (_timer != 0) Loop.DeleteTimer(_timer);
        _timer = 0;
    }

    private async Task AwaitConnectedAsync(TaskCompletionSource connected, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.Register(() => Loop.Post(() =>
        {
            // Established meanwhile, or on another attempt: nobody waits for this one any more.
            if (_connected == connected) Destroy();
        }));
        try
        {
            await connected.Task;
        }
        catch (SocketException e)
            when (e.SocketErrorCode == SocketError.OperationAborted && cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException($"connect {Address} was cancelled", e, cancellationToken);
        }
    }
}
