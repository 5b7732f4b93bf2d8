/// <summary>A topic matcher of a subscriber or a token (spec: Matcher Types). Immutable; any thread.</summary>
internal sealed record Matcher(string Match, string MatchType = "exact")
{
    public const int MaxCount = 100, MaxLength = 4096, MaxCost = 2000;

    /// <summary>The types by the names of query parameters (spec: Summary of Matcher Types).</summary>
    public static readonly Dictionary<string, string> Types =
        new() { ["match"] = "exact", ["match_exact"] = "exact", ["match_urlpattern"] = "urlpattern" };

    public string MatchType { get; } = Types.ContainsValue(MatchType) ? MatchType : throw new FormatException("unknown type");

    public string Match { get; } = Match.Length <= MaxLength && IsVisible(Match) ? Match
        : throw new FormatException($"a matcher has up to {MaxLength} characters, none of which controls or formats");

    // After the checks of the two.
    private readonly UrlPattern? _url = MatchType == "exact" || Match == "*" ? null : new UrlPattern(Match, Settings.Url);

    /// <summary>Whether a topic, pattern, id or type has no character that it must not have (spec: Terminology).</summary>
    public static bool IsVisible(string text) => text.EnumerateRunes().All(static rune =>
        Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format));

    /// <summary>
    /// Whether a topic is the wildcard, or its path is the hub's or below it, on whatever host (spec: Publication). The URL
    /// standard takes URLs that System.Uri does not: the path is looked at with an authority before it, and without one, too.
    /// </summary>
    public static bool IsReserved(string topic)
    {
        string text = Regex.Replace(topic.Replace('\\', '/'), $"^{Settings.Url.Scheme}:(?!//)", "", RegexOptions.IgnoreCase);
        string rest = Regex.Replace(text, "^([A-Za-z][A-Za-z0-9+.-]*:)?/*|[?#].*", "", RegexOptions.Singleline);
        return topic == "*" || new[] { rest, rest[(rest.IndexOf('/') + 1)..] }.Select(static path => new Uri("http://a/" + path))
            .Append(Uri.TryCreate(Settings.Url, text, out Uri? url) ? url : null)
            .Any(static url => $"{url?.AbsolutePath}/".StartsWith(Settings.Url.AbsolutePath + "/", StringComparison.Ordinal));
    }

    /// <summary>A regular expression takes as much time for each character of a URL as it is long, or counts.</summary>
    public int Cost => _url is not null && Match.Contains('(', StringComparison.Ordinal) ? 100 + Match.Length : 0;

    // The URL standard reads a backslash as a slash; System.Uri does not in all places.
    public bool Matches(string topic) => Match == "*" || (_url?.IsMatch(topic.Replace('\\', '/')) ?? topic == Match);
}
