namespace Workerman.Protocols.Http;

/// <summary>
/// field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5), also of a line that has not ended yet. Header
/// and trailer fields alike. A value of the parsers; pure.
/// </summary>
internal struct HeaderLine
{
    /// <summary>Where the colon is, if there is one.</summary>
    public int NameLength;

    public int ValueStart;

    public int ValueLength;

    /// <summary>Judges a line, or the beginning of one.</summary>
    public Verdict Read(ReadOnlySpan<byte> line, bool isWhole)
    {
        // A line that starts with white space is an obsolete fold (section 5.2); no token starts so. Section 5.1: no white space
        // between name and colon; it is no token character either.
        NameLength = HttpChars.TokenLength(line);
        if (NameLength == line.Length && NameLength > 0)
            return isWhole ? Verdict.Reject(400, "header field without a colon") : Verdict.NeedMore;
        if (NameLength == 0 || line[NameLength] != ':') return Verdict.Reject(400, "bad header field name");
        ReadOnlySpan<byte> rest = line[(NameLength + 1)..];
        if (!HttpChars.IsFieldValue(rest)) return Verdict.Reject(400, "bad header field value");
        int start = 0;
        int end = rest.Length;
        while (start < end && HttpChars.IsWhitespace(rest[start])) start++;
        while (end > start && HttpChars.IsWhitespace(rest[end - 1])) end--;
        ValueStart = NameLength + 1 + start;
        ValueLength = end - start;
        return Verdict.Message;
    }
}
