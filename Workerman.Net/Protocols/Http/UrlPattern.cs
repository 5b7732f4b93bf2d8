using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Workerman.Protocols.Http;

/// <summary>
/// A pattern of URLs after the URL Pattern standard (https://urlpattern.spec.whatwg.org, <c>URLPattern</c> in browsers), for
/// routes and topics: <c>/books/:id</c>, <c>https://*.example.com/users/:id(\d+)</c>, <c>/files{/:name}?</c>. It says whether a
/// URL matches and captures nothing. However the pattern is made, matching takes time in proportion to the URL: a regular
/// expression in it that could take more is refused. Letters count as they are written, but in scheme and host. Immutable; any
/// thread.
/// <para><see cref="Uri"/> reads patterns as well as URLs, with marks in place of the pattern's groups. So both are resolved,
/// encoded and cut into parts in the same way; it decodes escapes that nobody needs (<c>%61</c>), which the standard does
/// not.</para>
/// </summary>
public sealed class UrlPattern
{
    private const int User = 1, Host = 2, Port = 3, Path = 4, Query = 5, Fragment = 6;

    /// <summary>How often counted repetitions may repeat something all in all: each repetition is a copy in memory.</summary>
    private const int MaxRepetitions = 100;

    private const RegexOptions Named = RegexOptions.ExplicitCapture | RegexOptions.Singleline | RegexOptions.CultureInvariant;

    /// <summary>A regular expression in parentheses: ASCII, not beginning with a question mark, capturing nothing.</summary>
    private const string Own = @"\((?!\?)(?<own>(?>\\[!-~]|[ -~-[()\\]]|(?<open>\()(?=\?)|(?<-open>\)))+)(?(open)(?!))\)";

    private static readonly Regex Token = new(
        @"((?<slash>/?)(:(?<name>[\p{L}_$][\p{L}\p{Nd}_$]*)(" + Own + ")?|" + Own + @"|(?<all>\*))|(?<end>\}))(?<modifier>[?*+]?)"
            + @"|(?<begin>\{)(?<slash>/?)|\\(?<text>.)|(?<text>.)", Named);

    private static readonly Regex Mark = new("(?<slash>/?)zq9g(?<number>[0-9]+)g9z", Named);

    /// <summary>What a pattern says (RFC 3986 appendix B).</summary>
    private static readonly Regex Given = new("^([^:/?#]+:(?<authority>//(?<user>[^/?#]*@)?[^/?#]*)?)?(?<path>[^?#]*)"
        + @"(?<query>\?[^#]*)?(?<fragment>#.*)?$", Named);

    /// <summary>Where the authority of a pattern is, a question mark in it being a modifier of what is before.</summary>
    private static readonly Regex Authority = new(
        @"^([^/?#(){}]|\([^()]*\)\??|\{[^{}]*\}\??)+://(?<authority>([^/?#]|(?<=[)}*])\?)*)", Named);
    private static readonly Regex Repetition = new(@"\{(?<least>[0-9]+)(,(?<most>[0-9]*))?\}", Named);
    private static readonly string[] SpecialSchemes = ["http", "https", "ws", "wss", "ftp", "file"];

    private static readonly UriComponents[] Parts =
    [
        UriComponents.Scheme, UriComponents.UserInfo, UriComponents.NormalizedHost, UriComponents.Port,
        UriComponents.Path | UriComponents.KeepDelimiter, UriComponents.Query, UriComponents.Fragment,
    ];

    private readonly Uri? _baseUrl;
    private readonly Predicate<string>?[] _parts;

    /// <summary>Reads a pattern.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="baseUrl">What it is relative to, an absolute URL; null if it is not.</param>
    /// <exception cref="FormatException">It is no pattern, or none of linear time; the message says why.</exception>
    public UrlPattern(string pattern, Uri? baseUrl = null)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        _baseUrl = baseUrl;
        var groups = new List<GroupCollection>();
        Group authority = Authority.Match(pattern).Groups["authority"];
        string? port = null;
        string marked = Token.Replace(pattern, token =>
        {
            if (token.Groups["text"].Success) return TextOf(token, pattern, authority);
            groups.Add(token.Groups);
            string mark = string.Create(CultureInfo.InvariantCulture, $"zq9g{groups.Count - 1}g9z");
            bool isPort = token.Index > authority.Index && token.Index < authority.Index + authority.Length
                && pattern[token.Index - 1] == ':';
            if (!isPort) return token.Groups["slash"].Value + mark;
            // System.Uri takes a number for a port, and nothing else.
            port = mark;
            return "1";
        });
        // A pattern of two slashes has no host: it is the path of the base URL's.
        string absolute = marked.StartsWith("//", StringComparison.Ordinal) && baseUrl is not null
            ? baseUrl.GetLeftPart(UriPartial.Authority) + marked : marked;
        if (!TryResolve(absolute, baseUrl, out Uri? url))
            throw new FormatException($"The pattern '{pattern}' is no URL, or it is relative and there is no base URL.");
        if (groups.Sum(static group => RepetitionsOf(group["own"].Value)) > MaxRepetitions)
            throw new FormatException($"The pattern '{pattern}' repeats something more than {MaxRepetitions} times.");
        string?[] parts = [.. Parts.Select((_, i) => PartOf(url, i))];
        parts[Port] = port ?? parts[Port];
        ForgetWhatIsNotSaid(parts, Given.Match(marked).Groups, isEmpty: marked.Length == 0);
        bool hasSegments = Compile(parts[0], groups, null) is not { } scheme || Array.Exists(SpecialSchemes, scheme);
        _parts = [.. parts.Select((part, i) => Compile(part, groups, i == Host ? '.' : i == Path && hasSegments ? '/' : null))];
    }

    /// <summary>Whether a URL matches.</summary>
    /// <param name="url">The URL, absolute or relative to the base URL of the pattern; what is no URL does not match.</param>
    public bool IsMatch(string url)
    {
        ArgumentNullException.ThrowIfNull(url);
        return TryResolve(url, _baseUrl, out Uri? resolved) && IsMatch(resolved);
    }

    /// <summary>Whether a URL matches.</summary>
    /// <param name="url">The URL, absolute.</param>
    public bool IsMatch(Uri url)
    {
        ArgumentNullException.ThrowIfNull(url);
        for (int i = 0; i < _parts.Length; i++)
        {
            if (_parts[i]?.Invoke(PartOf(url, i)) == false) return false;
        }
        return true;
    }

    /// <summary>One of <see cref="Parts"/>.</summary>
    private static string PartOf(Uri url, int part)
    {
        string text = url.GetComponents(Parts[part], UriFormat.UriEscaped);
        // The normalized form has no dot at its end, and a host with one is another host.
        return part == Host && url.Host.EndsWith('.') && !text.EndsWith('.') ? text + '.' : text;
    }

    private static bool TryResolve(string text, Uri? baseUrl, [NotNullWhen(true)] out Uri? url) =>
        // System.Uri takes what begins with a slash for a file, where there is no base.
        baseUrl is not null ? Uri.TryCreate(baseUrl, text, out url)
            : Uri.TryCreate(text.StartsWith('/') ? null : text, UriKind.Absolute, out url);

    private static string TextOf(Match token, string pattern, Group authority)
    {
        // Behind the authority a colon begins a name.
        bool isInPath = authority.Success ? token.Index >= authority.Index + authority.Length : pattern.StartsWith('/');
        if (token.Value == ":" && isInPath)
            throw new FormatException($"The pattern '{pattern}' has a colon at {token.Index} that no name follows. "
                + @"Cure: escape it (\) if it stands for itself.");
        if (token.Length == 1 && token.Value is "+" or "*" or "(" or "\\")
            throw new FormatException($"The pattern '{pattern}' has '{token.Value}' at {token.Index}, where it means nothing. "
                + @"Cure: escape it (\) if it stands for itself.");
        return token.Groups["text"].Value;
    }

    /// <summary>"Process a URLPatternInit": what comes after the last part that is said may be anything.</summary>
    private static void ForgetWhatIsNotSaid(string?[] parts, GroupCollection said, bool isEmpty)
    {
        bool hasFragment = isEmpty || said["fragment"].Success;
        bool hasQuery = hasFragment || said["query"].Success;
        if (!said["user"].Success) parts[User] = null;
        if (!hasQuery && said["authority"].Success && said["path"].Length == 0) parts[Path] = null;
        if (!hasQuery) parts[Query] = null;
        if (!hasFragment) parts[Fragment] = null;
    }

    /// <returns>Null where anything matches.</returns>
    private static Predicate<string>? Compile(string? part, List<GroupCollection> groups, char? separator)
    {
        if (part is null) return null;
        GroupCollection[] used = [.. Mark.Matches(part).Select(GroupOf)];
        if (used.Length == 0) return text => text == part;
        string[] names = [.. used.Select(static group => group["name"].Value).Where(static name => name.Length > 0)];
        if (names.Distinct().Count() < names.Length) throw new FormatException("A part of the pattern has a name twice.");
        string regex = Mark.Replace(Regex.Escape(part), mark => ToRegex(GroupOf(mark), mark.Groups["slash"].Value, separator));
        try
        {
            return new Regex($@"\A(?:{regex})\z", RegexOptions.NonBacktracking | Named).IsMatch;
        }
        catch (Exception e) when (e is RegexParseException or NotSupportedException)
        {
            throw new FormatException("A regular expression of the pattern is invalid, or cannot be matched in linear time.", e);
        }

        GroupCollection GroupOf(Match mark) =>
            int.TryParse(mark.Groups["number"].Value, CultureInfo.InvariantCulture, out int number) && number < groups.Count
                ? groups[number] : throw new FormatException("The pattern has a text that is reserved here.");
    }

    /// <summary>"Generate a regular expression": the slash before a group is optional, or repeated, with it.</summary>
    private static string ToRegex(GroupCollection group, string slash, char? separator)
    {
        if (group["begin"].Success) return group["slash"].Length > 0 ? "(?:/" : slash + "(?:";
        string modifier = group["modifier"].Value;
        if (group["end"].Success) return $"{slash}){modifier}";
        string any = group["all"].Success ? ".*" : separator is null ? ".+" : $"[^{separator}]+";
        string own = group["own"].Success ? $"(?:{group["own"].Value})" : any;
        return separator == '/' ? $"(?:{slash}{own}){modifier}" : $"{slash}(?:{own}){modifier}";
    }

    private static double RepetitionsOf(string regex)
    {
        double repetitions = 1;
        foreach (Match match in Repetition.Matches(regex))
        {
            string most = match.Groups["most"].Value;
            string count = most.Length > 0 ? most : match.Groups["least"].Value;
            repetitions *= Math.Max(1, double.Parse(count, CultureInfo.InvariantCulture));
        }
        return repetitions;
    }
}
