namespace Workerman.Protocols.Http;

/// <summary>
/// chunk-size [ chunk-ext ] (RFC 9112 section 7.1), byte by byte, so that it is refused at the first byte that makes it invalid.
/// A value of <see cref="ChunkedDecoder"/>; pure.
/// </summary>
internal struct ChunkSizeLine
{
    /// <summary>The largest size that may have another digit: the number must not need more than 63 bits.</summary>
    private const long MaxSize = long.MaxValue >> 4;

    private Place _place;
    private int _digits;

    private enum Place
    {
        Size,

        /// <summary>White space that only a semicolon may follow.</summary>
        BeforeExtension,
        ExtensionName,
        InExtensionName,

        /// <summary>White space after a name, which an equals sign or a semicolon may follow.</summary>
        AfterName,
        ExtensionValue,
        InExtensionValue,
        Quoted,
        QuotedPair,
        AfterQuoted,
    }

    public long Size { get; private set; }

    /// <summary>Whether the line may end here: not after white space, nor in the middle of an extension.</summary>
    public readonly bool CanEnd => _place switch
    {
        Place.Size => _digits > 0,
        Place.InExtensionName or Place.InExtensionValue or Place.AfterQuoted => true,
        _ => false,
    };

    /// <summary>Takes the next byte.</summary>
    /// <returns>Whether the line can still be valid.</returns>
    public bool Take(byte next)
    {
        // Only hex digits: no sign, no 0x. Most lines are one of them.
        if (_place == Place.Size && char.IsAsciiHexDigit((char)next)) return TakeDigit(next);
        bool space = next is (byte)' ' or (byte)'\t';
        Place? place = _place switch
        {
            Place.Size when _digits == 0 => null,
            Place.Size or Place.BeforeExtension or Place.AfterQuoted =>
                next == ';' ? Place.ExtensionName : space ? Place.BeforeExtension : null,
            // Section 7.1.1: BWS ";" BWS name [ BWS "=" BWS value ], value a token or quoted.
            Place.ExtensionName => space ? _place : IsToken(next) ? Place.InExtensionName : null,
            Place.InExtensionName when IsToken(next) => _place,
            Place.InExtensionName or Place.AfterName => AfterName(next, space),
            Place.ExtensionValue => space ? _place : next == '"' ? Place.Quoted : IsToken(next) ? Place.InExtensionValue : null,
            Place.InExtensionValue when IsToken(next) => _place,
            Place.InExtensionValue => next == ';' ? Place.ExtensionName : space ? Place.BeforeExtension : null,
            Place.Quoted => next == '"' ? Place.AfterQuoted : next == '\\' ? Place.QuotedPair : IsText(next) ? _place : null,
            Place.QuotedPair => IsText(next) ? Place.Quoted : null,
            _ => null,
        };
        if (place is null) return false;
        _place = place.Value;
        return true;
    }

    private static Place? AfterName(byte next, bool space) => next switch
    {
        (byte)'=' => Place.ExtensionValue,
        (byte)';' => Place.ExtensionName,
        _ => space ? Place.AfterName : null,
    };

    private bool TakeDigit(byte digit)
    {
        // Leading zeros count as digits.
        _digits++;
        if (Size > MaxSize) return false;
        Size = (Size << 4) | (uint)UrlEncoding.HexValue(digit);
        return true;
    }

    private static bool IsToken(byte next) => HttpChars.IsToken(new ReadOnlySpan<byte>(in next));

    private static bool IsText(byte next) => HttpChars.IsFieldValue(new ReadOnlySpan<byte>(in next));
}
