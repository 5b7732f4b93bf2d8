using System.Globalization;

namespace Workerman.Protocols.Http.Files;

/// <summary>Dates of header fields, to the second (RFC 9110 section 5.6.7). Pure.</summary>
internal static class HttpDate
{
    public static string Format(DateTimeOffset time) => time.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>Without fractions of a second, which a header field cannot express.</summary>
    public static DateTimeOffset ToSecond(DateTimeOffset time) =>
        new(time.UtcTicks - time.UtcTicks % TimeSpan.TicksPerSecond, TimeSpan.Zero);

    /// <summary>Reads the current form and the two obsolete ones, which every recipient must accept.</summary>
    public static bool TryParse(string? text, out DateTimeOffset time)
    {
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        time = default;
        if (text is null) return false;
        CultureInfo culture = CultureInfo.InvariantCulture;
        return DateTimeOffset.TryParseExact(text, "ddd, dd MMM yyyy HH:mm:ss 'GMT'", culture, Utc, out time)
            || DateTimeOffset.TryParseExact(WithCentury(text), "dddd, dd-MMM-yyyy HH:mm:ss 'GMT'", culture, Utc, out time)
            || DateTimeOffset.TryParseExact(text, ["ddd MMM dd HH:mm:ss yyyy", "ddd MMM  d HH:mm:ss yyyy"], culture, Utc,
                out time);
    }

    /// <summary>
    /// Completes a year of two digits. One that would be more than 50 years in the future is a hundred years earlier.
    /// </summary>
    private static string? WithCentury(string text)
    {
        int dash = text.LastIndexOf('-');
        if (dash < 0 || dash + 3 >= text.Length || text[dash + 3] != ' '
            || !int.TryParse(text.AsSpan(dash + 1, 2), NumberStyles.None, CultureInfo.InvariantCulture, out int year))
            return null;
        int now = DateTime.UtcNow.Year;
        year += now - now % 100;
        if (year > now + 50) year -= 100;
        return string.Create(CultureInfo.InvariantCulture, $"{text[..(dash + 1)]}{year}{text[(dash + 3)..]}");
    }
}
