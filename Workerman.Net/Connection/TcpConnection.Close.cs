using System.Text;
using Workerman.Events;
using Workerman.Protocols;
using Workerman.Tls;

namespace Workerman.Connection;

/// <summary>
/// The end: the status flips at once, the socket and <c>OnClose</c> follow at the end of the loop's turn, so that no
/// callback finds its connection freed under it.
/// </summary>
public partial class TcpConnection
{
    /// <summary>Whether the peer's end is waited for, since <see cref="_phaseSince"/>.</summary>
    private bool _lingers;

    private bool _finishByClosing;
    private bool _resets;
    private bool _freed;

    /// <summary>Sends what waits, then closes (PHP: <c>close()</c>). Any thread.</summary>
    public void Close()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(Close);
            return;
        }
        if (AbandonOpening() || Status is ConnectionStatus.Closing or ConnectionStatus.Closed) return;
        if (Status == ConnectionStatus.Established && Protocol.NeedsCloseFrame)
        {
            // It takes two to end: the peer answers, and what it sends meanwhile is read.
            End();
            return;
        }
        Status = ConnectionStatus.Closing;
        DropEarly();
        EndsHere |= !_peerClosed;
        if (Buffers.Corked != this) AfterFlush();
        UpdateReading();
    }

    /// <summary>Sends a last text and closes (PHP: <c>close($data)</c>). Any thread.</summary>
    public void Close(string text, bool raw = false) => Finish(() => raw ? SendLastRaw(Encoding.UTF8.GetBytes(text)) : Send(text), closing: true);

    /// <summary>Sends last bytes and closes (PHP: <c>close($data)</c>). Any thread.</summary>
    public void Close(ReadOnlySpan<byte> bytes, bool raw = false)
    {
        byte[] copy = bytes.ToArray();
        Finish(() => raw ? SendLastRaw(copy) : Send(copy), closing: true);
    }

    /// <inheritdoc cref="Close(ReadOnlySpan{byte}, bool)"/>
    public void Close(ReadOnlyMemory<byte> bytes, bool raw = false) => Close(bytes.Span, raw);

    /// <summary>Sends a last message and closes (PHP: <c>close($data)</c>). Any thread.</summary>
    public void Close<T>(T message)
        where T : IMessage => CloseWith(message);

    /// <summary>Does not compile: which message it is, is not known.</summary>
    [Obsolete("An IMessage is sent by the type that it is: Send((Response)message).", error: true)]
    public void Close(IMessage message) => throw new NotSupportedException();

    /// <inheritdoc cref="Close{T}(T)"/>
    internal void CloseWith<T>(T message) => Finish(() => SendMessage(message), closing: true);

    /// <summary>
    /// Sends what waits, half-closes, reads on until the peer closes too or <see cref="LingerTimeout"/> has passed, then closes.
    /// Unlike with <see cref="Close()"/> the peer gets the answer for certain, whatever it is still sending (PHP: <c>end()</c>).
    /// Any thread.
    /// </summary>
    public void End()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(End);
            return;
        }
        if (AbandonOpening() || Status >= ConnectionStatus.Ending) return;
        Status = ConnectionStatus.Ending;
        DropEarly();
        EndsHere |= !_peerClosed;
        if (Protocol.NeedsCloseFrame) Write(this, static (connection, _, output) => connection.Protocol.EncodeCloseFrame(output));
        if (Buffers.Corked != this) AfterFlush();
    }

    /// <summary>Sends a last text, then <see cref="End()"/> (PHP: <c>end($data)</c>). Any thread.</summary>
    public void End(string text, bool raw = false) => Finish(() => raw ? SendLastRaw(Encoding.UTF8.GetBytes(text)) : Send(text), closing: false);

    /// <summary>Sends last bytes, then <see cref="End()"/> (PHP: <c>end($data)</c>). Any thread.</summary>
    public void End(ReadOnlySpan<byte> bytes, bool raw = false)
    {
        byte[] copy = bytes.ToArray();
        Finish(() => raw ? SendLastRaw(copy) : Send(copy), closing: false);
    }

    /// <inheritdoc cref="End(ReadOnlySpan{byte}, bool)"/>
    public void End(ReadOnlyMemory<byte> bytes, bool raw = false) => End(bytes.Span, raw);

    /// <summary>Sends a last message, then <see cref="End()"/> (PHP: <c>end($data)</c>). Any thread.</summary>
    public void End<T>(T message)
        where T : IMessage => EndWith(message);

    /// <summary>Does not compile: which message it is, is not known.</summary>
    [Obsolete("An IMessage is sent by the type that it is: Send((Response)message).", error: true)]
    public void End(IMessage message) => throw new NotSupportedException();

    /// <inheritdoc cref="End{T}(T)"/>
    internal void EndWith<T>(T message) => Finish(() => SendMessage(message), closing: false);

    /// <summary>Closes at once; what was sent and the system has no room for is lost (PHP: <c>destroy()</c>). Any thread.</summary>
    public void Destroy()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(Destroy);
            return;
        }
        if (AbandonOpening()) return;
        // What the outbox has would have left already if it did not gather.
        FlushOutbox();
        TearDown();
    }

    /// <summary>What is left of <see cref="Destroy"/> when nothing can be sent any more.</summary>
    private protected void TearDown()
    {
        if (Status == ConnectionStatus.Closed) return;
        // A client that ends it by itself need not be told.
        if (Status == ConnectionStatus.Connecting && (!IsClient || _peerClosed || PeerReset)) ReportHandshake("the connection ended during the handshake");
        Status = ConnectionStatus.Closed;
        if (Buffers.Corked == this) Buffers.Corked = null;
        _resets |= Protocol.EndsByClose;
        DropFile();
        _watch.Dispose();
        _handler.OnGone(this);
        Source?.OnGone(this);
        Loop.Defer(this);
    }

    /// <summary>Closes at once and in a way that the peer cannot take for an end in order; what waits to be sent is lost.</summary>
    internal void Reset()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(Reset);
            return;
        }
        if (Status == ConnectionStatus.Closed) return;
        _resets = true;
        Destroy();
    }

    /// <summary>The server stops: ends now, or once the answer that is owed has been given.</summary>
    internal void Drain()
    {
        if (Status == ConnectionStatus.Established && Protocol.Drain(stopping: true)) Close();
    }

    /// <summary>Ends the connection with the protocol's last words: the peer gets them whatever it still sends.</summary>
    private void Reject(Verdict verdict)
    {
        _handler.OnRejected(this, verdict);
        Write(verdict, static (connection, verdict, output) => connection.Protocol.EncodeRejection(verdict, output));
        End();
    }

    private void Finish(Func<SendResult> send, bool closing)
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(() => Finish(send, closing));
            return;
        }
        if (AbandonOpening() || Status >= ConnectionStatus.Ending) return;
        // So that the last answer says that it is the last.
        Protocol.Drain(stopping: false);
        _finishByClosing = closing;
        try
        {
            send();
        }
        finally
        {
            // Closed it is in any case, also when the protocol had no place for the last words.
            Finish();
        }
    }

    /// <summary>
    /// Last bytes past the protocol do not wait for it to open: they are how an application refuses in words of its own.
    /// </summary>
    private SendResult SendLastRaw(byte[] bytes) => _holding && Status == ConnectionStatus.Established ? Write((ReadOnlySpan<byte>)bytes, WriteRaw) : SendRaw(bytes);

    private void Finish()
    {
        if (_finishByClosing) Close();
        else End();
    }

    /// <summary>Takes the next step towards the end, if all that was sent has left and an end is wanted.</summary>
    private void AfterFlush()
    {
        if (Status == ConnectionStatus.Established && _file is null && !Protocol.IsFinished) return;
        FlushOutbox();
        if (_output is not null || SendsFile() || SendsGoodbye()) return;
        switch (Status)
        {
            case ConnectionStatus.Established when Protocol.IsFinished:
                Finish();
                break;
            case ConnectionStatus.Ending:
                Linger();
                break;
            case ConnectionStatus.Closing:
                // Closing over unread bytes would reset the connection and could take the answer with it.
                if (_peerClosed || BytesWritten == 0 || !_watch.HasUnread) Destroy();
                else Linger();
                break;
        }
    }

    /// <summary>Half-closes, then reads only to find the peer's end.</summary>
    private void Linger()
    {
        if (_lingers) return;
        if (_peerClosed || LingerTimeout == TimeSpan.Zero || !_watch.ShutdownSend())
        {
            Destroy();
            return;
        }
        _lingers = true;
        _phaseSince = Loop.Now;
        UpdateReading();
    }

    private void Free()
    {
        if (_freed) return;
        _freed = _renewable = true;
        _addresses.Keep(_watch);
        _watch.Close(_resets);
        _input?.Discard();
        _input = null;
        _output?.Discard();
        _output = null;
        DropEarly();
        Protocol.Dispose();
        // OnClose may begin another life, with another filter.
        TlsFilter? tls = _tls ?? Proxied?.Tls;
        if (!AwaitsProxyHeader && (tls is null or { IsSecured: true } || IsClient)) _handler.OnClose(this);
        _handler.OnFreed(this);
        tls?.Dispose();
    }
}
