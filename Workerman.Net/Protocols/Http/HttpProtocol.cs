using System.Buffers;
using System.Net;

namespace Workerman.Protocols.Http;

/// <summary>
/// HTTP/1.1 on one connection: reads a request, then waits until it has its answer before it reads the next (RFC 9112
/// section 9.3.2). An event stream is an answer that never ends. It judges and encodes; it neither sends nor closes.
/// Belongs to its connection, on the loop's thread. Requests are read in <c>.Read.cs</c>, what the application is asked before
/// that is in <c>.Asking.cs</c>, answers are written in <c>.Write.cs</c> and <c>.Bodies.cs</c>, sessions saved in
/// <c>.Session.cs</c>.
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
    private IPeer? _peer;

    private enum State : byte
    {
        /// <summary>Reads a head, or waits for one.</summary>
        Head,

        /// <summary>Reads a body of known length.</summary>
        Body,

        /// <summary>Reads a body in chunks.</summary>
        Chunks,

        /// <summary>The head is for the application to see before the body is read.</summary>
        Asked,

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

    public override bool IsReady =>
        _state is State.Head or State.Body or State.Chunks or State.Asked or State.Skip or State.Stream or State.Raw;

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
    public bool IsStopping { get; private set; }

    /// <summary>Whether the answer is an event stream that is open.</summary>
    public bool IsStreaming => _state == State.Stream;

    /// <summary>An answer goes to the request that asked for it. Events go to all open event streams.</summary>
    public override bool CanBroadcast<T>() => typeof(T) == typeof(ServerSentEvents) && _state == State.Stream;

    public override bool IsFinished => _state == State.Finished;

    public override bool NeedsPeer => true;

    public override WaitPhase Waiting => _state switch
    {
        State.Head => _begun || !_served ? WaitPhase.Head : WaitPhase.Idle,
        State.Body or State.Chunks or State.Skip => WaitPhase.Body,
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
        _endsAfterAnswer = true;
        IsStopping |= stopping;
        return _state is State.Head or State.Skip or State.Stream or State.Tunnel or State.Raw;
    }

    /// <summary>The head of the request that is being read, or is with the application.</summary>
    private ref readonly RequestHead Head => ref _request!.Head;

    public override void Dispose()
    {
        EndTelemetry();
        ReleaseBody();
        base.Dispose();
    }

    /// <summary>Deletes temporary files, with the answer or when the client is gone.</summary>
    private void ReleaseBody()
    {
        _body?.Dispose();
        _body = null;
    }
}
