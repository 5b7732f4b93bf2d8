using System.Buffers;

namespace Workerman.Protocols.Http;

/// <summary>
/// Reads a request: its head, then its body as it arrives. Then the request is with the application until it is answered.
/// </summary>
internal partial class HttpProtocol
{
    private Request? _request;
    private RequestBody? _body;

    /// <summary>How far a head was judged that has come in part; null at all other times.</summary>
    private HeadProgress? _progress;

    private bool _continuePending;

    /// <summary>Whether all of a coded body has come, though it is not decoded yet.</summary>
    private bool _hasCodedBody;

    public override bool HasUnfinishedWork => _body is { HasWork: true } || _state is State.Streaming or State.Writing;

    public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out Request message)
    {
        message = null!;
        if (_stream is not null) return ReadStream(ref input);
        if (_state is State.Stream or State.Raw)
        {
            // What follows the request of an event stream, or of an answer that the application writes itself, is ignored.
            input = input.Slice(input.End);
            return Verdict.NeedMore;
        }
        if (_state == State.Skip && (!TrySkip(ref input) || input.IsEmpty)) return Verdict.NeedMore;
        Verdict verdict = Verdict.Message;
        if (_state == State.Head) verdict = ReadHead(ref input, maxPackageSize);
        if (_state is State.Body or State.Chunks)
            verdict = _body!.IsDecoded ? ReadCodedBody(ref input) : ReadBody(ref input);
        else if (_state == State.Asked) verdict = Verdict.NeedMore;
        else if (_state == State.Streaming)
        {
            message = BeginStreaming();
            verdict = ReadStream(ref input);
            return verdict.Kind == VerdictKind.Reject ? verdict : Verdict.Message;
        }
        if (_state == State.Writing) verdict = JudgeFiles();
        else if (verdict.Kind == VerdictKind.Message && _body is not null) verdict = CompleteBody();
        if (verdict.Kind == VerdictKind.Message) message = BeginExchange();
        return verdict;
    }

    public override bool HasPendingControl => ContinueIsWanted || _state == State.Asked;

    /// <summary>100 Continue, which the client waits for before it sends the body (RFC 9110 section 10.1.1).</summary>
    public override void EncodeControl(IBufferWriter<byte> output)
    {
        if (_state == State.Asked) Admit();
        if (!ContinueIsWanted) return;
        _continuePending = false;
        // A final answer that has begun takes its place (RFC 9110 section 15.2).
        if (_stream is not null && _state != State.Answer) return;
        output.Write("HTTP/1.1 100 Continue\r\n\r\n"u8);
    }

    private Verdict ReadHead(ref ReadOnlySequence<byte> input, long maxPackageSize)
    {
        Verdict verdict =
            HttpParser.TryParse(input, options, isSecure, ref _progress, out RequestHead head, out int consumed);
        if (verdict.Kind != VerdictKind.Message)
        {
            ReadOnlySequence<byte> begun = input.Slice(_progress?.Start ?? 0);
            _begun = !SkipEmptyLines(begun).IsEmpty;
            _refusedMethod = MethodOf(begun);
            return verdict;
        }
        _refusedMethod = head.ContentLength == 0 ? KnownMethod.Other : HttpMethods.KnownOf(head.Method);
        long bodyLimit = (options.MaxRequestSize ?? maxPackageSize) - consumed;
        if (head.ContentLength > bodyLimit) return Refusals.BodyTooLarge;
        if (head.ContentLength != 0
            && options.Bodies.Refuse(options.StreamBodies ? -1 : head.ContentLength, options) is { } full) return full;
        input = input.Slice(consumed);
        _request = new Request(in head, options) { Exchange = this };
        if (RequestTelemetry.IsWanted) _request.Telemetry = RequestTelemetry.Begin(_request, this);
        if (head.ContentLength != 0) BeginBody(in head, bodyLimit, input.IsEmpty);
        return verdict;
    }

    /// <summary>RFC 9112 section 2.2: empty lines before a request are ignored.</summary>
    private static ReadOnlySequence<byte> SkipEmptyLines(in ReadOnlySequence<byte> input)
    {
        var reader = new SequenceReader<byte>(input);
        reader.AdvancePastAny((byte)'\r', (byte)'\n');
        return input.Slice(reader.Position);
    }

    private void BeginBody(in RequestHead head, long limit, bool nothingCame)
    {
        _body = new RequestBody(_request!.Header("content-type"), head.ContentLength, options,
            _request.Header("content-encoding"), limit, options.StreamBodies);
        _body.Remaining = head.ContentLength;
        HasRoom = true;
        _body.Backlog?.GoOn = GoOn;
        _state = options.AsksBeforeBodies ? State.Asked : ReadingState;
        if (head.IsChunked) _body.Chunks = new ChunkedDecoder(_body, limit, options);
        // RFC 9110 section 10.1.1: if some of the body has arrived already, the client does not wait.
        _continuePending = head.ExpectsContinue && nothingCame;
    }

    private Verdict ReadBody(ref ReadOnlySequence<byte> input)
    {
        try
        {
            if (_body!.Chunks is { } chunks) return chunks.TryDecode(ref input);
            Take(ref input);
        }
        catch (Exception e) when (RefusalOf(e) is not null)
        {
            return RefusalOf(e)!.Value;
        }
        return _body.Remaining == 0 ? Verdict.Message : Verdict.NeedMore;
    }

    /// <summary>How the body is read whose head has come.</summary>
    private State ReadingState =>
        options.StreamBodies ? State.Streaming : _request!.Head.IsChunked ? State.Chunks : State.Body;

    public override Span<byte> Room() => _state == State.Body || _stream is not null ? _body!.Room() : default;

    public override Verdict OnFilled(int count)
    {
        try
        {
            _body!.Advance(count);
            _stream?.Flush();
            return Verdict.NeedMore;
        }
        catch (Exception e) when (RefusalOf(e) is not null)
        {
            return RefusalOf(e)!.Value;
        }
    }

    /// <summary>Takes in what has come of a body of known length.</summary>
    private void Take(ref ReadOnlySequence<byte> input)
    {
        RequestBody body = _body!;
        ReadOnlySequence<byte> part = input.Slice(0, Math.Min(body.Remaining, input.Length));
        foreach (ReadOnlyMemory<byte> segment in part) body.Append(segment.Span);
        body.Remaining -= part.Length;
        input = input.Slice(part.End);
    }

    /// <summary>
    /// Reads a body that is decoded as it comes. What comes next is not read before what has come is decoded, in as many turns as
    /// that takes.
    /// </summary>
    private Verdict ReadCodedBody(ref ReadOnlySequence<byte> input)
    {
        if (!_body!.HasWork)
        {
            Verdict verdict = ReadBody(ref input);
            if (verdict.Kind == VerdictKind.Reject) return verdict;
            _hasCodedBody = verdict.Kind == VerdictKind.Message;
        }
        try
        {
            _body.Decode();
        }
        catch (Exception e) when (RefusalOf(e) is not null)
        {
            return RefusalOf(e)!.Value;
        }
        return _hasCodedBody && !_body.HasWork ? Verdict.Message : Verdict.NeedMore;
    }

    private Verdict CompleteBody()
    {
        try
        {
            _body!.Complete();
            if (_body.Backlog is null) return Verdict.Message;
            _state = State.Writing;
        }
        catch (Exception e) when (RefusalOf(e) is not null)
        {
            return RefusalOf(e)!.Value;
        }
        return JudgeFiles();
    }

    /// <summary>The request is handed on when its files are written.</summary>
    private Verdict JudgeFiles()
    {
        DiskBacklog backlog = _body!.Backlog!;
        if (!backlog.IsEmpty) return Verdict.NeedMore;
        try
        {
            backlog.ThrowIfFailed();
            return Verdict.Message;
        }
        catch (Exception e) when (RefusalOf(e) is not null)
        {
            return RefusalOf(e)!.Value;
        }
    }

    private Request BeginExchange()
    {
        _request!.Complete(_body, _body?.Chunks?.Trailers);
        _state = State.Answer;
        _begun = false;
        _served = true;
        _continuePending = false;
        HasRoom = false;
        return _request;
    }
}
