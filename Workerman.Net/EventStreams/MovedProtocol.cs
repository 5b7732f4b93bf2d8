using System.Buffers;
using Workerman.Handover;
using Workerman.Protocols;
using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>
/// HTTP on a connection whose event stream was begun in another process: its peer is in the middle of that answer. The request is
/// read again, and if it is subscribed the stream goes on. Nothing of any other answer reaches the peer: the stream is ended in
/// its place, and with it the connection. Belongs to its connection, on the loop's thread.
/// </summary>
/// <param name="options">Those of the worker.</param>
/// <param name="isUnix">Whether the connection is one of a Unix socket.</param>
/// <param name="place">Where the subscription stands.</param>
/// <param name="window">The time over which those are spread that have to connect again.</param>
/// <param name="report">Told why a stream was ended that the application has not subscribed.</param>
internal sealed class MovedProtocol(HttpOptions options, bool isUnix, MovedPlace place, TimeSpan window, Action<string> report)
    : HttpProtocol(options, isSecure: false, isUnix), IEncoder<Response>, IEncoder<ServerSentEvents>, IEncoder<Chunk>,
    IEncoder<UpgradeAnswer>
{
    private const string Cure = "Cure: subscribe it where Request.IsMoved is true.";

    private readonly TimeSpan _timeout = options.MovedTimeout;
    private bool _refusesRaw;

    public override bool IsMoved => true;

    /// <summary>Where the subscription stands, until it goes on.</summary>
    public MovedPlace Place => place;

    /// <summary>Whether the stream goes on with the next <see cref="EncodeControl"/>, which writes nothing.</summary>
    public bool ExpectsStream { get; set; }

    /// <summary>Whether it is not known yet what becomes of the stream.</summary>
    public bool IsUndecided => !IsStreaming && !IsFinished;

    /// <summary>The last that the peer is told, before the connection ends: when to connect again.</summary>
    public override bool NeedsCloseFrame => IsUndecided;

    public override WaitPhase Waiting => IsWithApplication ? WaitPhase.Idle : base.Waiting;

    public override TimeSpan TimeoutOf(WaitPhase phase) =>
        IsWithApplication && phase == WaitPhase.Idle ? _timeout : base.TimeoutOf(phase);

    public override Verdict OnTimeout(WaitPhase phase) => IsUndecided
        ? Verdict.Reject(0, "the event stream that has moved here was not subscribed within "
            + $"{(int)_timeout.TotalSeconds} seconds. {Cure}")
        : base.OnTimeout(phase);

    public override void EncodeControl(IBufferWriter<byte> output)
    {
        if (ExpectsStream && IsWithApplication) GoOnWithStream();
        else base.EncodeControl(output);
    }

    public override void EncodeCloseFrame(IBufferWriter<byte> output) => End("the connection was closed", output);

    public override void EncodeRejection(Verdict verdict, IBufferWriter<byte> output) => Retry(output);

    public override bool EncodeFault(Verdict verdict, object? message, IBufferWriter<byte> output)
    {
        if (!IsWithApplication) return base.EncodeFault(verdict, message, output);
        Retry(output);
        return true;
    }

    public override bool TryBeginRaw()
    {
        // Not even before the request: the peer is in the middle of its answer.
        _refusesRaw = IsUndecided;
        return !IsUndecided && base.TryBeginRaw();
    }

    public override string? TakeRefusal()
    {
        if (!_refusesRaw) return base.TakeRefusal();
        _refusesRaw = false;
        return $"The peer of this connection is in the middle of an event stream that has moved here. {Cure}";
    }

    public override void Encode(string text, IBufferWriter<byte> output)
    {
        if (IsWithApplication) End("text was sent", output);
        else base.Encode(text, output);
    }

    public override void Encode(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        if (IsWithApplication) End("bytes were sent", output);
        else base.Encode(bytes, output);
    }

    public override void Encode(ReadOnlyMemory<byte> bytes, IBufferWriter<byte> output)
    {
        if (IsWithApplication) End("bytes were sent", output);
        else base.Encode(bytes, output);
    }

    void IEncoder<Response>.Encode(Response message, IBufferWriter<byte> output)
    {
        if (!IsWithApplication) base.Encode(message, output);
        // RFC 9110 section 15.2: the final answer is still to come.
        else if (message.StatusCode is < 100 or >= 200 or 101) End($"it was answered with {message.StatusCode}", output);
    }

    void IEncoder<ServerSentEvents>.Encode(ServerSentEvents message, IBufferWriter<byte> output)
    {
        if (IsWithApplication) End("an event was sent past its stream", output);
        else base.Encode(message, output);
    }

    void IEncoder<Chunk>.Encode(Chunk message, IBufferWriter<byte> output)
    {
        if (IsWithApplication) End("a chunk was sent", output);
        else base.Encode(message, output);
    }

    void IEncoder<UpgradeAnswer>.Encode(UpgradeAnswer message, IBufferWriter<byte> output) =>
        End("it was made a WebSocket", output);

    /// <summary>The application has done something else than subscribing: ends the stream.</summary>
    private void End(string what, IBufferWriter<byte> output)
    {
        report($"{what} before it was subscribed. {Cure}");
        Retry(output);
    }

    /// <summary>Ends the stream: the peer is told when to connect again.</summary>
    private void Retry(IBufferWriter<byte> output)
    {
        if (!IsUndecided) return;
        Finish();
        output.Write(EventBlocks.Retry(HandoverPlan.RandomTime(window)));
    }
}
