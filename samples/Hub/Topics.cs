namespace Hub;

/// <summary>A topic, with its URL if it is one, perhaps relative to the hub's. Immutable; any thread.</summary>
internal sealed record Topic(string Text)
{
    // The URL standard reads a backslash as a slash; System.Uri does not in all places.
    public Uri? Url { get; } = Uri.TryCreate(Settings.Url, Text.Replace('\\', '/'), out Uri? url) ? url : null;

    /// <summary>Whether its path is the hub's, or below it, whatever its scheme and host (spec: Publication).</summary>
    public bool IsReserved => $"{Url?.AbsolutePath}/".StartsWith(Settings.Url.AbsolutePath + "/", StringComparison.Ordinal);

    /// <summary>Whether a topic, pattern, id or type has no character that it must not have (spec: Terminology).</summary>
    public static bool IsVisible(string text) => text.EnumerateRunes().All(static rune =>
        Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format));
}

/// <summary>A topic matcher of a subscriber or a token (spec: Matcher Types). Immutable; any thread.</summary>
internal sealed class Matcher(string? type, string? pattern)
{
    public const int MaxCount = 100, MaxLength = 4096;
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
