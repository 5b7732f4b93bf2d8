using System.Buffers;
using Workerman.Protocols.Http.Sessions;
using static Workerman.Events.DescriptorHeadroom;

namespace Workerman.Protocols.Http;

/// <summary>Writes the answer to a request, which may be an event stream.</summary>
internal partial class HttpProtocol
{
    public override void Encode(string text, IBufferWriter<byte> output)
    {
        if (!TryBeginAnswer()) return;
        AnswerForm form = NewForm();
        if (NeedsResponse)
        {
            Encode(new Response(200, null, text), output);
            return;
        }
        ResponseWriter.WriteText(text, form, output);
        EndAnswer();
    }

    public override void Encode(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        if (!TryBeginAnswer()) return;
        AnswerForm form = NewForm();
        if (NeedsResponse)
        {
            Encode(new Response(200, null, bytes.ToArray()), output);
            return;
        }
        ResponseWriter.WriteBytes(bytes, form, output);
        EndAnswer();
    }

    public override void Encode(ReadOnlyMemory<byte> bytes, IBufferWriter<byte> output)
    {
        if (!TryBeginAnswer()) return;
        AnswerForm form = NewForm();
        if (NeedsResponse)
        {
            Encode(new Response(200, null, bytes), output);
            return;
        }
        ResponseWriter.WriteBytes(bytes, form, output);
        EndAnswer();
    }

    public void Encode(Response message, IBufferWriter<byte> output)
    {
        if (!TryBeginAnswer()) return;
        AnswerForm form = NewForm();
        if (message.StatusCode is >= 100 and < 200 and not 101)
        {
            // RFC 9110 section 15.2: an interim answer; the final one is still to come. HTTP/1.0 has none.
            if (Head.MinorVersion > 0) ResponseWriter.Write(message, form, output);
            return;
        }
        if (_session is not null)
        {
            message = CommitSession(_session, message);
            _session = null;
            form = NewForm();
        }
        _request!.Telemetry?.StatusCode = message.StatusCode;
        if (OptionList.Contains(message.GetHeader("Connection"), "close")) form = form with { KeepAlive = false };
        if (Head.IsConnect && message.StatusCode is >= 200 and < 300)
        {
            BeginTunnel(message, output);
            return;
        }
        if (message.File is not null)
        {
            EncodeFile(message, form, output);
            return;
        }
        bool stream = IsEventStream(message);
        if (!stream && IsChunked(message))
        {
            // The rest of a body that the handler reads meanwhile may come whole until the last chunk.
            if (form.KeepAlive == Persists && _stream is not null && !_continuePending)
                form = form with { KeepAlive = Head.KeepAlive && !_endsAfterAnswer };
            BeginChunks(message.WithWrittenBody(), form, output);
            return;
        }
        if (!stream && (message.Compression ?? options.Compression))
            message = Compression.Apply(message.WithWrittenBody(), _request!, options);
        if (stream) ResponseWriter.WriteStreamHead(message, output);
        else ResponseWriter.Write(message, form, output);
        _endsAfterAnswer |= stream || !form.KeepAlive;
        if (stream && !form.IsHead) BeginStream();
        else EndAnswer();
    }

    public void Encode(ServerSentEvents message, IBufferWriter<byte> output)
    {
        // The answer to a HEAD request has no body, so a stream has no events (RFC 9110 section 9.3.2).
        if (_state == State.Finished) return;
        if (_state == State.Stream) message.WriteTo(output);
        else _refused = Refused.Event;
    }

    public void Encode(UpgradeAnswer message, IBufferWriter<byte> output)
    {
        Response answer = _session is null ? message.Response : CommitSession(_session, message.Response);
        _session = null;
        _endsAfterAnswer = true;
        if (answer.StatusCode != 101)
        {
            // The session could not be saved.
            Encode(answer, output);
            return;
        }
        ResponseWriter.WriteUpgradeHead(answer, output);
        _state = State.Tunnel;
        _request!.Telemetry?.StatusCode = answer.StatusCode;
        _request.Telemetry?.End();
    }

    public override bool TryBeginRaw()
    {
        if (_state == State.File) _refused = Refused.Raw;
        if (_state != State.Answer) return _state != State.File;
        if (_session is not null) CommitRawAnswer(_session);
        _request!.Telemetry?.StatusCode = 0;
        // The application writes the answer itself, and the library does not know where it ends. If no other answer may follow
        // it, the application or the client ends the connection.
        if (Head.IsConnect) BeginRawTunnel();
        else if (Persists) EndAnswer();
        else _state = State.Raw;
        _session = null;
        return true;
    }

    public override void EncodeRejection(Verdict verdict, IBufferWriter<byte> output)
    {
        // The request whose body is skipped has its answer.
        if (_state == State.Skip)
        {
            _state = State.Finished;
            return;
        }
        if (_stream is not null)
        {
            BreakOffStream(verdict.Status < 500
                ? new BadRequestException(verdict.Status, verdict.Reason!)
                : new BodiesFullException(verdict));
        }
        // The answer has begun, so it can only break off.
        if (_state is State.Chunked or State.File or State.Raw)
        {
            if (_state == State.Chunked) BreakOffChunks();
            else _state = State.Finished;
            ReleaseBody();
            return;
        }
        Response answer = Rejection(verdict);
        // The answer to HEAD has no body, whatever else the request says (RFC 9110 section 9.3.2).
        bool isHead = _refusedMethod == KnownMethod.Head || _request?.Head.IsHead == true;
        ResponseWriter.Write(answer, new AnswerForm(isHead, KeepAlive: false), output);
        _state = State.Finished;
        EndRefused(verdict.Status);
        // Now, and not when the peer has gone, which may take its time.
        ReleaseBody();
    }

    public override Verdict JudgeFault(Exception exception) => RefusalOf(exception) ?? base.JudgeFault(exception);

    /// <summary>What an exception refuses that is no fault of the application: the client's mistake, or a shortage.</summary>
    private static Verdict? RefusalOf(Exception exception) => exception switch
    {
        BodyBrokenOffException broken => Verdict.Reject(400, broken.Message),
        BadRequestException mistake => Verdict.Reject(mistake.StatusCode, mistake.Message),
        BodiesFullException full => full.Refusal,
        DiskFullException => Refusals.DiskFull,
        FewDescriptorsException => Refusals.FewDescriptors,
        SessionLimitException limit => Verdict.Reject(503, limit.Message),
        _ => null,
    };

    public override bool EncodeFault(Verdict verdict, object? message, IBufferWriter<byte> output)
    {
        // A handler may fail after its own request was answered: the next request that waits is not answered for that.
        if (message is not null && !ReferenceEquals(message, _request)) return false;
        if (_state == State.Chunked) BreakOffChunks();
        if (_state != State.Answer) return false;
        Response answer = Rejection(verdict);
        // The connection's own descriptor, and what the request holds, come back.
        if (verdict.Status == 503) answer.WithHeader("Connection", "close");
        if (verdict.Reason == Refusals.UnknownCoding) answer.WithHeader("Accept-Encoding", ContentCodings.Accepted(options));
        // As in PHP, what a handler changed of the session before it failed is saved.
        Encode(answer, output);
        return true;
    }

    public override string? TakeRefusal()
    {
        Refused refused = _refused;
        _refused = Refused.Nothing;
        return refused switch
        {
            Refused.Nothing => null,
            Refused.Raw =>
                "A file is being sent on this connection, and bytes of your own would land within it; send them after it.",
            Refused.Chunk => "No chunked answer is open on this connection; first send a Response with Transfer-Encoding: "
                + "chunked. An empty Chunk ends it.",
            Refused.Event =>
                "No event stream is open on this connection; first send a Response with Content-Type text/event-stream.",
            _ => _state switch
            {
                State.File => "The request has its answer, and its file is still being sent.",
                State.Tunnel => "This connection is a tunnel now; SendRaw sends bytes, and Pipe connects it.",
                State.Chunked => "A chunked answer is open on this connection; send Chunks, and an empty one to end it.",
                State.Stream => "An event stream is open on this connection; send ServerSentEvents, or end it with End().",
                // RFC 9112 section 9.3.2: the peer takes what comes for the answer to its next request.
                _ => "No request waits for an answer on this connection: it has had one already, or is yet to ask. "
                    + "SendRaw sends bytes past the protocol.",
            },
        };
    }

    /// <summary>Begins an answer.</summary>
    /// <returns>False if no request waits for one; <see cref="TakeRefusal"/> says why then.</returns>
    private bool TryBeginAnswer()
    {
        if (_state == State.Answer) return true;
        _refused = Refused.Answer;
        return false;
    }

    private AnswerForm NewForm()
    {
        // The head that is about to be written says so.
        _endsAfterAnswer |= _leaving != Leaving.No;
        return new(Head.IsHead, Persists);
    }

    private void EndAnswer()
    {
        _request!.Telemetry?.End();
        bool skips = Persists && _bodyIsUnread;
        _state = skips ? State.Skip : Persists ? State.Head : State.Finished;
        _request.CloseKept();
        // From here on only the application may hold the request; an idle connection holds none.
        _request = null;
        _session = null;
        BreakOffStream();
        if (skips) _body!.Skip();
        else if (_body is not null) ReleaseBody();
        if (!_bodyIsUnread) return;
        (_bodyIsUnread, _continuePending, _begun, _served) = (false, false, false, true);
    }

    /// <summary>
    /// Whether text and bytes are sent as a <see cref="Response"/>, because more than the usual head is needed.
    /// </summary>
    private bool NeedsResponse => _session is not null || options.Compression || (options.AllowConnect && Head.IsConnect);

    /// <summary>
    /// RFC 9110 section 9.3.6: after the head the tunnel begins, so there is no length and no body, and no more requests are
    /// read.
    /// </summary>
    private void BeginTunnel(Response message, IBufferWriter<byte> output)
    {
        ResponseWriter.WriteTunnelHead(message, output);
        _endsAfterAnswer = true;
        _state = State.Tunnel;
        _request!.Telemetry?.End();
        ReleaseBody();
    }

    /// <summary>
    /// The answer to the request has begun elsewhere, and is an event stream: it goes on here. What the request has changed of
    /// its session is saved.
    /// </summary>
    protected void GoOnWithStream()
    {
        OnDropped();
        _endsAfterAnswer = true;
        BeginStream();
    }

    /// <summary>Nothing follows what was written last. What the request has changed of its session is saved.</summary>
    protected void Finish()
    {
        OnDropped();
        _state = State.Finished;
        ReleaseBody();
    }

    private void BeginRawTunnel()
    {
        _state = State.Tunnel;
        _request!.Telemetry?.End();
    }

    private void BeginStream()
    {
        _state = State.Stream;
        _session = null;
        ReleaseBody();
    }

    /// <summary>The error response. Without a reason if the fault is the server's own, which the client is not told.</summary>
    private static Response Rejection(Verdict verdict)
    {
        string reason = verdict.Reason is null || verdict.Status == 500 ? "" : $": {verdict.Reason}";
        return new(verdict.Status, new() { ["Content-Type"] = "text/plain;charset=utf-8" },
            $"{verdict.Status} {ReasonPhrases.Of(verdict.Status)}{reason}\n");
    }

    private static bool IsEventStream(Response response) =>
        response.StatusCode is not (204 or 304) && MediaType.Is(response.GetHeader("Content-Type"), "text/event-stream");
}

/// <summary>
/// The answer that changes the connection's protocol: a 101 with its Upgrade field (RFC 9110 section 7.8). The last message of
/// <see cref="HttpProtocol"/> on the connection.
/// </summary>
/// <param name="Response">The answer; its Connection field is written with it.</param>
internal sealed record UpgradeAnswer(Response Response);
