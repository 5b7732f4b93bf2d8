using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Workerman.Protocols.Http;

/// <summary>
/// The parts of a multipart body as they come. It reads no more of the body than it is asked for: a piece for each step that
/// finds nothing there, which is split by the one <see cref="MultipartReader"/>; what it has of one part waits in a pipe of that
/// part. Made for one enumeration; for one thread at a time.
/// </summary>
internal sealed class StreamedParts : IMultipartSink
{
    /// <summary>Bytes of the body that are split at once.</summary>
    private const int Piece = 64 * 1024;

    private readonly PipeReader _body;
    private readonly HttpOptions _options;
    private readonly MultipartReader _reader;
    private readonly Queue<(RequestPart Part, PartReader Content)> _found = new();
    private FormLimits _limits;
    private PartReader? _content;
    private bool _isField;
    private BadRequestException? _fault;
    private bool _hasEnded;

    /// <exception cref="BadRequestException">The content type has no boundary.</exception>
    public StreamedParts(PipeReader body, string contentType, HttpOptions options)
    {
        (_body, _options, _limits) = (body, options, new FormLimits(options));
        _reader = new MultipartReader(MultipartForm.Boundary(contentType) ?? throw MultipartForm.NoBoundary(), this,
            options.MaxHeadSize);
    }

    public async IAsyncEnumerable<RequestPart> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            while (_found.TryDequeue(out (RequestPart Part, PartReader Content) next))
            {
                yield return next.Part;
                next.Content.Leave();
            }
            if (_hasEnded) yield break;
            await FeedAsync(cancellationToken);
        }
    }

    void IMultipartSink.BeginPart(ReadOnlySpan<byte> head)
    {
        var headers = new FieldCollection<string>(StringComparer.OrdinalIgnoreCase);
        MultipartHead read = MultipartHead.Read(head, headers);
        _limits.CountPart(read);
        _isField = read.FileName is null;
        _content = new PartReader(this);
        _found.Enqueue((new RequestPart(read, headers, _content, _options.MaxFormFieldsSize), _content));
    }

    void IMultipartSink.Append(ReadOnlySpan<byte> content)
    {
        if (_isField) _limits.CountBytes(content.Length);
        _content!.Append(content);
    }

    void IMultipartSink.EndPart() => _content!.End();

    /// <summary>Splits the next piece of the body.</summary>
    /// <exception cref="BadRequestException">It is malformed, or beyond a limit.</exception>
    private async ValueTask FeedAsync(CancellationToken cancellationToken)
    {
        if (_fault is not null) throw new BadRequestException(_fault.StatusCode, _fault.Message);
        ReadResult read = await _body.ReadAsync(cancellationToken);
        ReadOnlyMemory<byte> piece = read.Buffer.First;
        if (piece.Length > Piece) piece = piece[..Piece];
        try
        {
            if (!read.IsCanceled) _reader.Append(piece.Span);
            else piece = default;
            _hasEnded = read.IsCompleted && piece.Length == read.Buffer.Length;
            if (_hasEnded && !_reader.IsEnded) throw MultipartForm.BreaksOff();
        }
        catch (BadRequestException e)
        {
            _fault = e;
            throw;
        }
        finally
        {
            _body.AdvanceTo(read.Buffer.GetPosition(piece.Length));
        }
    }

    /// <summary>The content of one part; when it has nothing, it has the next piece of the body split.</summary>
    private sealed class PartReader(StreamedParts parts) : PipeReader
    {
        // Nobody ever waits on the pipe.
        private static readonly PipeOptions Unbounded = new(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0,
            useSynchronizationContext: false);

        private readonly Pipe _pipe = new(Unbounded);
        private bool _isLeft;

        public void Append(ReadOnlySpan<byte> content)
        {
            if (_isLeft || content.IsEmpty) return;
            _pipe.Writer.Write(content);
            ValueTask<FlushResult> flush = _pipe.Writer.FlushAsync();
            Debug.Assert(flush.IsCompletedSuccessfully, "without a threshold a flush ends at once");
        }

        public void End() => _pipe.Writer.Complete();

        /// <summary>The next part is asked for: what was not read of this one is nobody's.</summary>
        public void Leave()
        {
            _isLeft = true;
            _pipe.Reader.Complete();
        }

        public override bool TryRead(out ReadResult result) => _pipe.Reader.TryRead(out result);

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            ReadResult result;
            while (!_pipe.Reader.TryRead(out result)) await parts.FeedAsync(cancellationToken);
            return result;
        }

        public override void AdvanceTo(SequencePosition consumed) => _pipe.Reader.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) =>
            _pipe.Reader.AdvanceTo(consumed, examined);

        public override void CancelPendingRead()
        {
            _pipe.Reader.CancelPendingRead();
            parts._body.CancelPendingRead();
        }

        public override void Complete(Exception? exception = null) => Leave();
    }
}
