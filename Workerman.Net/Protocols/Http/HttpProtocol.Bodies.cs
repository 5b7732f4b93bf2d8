using System.Buffers;

namespace Workerman.Protocols.Http;

/// <summary>
/// Answers whose body follows their head on its own: a file, which the connection sends, or chunks, which the application sends
/// piece by piece until an empty one.
/// </summary>
internal partial class HttpProtocol
{
    private ChunkForm _chunkForm;

    private enum ChunkForm : byte
    {
        /// <summary>Each with its size (RFC 9112 section 7.1).</summary>
        Framed,

        /// <summary>Plain bytes up to the end of the connection: HTTP/1.0 has no chunks (RFC 9112 section 6.1).</summary>
        UntilClose,

        /// <summary>Not sent at all: the answer to HEAD.</summary>
        Unsent,
    }

    public override bool EndsByClose => _state == State.Chunked && _chunkForm == ChunkForm.UntilClose;

    /// <summary>A piece of the answer was dropped, so it must not end as if it were complete.</summary>
    public override void OnOverflow() => IsBrokenOff |= _state == State.Chunked;

    public void Encode(Chunk message, IBufferWriter<byte> output)
    {
        if (_state != State.Chunked)
        {
            _refused = Refused.Chunk;
            return;
        }
        WriteChunk(message.Data, output);
        if (message.Data.IsEmpty) EndAnswer();
    }

    private void BeginChunks(Response message, AnswerForm form, IBufferWriter<byte> output)
    {
        bool framed = Head.MinorVersion > 0 && message.ProtocolVersion == "1.1";
        form = form with { KeepAlive = form.KeepAlive && framed };
        ResponseWriter.WriteChunkedHead(message, form, framed, output);
        _endsAfterAnswer |= !form.KeepAlive;
        _chunkForm = form.IsHead ? ChunkForm.Unsent : framed ? ChunkForm.Framed : ChunkForm.UntilClose;
        _state = State.Chunked;
        // An empty body is not written: an empty chunk would end the answer.
        if (!message.RawBody.IsEmpty) WriteChunk(message.RawBody, output);
    }

    private void WriteChunk(ReadOnlyMemory<byte> data, IBufferWriter<byte> output)
    {
        if (_chunkForm == ChunkForm.Framed) Chunk.Write(data, output);
        else if (_chunkForm == ChunkForm.UntilClose) output.WriteLasting(data);
    }

    /// <summary>
    /// The handler failed in the middle: the connection ends without the last chunk, from which the client knows that the answer
    /// is not complete. Without chunks only a reset tells it.
    /// </summary>
    private void BreakOffChunks()
    {
        if (_chunkForm == ChunkForm.UntilClose) IsBrokenOff = true;
        else _state = State.Finished;
        _request!.Telemetry?.End(isBrokenOff: true);
        ReleaseBody();
    }

    private static bool IsChunked(Response response) =>
        response.GetHeader("Transfer-Encoding") is { } coding
        && coding.AsSpan().Trim(" \t").Equals("chunked", StringComparison.OrdinalIgnoreCase)
        && ResponseWriter.HasBody(response.StatusCode);

    private void EncodeFile(Response message, AnswerForm form, IBufferWriter<byte> output)
    {
        FileAnswer answer = FileAnswer.Of(message, _request);
        FileRange? file = answer.Body;
        _request!.Telemetry?.StatusCode = answer.Head.StatusCode;
        if (OptionList.Contains(answer.Head.GetHeader("Connection"), "close")) form = form with { KeepAlive = false };
        try
        {
            if (file is null) ResponseWriter.Write(answer.Head, form, output);
            else ResponseWriter.WriteHead(answer.Head, form, file.Remaining, output);
            bool follows = file is { Remaining: > 0 } && !form.IsHead && ResponseWriter.HasBody(answer.Head.StatusCode);
            _endsAfterAnswer |= !form.KeepAlive;
            if (follows) (PendingFile, file, _state) = (file, null, State.File);
            else EndAnswer();
        }
        finally
        {
            file?.Dispose();
        }
    }

    public override void OnFileSent() => EndAnswer();
}
