using System.Buffers;
using System.Net;

namespace Workerman.Protocols.Http;

/// <summary>
/// HTTP/1.1 on one connection: reads a request, then waits until it has its answer before it reads the next (RFC 9112
/// section 9.3.2). An event stream is an answer that never ends. It judges and encodes; it neither sends nor closes.
/// Belongs to its connection, on the loop's thread. Requests are read in <c>.Read.cs</c>, what the application is asked before
/// that is in <c>.Asking.cs</c>, bodies that are read as they come in <c>.Streaming.cs</c>, answers are written in
/// <c>.Write.cs</c> and <c>.Bodies.cs</c>, sessions saved in <c>.Session.cs</c>.
/// </summary>
internal partial class HttpProtocol(HttpOptions options, bool isSecure = false, bool isUnix = false)
    : ConnectionProtocol, IDecoder<Request>, IEncoder<Response>, IEncoder<ServerSentEvents>, IEncoder<Chunk>,
    IEncoder<UpgradeAnswer>
{
    private State _state = State.Head;
    private bool _begun;
    private bool _served;
    private bool _endsAfterAnswer;
    private Refused _refused;
    private Leaving _leaving;
    private IPeer? _peer;

    private enum State : byte
    {
        /// <summary>Reads a head, or waits for one.</summary>
        Head,

        /// <summary>Reads a body of known length.</summary>
        Body,

        /// <summary>Reads a body in chunks.</summary>
        Chunks,

        /// <summary>The body has come whole; the end of it is being written to a file.</summary>
        Writing,

        /// <summary>The head is for the application to see before the body is read.</summary>
        Asked,

        /// <summary>The head has come, and is about to go to the application, which reads the body as it comes.</summary>
        Streaming,

        /// <summary>Reads a body that the application does not want, to get at the next request.</summary>
        Skip,

        /// <summary>The request is with the application.</summary>
        Answer,

        /// <summary>The answer's file follows.</summary>
        File,

        /// <summary>The answer has begun, and its chunks follow.</summary>
        Chunked,

        /// <summary>The answer is an event stream.</summary>
        Stream,

        /// <summary>The answer to CONNECT was a 2xx: what follows is for the connection that this one is piped to.</summary>
        Tunnel,

        /// <summary>The application writes the last answer itself.</summary>
        Raw,

        /// <summary>The last answer of this connection is written.</summary>
        Finished,
    }

    /// <summary>Why no request follows the next answer.</summary>
    private enum Leaving : byte
    {
        /// <summary>One may follow.</summary>
        No,

        /// <summary>Another process goes on with the worker; until that answer requests are waited for.</summary>
        Handover,

        /// <summary>The worker stops.</summary>
        Stop,
    }

    /// <summary>What the application sent that could not be written.</summary>
    private enum Refused : byte
    {
        Nothing,
        Answer,
        Chunk,
        Event,
        Raw,
    }

    public override string Name => "http";

    public override bool SharesPort => true;

    public override string Sends => "text, bytes, Response, Chunk and ServerSentEvents";

    public override bool IsReady => _state switch
    {
        State.Body or State.Chunks => _body!.Backlog is not { IsBehind: true },
        State.Writing => _body!.Backlog!.IsEmpty,
        State.Head or State.Asked or State.Streaming or State.Skip or State.Stream or State.Raw => true,
        _ => CanReadStream,
    };

    /// <summary>Whether the connection is encrypted.</summary>
    public bool IsSecure => isSecure;

    /// <summary>The peer's address; null on a Unix socket, or if it is gone.</summary>
    public IPAddress? PeerAddress => _peer?.RemoteAddress?.Address;

    /// <summary>Whether the peer is a trusted proxy. False if the connection ended before its address was read.</summary>
    public bool HasTrustedPeer =>
        isUnix ? options.TrustedProxies.HasUnixSockets : PeerAddress is { } address && options.TrustedProxies.Contains(address);

    public override void OnAttached(IPeer peer) => _peer = peer;

    /// <summary>The connection, of which this layer knows no more.</summary>
    public IPeer? Peer => _peer;

    /// <summary>Whether the worker stops.</summary>
    public bool IsStopping => _leaving == Leaving.Stop;

    /// <summary>Whether its request is that of an event stream that was begun in another process.</summary>
    public virtual bool IsMoved => false;

    /// <summary>Whether the request is with the application, which has not begun to answer it.</summary>
    public bool IsWithApplication => _state == State.Answer;

    /// <summary>Whether the answer is an event stream that is open.</summary>
    public bool IsStreaming => _state == State.Stream;

    /// <summary>An answer goes to the request that asked for it. Events go to all open event streams.</summary>
    public override bool CanBroadcast<T>() => Takes<T>();

    public override bool Takes<T>() => typeof(T) == typeof(ServerSentEvents) && _state == State.Stream;

    /// <summary>An event is the same bytes on each open stream.</summary>
    public override object? SharedEncoding => _state == State.Stream ? typeof(ServerSentEvents) : null;

    public override bool IsFinished => _state == State.Finished;

    public override bool NeedsPeer => true;

    public override WaitPhase Waiting => _stream is null ? WaitingForRequest
        : CanReadStream && !_continuePending ? WaitPhase.Body : WaitPhase.Nothing;

    private WaitPhase WaitingForRequest => _state switch
    {
        State.Head => _begun || !_served ? WaitPhase.Head : WaitPhase.Idle,
        State.Body or State.Chunks or State.Skip => IsReady ? WaitPhase.Body : WaitPhase.Nothing,
        State.Raw => WaitPhase.Idle,
        _ => WaitPhase.Nothing,
    };

    public override TimeSpan TimeoutOf(WaitPhase phase) => phase switch
    {
        WaitPhase.Head => options.HeadTimeout,
        WaitPhase.Body => options.BodyTimeout,
        WaitPhase.Idle => options.KeepAliveTimeout,
        _ => Timeout.InfiniteTimeSpan,
    };

    public override Verdict OnTimeout(WaitPhase phase) => phase switch
    {
        // A connection that never sent a byte (browsers open some in advance) has sent no request that could be answered.
        WaitPhase.Head when !_begun => Verdict.NeedMore,
        WaitPhase.Head => Refusals.HeadTooSlow,
        WaitPhase.Body => Refusals.BodyTooSlow,
        _ => Verdict.NeedMore,
    };

    public override Verdict JudgeRate(long now) => _body?.IsTooSlow(now) == true ? Refusals.BodyRateTooLow : Verdict.NeedMore;

    public override bool Drain(bool stopping)
    {
        if (stopping) _leaving = Leaving.Stop;
        // An answer whose head has left without Connection: close does not end the connection: the next one does.
        _endsAfterAnswer |= !stopping || _state is not (State.File or State.Chunked);
        return _state is State.Head or State.Skip or State.Stream or State.Tunnel or State.Raw;
    }

    /// <summary>Another process goes on: the next answer that begins is the last here, and says so.</summary>
    public void EndWithNextAnswer()
    {
        if (_leaving == Leaving.No) _leaving = Leaving.Handover;
    }

    /// <summary>Whether the peer owes nothing and is owed nothing: it has not begun a request, and has all answers.</summary>
    public bool IsIdle => _state == State.Head && !_begun;

    /// <summary>Whether nobody here knows where the answer ends: the application writes it, or connects the peer on.</summary>
    public bool IsOpenEnded => _state is State.Raw or State.Tunnel;

    /// <summary>
    /// The head of the request whose answer has not ended, as it came; null if there is none, or the request had a body, which is
    /// not kept.
    /// </summary>
    public byte[]? RepeatableHead =>
        _state is State.Answer or State.Stream && Head.ContentLength == 0 ? Head.Bytes.ToArray() : null;

    /// <summary>The head of the request that is being read, or is with the application.</summary>
    private ref readonly RequestHead Head => ref _request!.Head;

    public override void Dispose()
    {
        EndTelemetry();
        BreakOffStream(_stream is null ? null : new BodyBrokenOffException());
        ReleaseBody();
        base.Dispose();
    }

    /// <summary>Deletes temporary files, with the answer or when the client is gone.</summary>
    private void ReleaseBody()
    {
        _request?.CloseKept();
        BreakOffStream();
        _body?.Dispose();
        _body = null;
        HasRoom = false;
    }
}
