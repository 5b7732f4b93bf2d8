namespace Hub;

/// <summary>A topic, with its URL if it is one, perhaps relative to the hub's. Immutable; any thread.</summary>
internal sealed record Topic(string Text)
{
    // The URL standard reads a backslash as a slash; System.Uri does not in all places.
    public Uri? Url { get; } = Uri.TryCreate(Settings.Url, Text.Replace('\\', '/'), out Uri? url) ? url : null;

    /// <summary>Whether its path is the hub's, or below it, whatever its scheme and host (spec: Publication).</summary>
    public bool IsReserved => IsBelowHub(Url?.AbsolutePath ?? "") || PathsOf(Text.Replace('\\', '/')).Any(IsBelowHub);

    private static bool IsBelowHub(string path) =>
        $"{path}/".StartsWith(Settings.Url.AbsolutePath + "/", StringComparison.Ordinal);

    // What the path is to the URL standard, which takes URLs that System.Uri does not: without an authority, and with one.
    private static IEnumerable<string> PathsOf(string text)
    {
        string rest = "/" + Regex.Replace(text, "^[A-Za-z][A-Za-z0-9+.-]*:|[?#].*", "", RegexOptions.Singleline).TrimStart('/');
        int next = rest.IndexOf('/', 1);
        foreach (string path in next < 0 ? [rest] : new[] { rest, rest[next..] })
            yield return Uri.TryCreate("http://host" + path, default, out Uri? url) ? url.AbsolutePath : path;
    }

    /// <summary>Whether a topic, pattern, id or type has no character that it must not have (spec: Terminology).</summary>
    public static bool IsVisible(string text) => text.EnumerateRunes().All(static rune =>
        Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format));
}

/// <summary>A topic matcher of a subscriber or a token (spec: Matcher Types). Immutable; any thread.</summary>
internal sealed class Matcher(string? type, string? pattern)
{
    public const int MaxCount = 100, MaxLength = 4096, MaxCost = 2000;
    public string Type { get; } = type is "exact" or "urlpattern" ? type : throw new FormatException("no such type of matcher");
    public string Pattern { get; } = pattern is { Length: <= MaxLength } && Topic.IsVisible(pattern) ? pattern
        : throw new FormatException($"a matcher has up to {MaxLength} characters, none of which controls or formats");

    /// <summary>The type that the name of a query parameter says; null for none (spec: Summary of Matcher Types).</summary>
    public static string? TypeOf(string name) => name switch
    {
        "match" or "match_exact" => "exact",
        "match_urlpattern" => "urlpattern",
        _ => null,
    };

    // After the checks of the two.
    private readonly UrlPattern? _url = type == "exact" || pattern == "*" ? null : new UrlPattern(pattern!, Settings.Url);

    /// <summary>A regular expression takes as much time for each character of a URL as it is long, or counts.</summary>
    public int Cost => _url is not null && Pattern.Contains('(', StringComparison.Ordinal) ? 100 + Pattern.Length : 0;

    public bool Matches(Topic topic) =>
        Pattern == "*" || (_url is null ? topic.Text == Pattern : topic.Url is { } url && _url.IsMatch(url));
}

/// <summary>What an event has beside what is sent; it travels as the event's topic, in lines, which no topic has.</summary>
internal sealed record Update(bool IsPrivate, Topic[] Topics)
{
    private static readonly ConditionalWeakTable<PublishedEvent, Update> Known = [];

    public static Update Of(PublishedEvent published) => Known.GetValue(published, static published =>
        new Update(published.Topic![0] == '!', [.. published.Topic.Split('\n')[1..].Select(static line => new Topic(line))]));

    public override string ToString() => string.Join('\n', Topics.Select(static one => one.Text).Prepend(IsPrivate ? "!" : "."));
}
