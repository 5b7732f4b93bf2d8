using System.Globalization;

namespace Workerman.Protocols.Http;

/// <summary>A coding that an answer's body can be sent in.</summary>
internal enum ContentCoding
{
    /// <summary>As it is.</summary>
    Identity,

    /// <summary>RFC 1952.</summary>
    Gzip,

    /// <summary>RFC 7932.</summary>
    Brotli,
}

/// <summary>What a client would like best (RFC 9110 section 12.5.3). Pure.</summary>
internal static class AcceptEncoding
{
    /// <summary>The coding with the highest weight; of equals Brotli, which is smaller. Without the field, and where nothing of ours is accepted, identity.</summary>
    public static ContentCoding Choose(string? field)
    {
        if (field is null) return ContentCoding.Identity;
        int? brotli = null, gzip = null, identity = null, others = null;
        foreach (Range range in field.AsSpan().Split(','))
        {
            ReadOnlySpan<char> element = field.AsSpan(range);
            int semicolon = element.IndexOf(';');
            ReadOnlySpan<char> name = (semicolon < 0 ? element : element[..semicolon]).Trim(" \t");
            int weight = semicolon < 0 ? 1000 : WeightOf(element[(semicolon + 1)..].Trim(" \t"));
            if (name.Equals("br", StringComparison.OrdinalIgnoreCase)) brotli = weight;
            // RFC 9110 section 8.4.1.3: the old name.
            else if (name.Equals("gzip", StringComparison.OrdinalIgnoreCase) || name.Equals("x-gzip", StringComparison.OrdinalIgnoreCase)) gzip = weight;
            else if (name.Equals("identity", StringComparison.OrdinalIgnoreCase)) identity = weight;
            else if (name is "*") others = weight;
        }
        int ofBrotli = brotli ?? others ?? 0;
        int ofGzip = gzip ?? others ?? 0;
        int best = Math.Max(ofBrotli, ofGzip);
        // Identity is acceptable unless excluded, and preferred only where it says so.
        if (best == 0 || identity > best) return ContentCoding.Identity;
        return ofBrotli == best ? ContentCoding.Brotli : ContentCoding.Gzip;
    }

    /// <summary>weight = "q=" qvalue, in thousandths (section 12.4.2). What is malformed is not wanted.</summary>
    private static int WeightOf(ReadOnlySpan<char> parameter)
    {
        if (!parameter.StartsWith("q=", StringComparison.OrdinalIgnoreCase)) return 0;
        ReadOnlySpan<char> value = parameter[2..];
        if (value.Length > 5 || !decimal.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal weight) || weight > 1) return 0;
        return (int)(weight * 1000);
    }
}
