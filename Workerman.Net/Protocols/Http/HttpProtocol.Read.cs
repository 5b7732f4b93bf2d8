using System.Buffers;

namespace Workerman.Protocols.Http;

/// <summary>The way in: head, then body, then the request is with the application until it has its answer.</summary>
internal sealed partial class HttpProtocol
{
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
}
