using System.Buffers;

namespace Workerman.Protocols.Http;

/// <summary>
/// Requests whose handler is called when the head has come (<see cref="HttpOptions.StreamBodies"/>): the body is read while the
/// request is with the application, as far as that reads it. What is left of it when the answer has ended is skipped, or ends the
/// connection, as that of a request which was refused before its body was read (RFC 9112 sections 9.3 and 9.6).
/// </summary>
internal partial class HttpProtocol
{
    /// <summary>The body of the request that is with the application, until it has come whole or is not wanted.</summary>
    private StreamedBody? _stream;

    private bool CanReadStream => _stream?.TakesMore() == true;

    /// <summary>Whether the client waits for 100, and for nothing before the handler reads.</summary>
    private bool ContinueIsWanted =>
        _continuePending && _state != State.Streaming && _stream is null or { IsWanted: true };

    private Request BeginStreaming()
    {
        _stream = _body!.Stream!;
        _stream.GoOn = GoOn;
        _request!.BeginStreaming(_body);
        (_state, _bodyIsUnread, _begun, _served) = (State.Answer, true, false, true);
        return _request;
    }

    private void GoOn() => _peer?.GoOn();

    /// <summary>
    /// The body of the request could not be gathered. What that refuses the client is told now: a handler that catches the
    /// exception may take it for the client's end. Any thread.
    /// </summary>
    public void RefuseGathered(Request request, Exception failure)
    {
        if (RefusalOf(failure) is { } refusal) _peer?.AnswerFault(refusal, request);
    }

    /// <summary>Takes in what has come of a body that is read as it comes.</summary>
    /// <returns>A rejection, or that more is needed: the request is with the application already.</returns>
    private Verdict ReadStream(ref ReadOnlySequence<byte> input)
    {
        RequestBody body = _body!;
        Verdict verdict = body.IsDecoded ? ReadCodedBody(ref input) : ReadBody(ref input);
        if (verdict.Kind == VerdictKind.Message) verdict = CompleteBody();
        if (verdict.Kind == VerdictKind.NeedMore) _stream!.Flush();
        else if (verdict.Kind == VerdictKind.Message) EndStream();
        return verdict.Kind == VerdictKind.Message ? Verdict.NeedMore : verdict;
    }

    private void EndStream()
    {
        _request!.SetTrailers(_body!.Chunks?.Trailers);
        _stream!.Complete();
        (_stream, _bodyIsUnread, _continuePending, HasRoom) = (null, false, false, false);
    }

    /// <summary>What is still to come of the body does not reach the handler.</summary>
    private void BreakOffStream(Exception? reason = null)
    {
        _stream?.Fail(reason ?? new InvalidOperationException(
            "The request was answered before its body had come whole, and the rest of it is not read. "
            + "Cure: read the body before the answer, or answer in chunks and read meanwhile."));
        _stream = null;
    }
}
