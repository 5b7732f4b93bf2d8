using System.Buffers;

namespace Workerman.Protocols.Http;

/// <summary>
/// HTTP/1.1 on one connection: reads a request, then waits until it has its answer before it reads the next (RFC 9112
/// section 9.3.2). An event stream is an answer that never ends. It judges and encodes; it neither sends nor closes.
/// Belongs to its connection, on the loop's thread.
/// </summary>
internal sealed class HttpProtocol(HttpOptions options)
    : ConnectionProtocol, IDecoder<Request>, IEncoder<Response>, IEncoder<ServerSentEvents>
{
    private State _state = State.Head;
    private bool _begun;
    private bool _served;
    private bool _retiring;
    private RequestHead? _head;
    private ChunkedDecoder? _chunks;

    private enum State : byte
    {
        /// <summary>Reads a head, or waits for one.</summary>
        Head,

        /// <summary>Reads a body of known length.</summary>
        Body,

        /// <summary>Reads a body in chunks.</summary>
        Chunks,

        /// <summary>The request is with the application.</summary>
        Answer,

        /// <summary>The answer is an event stream.</summary>
        Stream,

        /// <summary>The application writes the last answer itself.</summary>
        Raw,

        /// <summary>The last answer of this connection is written.</summary>
        Finished,
    }

    public override string Name => "http";

    public override string Sends => "text, bytes, Response and ServerSentEvents";

    public override bool IsReady => _state is State.Head or State.Body or State.Chunks or State.Stream or State.Raw;

    public override bool IsFinished => _state == State.Finished;

    public override WaitPhase Waiting => _state switch
    {
        State.Head => _begun || !_served ? WaitPhase.Head : WaitPhase.Idle,
        State.Body or State.Chunks => WaitPhase.Body,
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

    public override Verdict TimedOut(WaitPhase phase) => phase switch
    {
        // A connection that never sent a byte (browsers open some to spare) has asked for nothing that could be answered.
        WaitPhase.Head when !_begun => Verdict.NeedMore,
        WaitPhase.Head or WaitPhase.Body => Verdict.Reject(408, "the request took too long"),
        _ => Verdict.NeedMore,
    };

    public Verdict TryDecode(ref ReadOnlySequence<byte> input, int maxPackageSize, out Request message)
    {
        message = null!;
        if (_state is State.Stream or State.Raw)
        {
            // Nothing after an event stream's request is ever parsed.
            input = input.Slice(input.End);
            return Verdict.NeedMore;
        }
        if (_state == State.Head)
        {
            Verdict verdict = ReadHead(ref input, maxPackageSize);
            if (verdict.Kind != VerdictKind.Message) return verdict;
        }
        return _state == State.Body ? ReadBody(ref input, out message) : ReadChunks(ref input, out message);
    }

    public override void Encode(string text, IBufferWriter<byte> output)
    {
        ResponseWriter.WriteText(text, BeginAnswer(), output);
        EndAnswer();
    }

    public override void Encode(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        ResponseWriter.WriteBytes(bytes, BeginAnswer(), output);
        EndAnswer();
    }

    public void Encode(Response message, IBufferWriter<byte> output)
    {
        AnswerForm form = BeginAnswer();
        if (message.StatusCode is >= 100 and < 200 and not 101)
        {
            // RFC 9110 section 15.2: an interim answer; the final one is still owed. HTTP/1.0 knows none.
            if (_head!.MinorVersion > 0) ResponseWriter.Write(message, form, output);
            return;
        }
        if (OptionList.Contains(message.GetHeader("Connection"), "close")) form = form with { KeepAlive = false };
        bool stream = IsEventStream(message);
        if (stream) ResponseWriter.WriteStreamHead(message, output);
        else ResponseWriter.Write(message, form, output);
        _retiring |= stream || !form.KeepAlive;
        if (stream && !form.IsHead) _state = State.Stream;
        else EndAnswer();
    }

    public void Encode(ServerSentEvents message, IBufferWriter<byte> output)
    {
        // The stream that a HEAD request asked for has no events (RFC 9110 section 9.3.2).
        if (_state == State.Finished) return;
        if (_state != State.Stream)
            throw new InvalidOperationException("No event stream is open on this connection; first send a Response with Content-Type text/event-stream.");
        message.WriteTo(output);
    }

    public override void OnRawSent()
    {
        if (_state != State.Answer) return;
        // The application writes the answer itself, and nobody else can tell where it ends: if nothing may follow it, the
        // end of the connection is the application's or the client's too.
        if (_head!.KeepAlive && !_retiring) EndAnswer();
        else _state = State.Raw;
    }

    public override void EncodeRejection(Verdict verdict, IBufferWriter<byte> output)
    {
        var answer = new Response(verdict.Status, new() { ["Content-Type"] = "text/plain;charset=utf-8" }, $"{verdict.Status} {ReasonPhrases.Of(verdict.Status)}: {verdict.Reason}\n");
        ResponseWriter.Write(answer, new AnswerForm(IsHead: false, KeepAlive: false), output);
        _state = State.Finished;
    }

    public override bool EncodeFault(IBufferWriter<byte> output)
    {
        if (_state != State.Answer) return false;
        Encode(new Response(500, new() { ["Content-Type"] = "text/plain;charset=utf-8" }, "500 Internal Server Error\n"), output);
        return true;
    }

    public override bool Retire()
    {
        _retiring = true;
        return _state is State.Head or State.Stream or State.Raw;
    }

    private Verdict ReadHead(ref ReadOnlySequence<byte> input, int maxPackageSize)
    {
        Verdict verdict = HttpParser.TryParse(input, options, out _head, out int consumed);
        _begun = true;
        if (verdict.Kind != VerdictKind.Message) return verdict;
        if (_head!.ContentLength > maxPackageSize - consumed) return Verdict.Reject(413, "request body too large");
        input = input.Slice(consumed);
        _state = _head.IsChunked ? State.Chunks : State.Body;
        if (_head.IsChunked) _chunks = new ChunkedDecoder(maxPackageSize - consumed, options.MaxHeadSize);
        return verdict;
    }

    private Verdict ReadBody(ref ReadOnlySequence<byte> input, out Request message)
    {
        message = null!;
        int length = (int)_head!.ContentLength;
        if (input.Length < length) return Verdict.NeedMore;
        byte[] body = [];
        if (length > 0)
        {
            body = input.Slice(0, length).ToArray();
            input = input.Slice(length);
        }
        message = BeginExchange(body);
        return Verdict.Message;
    }

    private Verdict ReadChunks(ref ReadOnlySequence<byte> input, out Request message)
    {
        message = null!;
        Verdict verdict = _chunks!.TryDecode(ref input);
        if (verdict.Kind != VerdictKind.Message) return verdict;
        message = BeginExchange(_chunks.ToArray());
        _chunks = null;
        return verdict;
    }

    private Request BeginExchange(byte[] body)
    {
        _state = State.Answer;
        _begun = false;
        _served = true;
        return new Request(_head!, body);
    }

    private AnswerForm BeginAnswer() => _state switch
    {
        State.Answer => new AnswerForm(_head!.IsHead, _head.KeepAlive && !_retiring),
        State.Stream => throw new InvalidOperationException("An event stream is open on this connection; send ServerSentEvents, or end it with End()."),
        _ => throw new InvalidOperationException("No request waits for an answer on this connection: it has had one already. SendRaw sends bytes past the protocol."),
    };

    private void EndAnswer()
    {
        _state = _head!.KeepAlive && !_retiring ? State.Head : State.Finished;
        // The request is the application's alone from here on; an idle connection holds none.
        _head = null;
    }

    private static bool IsEventStream(Response response)
    {
        string? type = response.GetHeader("Content-Type");
        if (type is null || response.StatusCode is 204 or 304) return false;
        ReadOnlySpan<char> media = type.AsSpan();
        int parameters = media.IndexOf(';');
        if (parameters >= 0) media = media[..parameters];
        return media.Trim().Equals("text/event-stream", StringComparison.OrdinalIgnoreCase);
    }
}
