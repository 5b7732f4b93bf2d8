namespace Workerman.Protocols.Http;

/// <summary>Takes bytes of a body as they come.</summary>
internal delegate void BodySink(ReadOnlySpan<byte> bytes);

/// <summary>
/// Takes one content coding off a body, piece by piece as it arrives, and hands on what comes out; no more than the limit, so
/// that a small body cannot become
/// a large one unnoticed. Belongs to a <see cref="RequestBody"/>, which disposes of it.
/// </summary>
/// <param name="coding">Its name, for error messages.</param>
/// <param name="limit">Bytes that may come out.</param>
/// <param name="following">The decoder that is behind, if there is one.</param>
/// <param name="next">Where the bytes go.</param>
internal abstract class ContentDecoder(string coding, long limit, ContentDecoder? following, BodySink next) : IDisposable
{
    private long _length;

    /// <summary>Decodes as far as the bytes go.</summary>
    /// <exception cref="BadRequestException">They are not what the coding makes (400), or come to more than the limit
    /// (413).</exception>
    public abstract void Append(ReadOnlySpan<byte> bytes);

    /// <summary>No more will come.</summary>
    /// <exception cref="BadRequestException">The body breaks off.</exception>
    public void Complete()
    {
        // No byte at all is no body, and nothing is missing from it.
        if (HasBegun && !IsWhole()) throw Malformed();
        following?.Complete();
    }

    public virtual void Dispose() => following?.Dispose();

    protected bool HasBegun { get; set; }

    /// <summary>Whether the coding has come to its own end.</summary>
    protected abstract bool IsWhole();

    protected void Emit(ReadOnlySpan<byte> bytes)
    {
        if ((_length += bytes.Length) > limit)
            throw new BadRequestException(Refusals.BodyTooLarge.Status, Refusals.BodyTooLarge.Reason!);
        next(bytes);
    }

    protected BadRequestException Malformed(Exception? reason = null) => new(400, $"malformed {coding} body", reason);
}
