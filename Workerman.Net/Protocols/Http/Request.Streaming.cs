using System.IO.Pipelines;

namespace Workerman.Protocols.Http;

/// <summary>The request's body while it comes (<see cref="HttpOptions.StreamBodies"/>).</summary>
public sealed partial class Request
{
    /// <summary>The body that comes; null if it has come before the request was handed on, or was gathered since.</summary>
    private RequestBody? _coming;

    /// <summary>
    /// The body as it comes, with <see cref="HttpOptions.StreamBodies"/>; otherwise the body that has come. While more than 256
    /// KiB are unread, nothing more is received, so that the client waits. Read it in <c>OnMessageAsync</c>: after an
    /// <c>await</c> the code goes on on the connection's loop. It may be read on another thread, but on one at a time. The first
    /// read sends <c>100 Continue</c> to a client that waits for it. A read fails with <see cref="BadRequestException"/> if the
    /// body is malformed, too large or too slow, which the client is told, with <see cref="IOException"/> if the client is gone,
    /// or if nothing is consumed of what was read and there is no room for more (503, <see cref="HttpOptions.MaxBodyMemory"/>),
    /// with <see cref="InvalidOperationException"/> if the request was answered meanwhile; what is left of a body then is skipped
    /// up to 256 KiB, otherwise the connection ends with the answer.
    /// </summary>
    /// <inheritdoc cref="RawBody" path="/exception"/>
    public PipeReader BodyReader => _coming is { } body
        ? body.Stream!.Reader
        : _reader ??= _body is null ? NoBody() : PipeReader.Create(OpenBody());

    /// <summary>What reads a body that has come; null if nobody has asked for it since.</summary>
    private PipeReader? _reader;

    /// <summary>
    /// Waits until the body has come whole, of which nothing was read before: then all can be asked for that a request has
    /// without <see cref="HttpOptions.StreamBodies"/>, and the same limits hold. On the connection's loop.
    /// </summary>
    /// <exception cref="BadRequestException">It is malformed, too large or too slow, which the client is told.</exception>
    /// <exception cref="IOException">The client is gone; or there is no room for the body, in memory or on the disk, which the
    /// client is told (503).</exception>
    /// <exception cref="InvalidOperationException">Some of it was read before, or the request was answered
    /// meanwhile.</exception>
    public async Task ReadBodyAsync(CancellationToken cancellationToken = default)
    {
        if (_coming is not { } coming) return;
        StreamedBody stream = coming.Stream!;
        stream.ThrowIfBegun();
        var whole = new RequestBody(ContentType, stream.Expected, _options, stream.IsDecoded ? null : Header("content-encoding"));
        try
        {
            for (bool isCompleted = false; !isCompleted;)
            {
                ReadResult read = await stream.Reader.ReadAsync(cancellationToken);
                isCompleted = read.IsCompleted;
                foreach (ReadOnlyMemory<byte> piece in read.Buffer) whole.Append(piece.Span);
                stream.Reader.AdvanceTo(read.Buffer.End);
                if (whole.Backlog is { IsBehind: true } behind) await behind.WaitAsync(forAll: false);
            }
            whole.Complete();
            if (whole.Backlog is { } backlog)
            {
                await backlog.WaitAsync(forAll: true);
                backlog.ThrowIfFailed();
            }
        }
        catch (Exception e)
        {
            whole.Dispose();
            Exchange?.RefuseGathered(this, e);
            throw;
        }
        coming.Adopt(whole);
        _coming = null;
        Complete(whole, null, stream.IsDecoded);
    }

    /// <summary>
    /// The parts of a multipart form, one after the other as they come: <c>await foreach (RequestPart part in
    /// request.ReadPartsAsync())</c>. What is not read of a part is skipped when the next one is asked for. Nothing goes to a
    /// file. The limits are those of every form (<see cref="HttpOptions.MaxFormFields"/>,
    /// <see cref="HttpOptions.MaxFormFieldsSize"/>, <see cref="HttpOptions.MaxFiles"/>). Ask once, of a body of which nothing was
    /// read. Reads fail as those of <see cref="BodyReader"/>.
    /// </summary>
    /// <exception cref="BadRequestException">The body is no multipart form, or in a <c>Content-Encoding</c> (415); it is
    /// malformed (400), or beyond a limit (413).</exception>
    /// <inheritdoc cref="RawBody" path="/exception"/>
    public IAsyncEnumerable<RequestPart> ReadPartsAsync(CancellationToken cancellationToken = default)
    {
        if (!MultipartForm.IsMultipart(ContentType)) throw new BadRequestException(415, "the body is no multipart form");
        if ((_coming ?? _body) is { } body) Plain(body);
        _coming?.Stream!.ThrowIfBegun();
        return new StreamedParts(BodyReader, ContentType!, _options).ReadAsync(cancellationToken);
    }

    /// <summary>A reader that is at its end, which <see cref="PipeReader.TryRead"/> tells too.</summary>
    private static PipeReader NoBody()
    {
        var pipe = new Pipe();
        pipe.Writer.Complete();
        return pipe.Reader;
    }

    /// <summary>The head has come; the body comes while the application has the request.</summary>
    internal void BeginStreaming(RequestBody body)
    {
        (_coming, _reader) = (body, null);
        _parsed?.ForgetBody();
    }

    /// <summary>What may be asked of a body that has come whole; null if there is none.</summary>
    private RequestBody? Whole => _coming is null ? _body : throw new InvalidOperationException(
        "The body is still to come, because StreamBodies is set. Cure: await request.ReadBodyAsync() first, or read BodyReader "
        + "or OpenBody().");
}
