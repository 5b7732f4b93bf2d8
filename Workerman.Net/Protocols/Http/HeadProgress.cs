using System.Buffers;

namespace Workerman.Protocols.Http;

/// <summary>
/// How far the head of a request was judged that has not come whole: up to the line that has not ended, and what the lines before
/// it have said. So each line is judged when it has ended, and not for every packet that comes. It holds no bytes of the head but
/// an authority. Made by <see cref="HttpParser"/>; kept by the protocol of one connection while a head has come in part, on its
/// loop's thread.
/// </summary>
internal sealed class HeadProgress
{
    private int _seen;
    private Harmless _harmless;

    /// <summary>Up to where the line may go on without another judgement.</summary>
    private int _most = int.MaxValue;

    private int _minorVersion;
    private byte[] _authority = [];
    private FramingState _framing;
    private int _count;

    /// <summary>Where the request line starts in the input, behind the empty lines before it.</summary>
    public int Start { get; private init; }

    /// <summary>Where the line starts that has not ended.</summary>
    public int LineStart { get; private set; }

    /// <summary>Whether the request line has ended, and was valid.</summary>
    public bool HasLine { get; private init; }

    /// <summary>A request line has come in part, or nothing of it yet.</summary>
    /// <param name="line">What there is of it.</param>
    /// <param name="start">Where it starts in the input.</param>
    /// <param name="options">The limits.</param>
    public static HeadProgress InRequestLine(ReadOnlySpan<byte> line, int start, HttpOptions options)
    {
        var progress = new HeadProgress { Start = start, LineStart = start, _most = start + options.MaxRequestLineSize };
        progress.Note(line, OpenLine.OfRequestLine(line));
        return progress;
    }

    /// <summary>A request line has come whole, and a number of fields behind it.</summary>
    /// <param name="bytes">The input from the request line on.</param>
    /// <param name="position">Where in it the line starts that has not ended.</param>
    /// <param name="start">Where the request line starts in the whole input.</param>
    /// <param name="minorVersion">The version of the request line.</param>
    /// <param name="authority">The authority of its target, or nothing.</param>
    public static HeadProgress InFields(ReadOnlySpan<byte> bytes, int position, int start, int minorVersion,
        ReadOnlySpan<byte> authority)
    {
        var progress = new HeadProgress
        {
            Start = start,
            LineStart = start + position,
            HasLine = true,
            _minorVersion = minorVersion,
            _authority = authority.ToArray(),
        };
        progress.Note(bytes[position..], OpenLine.OfHeaderField(bytes[position..]));
        return progress;
    }

    /// <summary>Keeps what whole fields have said.</summary>
    public void Keep(in RequestFraming framing, int count) => (_framing, _count) = (framing.State, count);

    /// <summary>Whether what has come since makes no difference: the line goes on as it may.</summary>
    /// <param name="input">The whole input.</param>
    public bool IsUnchangedBy(in ReadOnlySequence<byte> input)
    {
        if (input.Length > _most || !OpenLine.Allows(_harmless, SequenceTail.From(input, _seen))) return false;
        _seen = (int)input.Length;
        return true;
    }

    /// <summary>Judges header fields on, from the line that had not ended.</summary>
    /// <param name="input">The input from <see cref="LineStart"/> on.</param>
    /// <param name="options">The limits.</param>
    /// <returns>A message when the empty line has come.</returns>
    public Verdict ReadFields(ReadOnlySpan<byte> input, HttpOptions options)
    {
        var framing = new RequestFraming(_minorVersion, _authority, options.MaxListElements) { State = _framing };
        var reader = new LineReader(input);
        // Positions are found again when all have come: these are only counted.
        int more = 0;
        int most = HttpParser.MostFields(input.Length, Math.Max(options.MaxHeaderCount - _count, 0));
        HeaderField[]? rented = null;
        Span<HeaderField> fields = most <= HttpParser.StackFields
            ? stackalloc HeaderField[HttpParser.StackFields]
            : rented = ArrayPool<HeaderField>.Shared.Rent(most);
        Verdict verdict = HttpParser.ReadFields(ref reader, ref framing, fields[..most], ref more);
        if (rented is not null) ArrayPool<HeaderField>.Shared.Return(rented);
        _count += more;
        _framing = framing.State;
        LineStart += reader.Position;
        ReadOnlySpan<byte> line = input[reader.Position..];
        Note(line, OpenLine.OfHeaderField(line));
        return verdict;
    }

    private void Note(ReadOnlySpan<byte> line, Harmless harmless)
    {
        _seen = LineStart + line.Length;
        // Behind a CR the LF must come, which has an effect.
        _harmless = line.EndsWith("\r"u8) ? Harmless.Nothing : harmless;
    }
}
