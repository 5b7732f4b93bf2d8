using System.Globalization;

namespace Workerman.Protocols.Http;

/// <summary>A coding that an answer's body can be sent in.</summary>
internal enum ContentCoding
{
    /// <summary>As it is.</summary>
    Identity,

    /// <summary>RFC 1952.</summary>
    Gzip,

    /// <summary>RFC 8878.</summary>
    Zstandard,

    /// <summary>RFC 7932.</summary>
    Brotli,
}

/// <summary>
/// Which coding a client prefers (RFC 9110 section 12.5.3): a weight in thousandths for each, 0 for one that it does not accept.
/// A client that accepts none of them gets the body uncoded, even if it excludes identity: that is of more use to it than an
/// error. A value; pure.
/// </summary>
internal readonly record struct AcceptEncoding(int Brotli, int Zstandard, int Gzip, int Identity)
{
    /// <summary>
    /// Reads the field; without it, and if it names no coding that is supported here, only identity is accepted.
    /// </summary>
    public static AcceptEncoding Parse(string? field)
    {
        if (field is null) return default;
        int? brotli = null, zstandard = null, gzip = null, identity = null, others = null;
        foreach (Range range in field.AsSpan().Split(','))
        {
            ReadOnlySpan<char> element = field.AsSpan(range);
            int semicolon = element.IndexOf(';');
            ReadOnlySpan<char> name = (semicolon < 0 ? element : element[..semicolon]).Trim(" \t");
            int weight = semicolon < 0 ? 1000 : WeightOf(element[(semicolon + 1)..].Trim(" \t"));
            if (name.Equals("br", StringComparison.OrdinalIgnoreCase)) brotli = weight;
            else if (name.Equals("zstd", StringComparison.OrdinalIgnoreCase)) zstandard = weight;
            // RFC 9110 section 8.4.1.3: the old name.
            else if (name.Equals("gzip", StringComparison.OrdinalIgnoreCase)
                || name.Equals("x-gzip", StringComparison.OrdinalIgnoreCase)) gzip = weight;
            else if (name.Equals("identity", StringComparison.OrdinalIgnoreCase)) identity = weight;
            else if (name is "*") others = weight;
        }
        // Identity is acceptable unless it is excluded, and preferred only if the client gives it a weight.
        return new AcceptEncoding(brotli ?? others ?? 0, zstandard ?? others ?? 0, gzip ?? others ?? 0, identity ?? 0);
    }

    /// <summary>
    /// The coding with the highest weight of those that bodies are compressed with here; of equal ones Brotli, whose result is
    /// smaller.
    /// </summary>
    public ContentCoding Choose()
    {
        int best = Math.Max(Brotli, Gzip);
        if (best == 0 || Identity > best) return ContentCoding.Identity;
        return Brotli == best ? ContentCoding.Brotli : ContentCoding.Gzip;
    }

    /// <summary>The weight of a coding.</summary>
    public int Of(ContentCoding coding) => coding switch
    {
        ContentCoding.Brotli => Brotli,
        ContentCoding.Zstandard => Zstandard,
        ContentCoding.Gzip => Gzip,
        _ => Identity,
    };

    /// <summary>The coding's name in Content-Encoding.</summary>
    public static string NameOf(ContentCoding coding) => coding switch
    {
        ContentCoding.Brotli => "br",
        ContentCoding.Zstandard => "zstd",
        ContentCoding.Gzip => "gzip",
        _ => "identity",
    };

    /// <summary>Tells caches that another client's request would have had another answer (RFC 9110 section 12.5.5).</summary>
    public static void AddVary(ResponseHeaders headers)
    {
        if (!headers.GetValues("Vary")
            .Any(vary => OptionList.Contains(vary, "*") || OptionList.Contains(vary, "Accept-Encoding")))
            headers.Add("Vary", "Accept-Encoding");
    }

    /// <summary>
    /// A weak tag in place of a strong one, for an answer that has the same meaning in other bytes (RFC 9110 section 8.8.3.3).
    /// </summary>
    public static string Weaken(string tag) => tag.StartsWith('"') ? $"W/{tag}" : tag;

    /// <summary>weight = "q=" qvalue, in thousandths (section 12.4.2). A malformed weight counts as 0.</summary>
    private static int WeightOf(ReadOnlySpan<char> parameter)
    {
        if (!parameter.StartsWith("q=", StringComparison.OrdinalIgnoreCase)) return 0;
        ReadOnlySpan<char> value = parameter[2..];
        if (value.Length > 5 || !decimal.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
            out decimal weight) || weight > 1) return 0;
        return (int)(weight * 1000);
    }
}
