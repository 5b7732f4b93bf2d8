using Workerman.Protocols.Http;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Patterns of URLs. What matches is what Chromium's <c>URLPattern</c> says, with the same base URL; where a pattern is refused
/// for what it costs, the limit and one beyond.
/// </summary>
internal sealed class UrlPatternTests
{
    private static readonly Uri Base = new("https://hub.example.com/.well-known/mercure");

    [TestCase("https://example.com/books/:id", "https://example.com/books/1")]
    [TestCase("https://example.com/books/:id", "https://example.com/books/1?x=1#y")]
    [TestCase("https://example.com/books/:id?", "https://example.com/books")]
    [TestCase("https://example.com/books/:id+", "https://example.com/books/1/2")]
    [TestCase("https://example.com/books/:id*", "https://example.com/books")]
    [TestCase("https://example.com/books{/:id}?", "https://example.com/books")]
    [TestCase("https://example.com/books{/:id}?", "https://example.com/books/7")]
    [TestCase("{/books}?/x", "/books/x")]
    [TestCase("{/books}?/x", "/x")]
    [TestCase("{/books}/x", "/books/x")]
    [TestCase("https://example.com", "https://example.com/anything?x#y")]
    [TestCase("https://example.com?x=1", "https://example.com/?x=1")]
    [TestCase("https://example.com/?x=*", "https://example.com/?x=abc")]
    [TestCase("https://example.com/a?x=:v", "https://example.com/a?x=1&y=2")]
    [TestCase("https://example.com/a#:v", "https://example.com/a#1")]
    [TestCase("https://*.example.com/x", "https://a.b.example.com/x")]
    [TestCase("https://:sub.example.com/x", "https://a.example.com/x")]
    [TestCase("https://:sub.example.com/:id", "https://a.example.com/9")]
    [TestCase("https://{:sub.}?example.com/x", "https://example.com/x")]
    [TestCase("https://{:sub.}?example.com/x", "https://a.example.com/x")]
    [TestCase("*://example.com/x", "ftp://example.com/x")]
    [TestCase("http{s}?://example.com/x", "http://example.com/x")]
    [TestCase("http{s}?://example.com/x", "https://example.com/x")]
    [TestCase("https://example.com:*/x", "https://example.com:8080/x")]
    [TestCase("https://example.com:*/x", "https://example.com/x")]
    [TestCase("https://example.com:8080/x", "https://example.com:8080/x")]
    [TestCase("https://example.com:443/x", "https://example.com/x")]
    [TestCase("https://example.com/x", "https://example.com:443/x")]
    [TestCase("https://EXAMPLE.com/x", "https://example.COM/x")]
    [TestCase(@"https://example.com/books/:id(\d+)", "https://example.com/books/12")]
    [TestCase("https://example.com/books/(a|b)", "https://example.com/books/b")]
    [TestCase("https://example.com/(.*)", "https://example.com/a/b")]
    [TestCase("https://example.com/(.*)/admin", "https://example.com/a/b/admin")]
    [TestCase("https://example.com/*", "https://example.com/")]
    [TestCase("https://example.com/foo*", "https://example.com/foobar/x")]
    [TestCase("https://example.com/foo/*?", "https://example.com/foo")]
    [TestCase("/books/:id", "/books/1")]
    [TestCase("/books/:id", "https://hub.example.com/books/1")]
    [TestCase("books/:id", "books/1")]
    [TestCase(":id", "foo")]
    [TestCase("foo", "foo")]
    [TestCase("?x=:y", "?x=1")]
    [TestCase("#:a", "#b")]
    [TestCase("/.well-known/mercure/subscriptions/:type/:match/:subscriber",
        "/.well-known/mercure/subscriptions/exact/a%2Fb/urn%3Auuid%3A1")]
    [TestCase("/.well-known/mercure/subscriptions/*", "/.well-known/mercure/subscriptions/exact/a%2Fb/urn%3Auuid%3A1")]
    [TestCase("/.well-known/mercure/subscriptions{/*}?", "/.well-known/mercure/subscriptions")]
    [TestCase("https://hub.example.com/.well-known/mercure/subscriptions/*", "/.well-known/mercure/subscriptions/exact/a/b")]
    [TestCase("https://example.com/caf%C3%A9/:id", "https://example.com/caf\u00e9/1")]
    [TestCase("https://example.com/caf\u00e9/:id", "https://example.com/caf%C3%A9/1")]
    [TestCase("https://example.com/a b/:id", "https://example.com/a%20b/1")]
    [TestCase("https://b\u00fccher.example/:id", "https://b\u00fccher.example/1")]
    [TestCase("https://b\u00fccher.example/:id", "https://xn--bcher-kva.example/1")]
    [TestCase("https://example.com/%61/:id", "https://example.com/%61/1")]
    [TestCase("https://example.com/a/../b", "https://example.com/b")]
    [TestCase("https://example.com/:a/:b", "https://example.com/1/2")]
    [TestCase("https://example.com/:a-:b", "https://example.com/1-2")]
    [TestCase("https://example.com/:a.json", "https://example.com/1.json")]
    [TestCase(@"https://example.com/\:a", "https://example.com/:a")]
    [TestCase(@"https://example.com/a\*b", "https://example.com/a*b")]
    [TestCase("https://example.com/bar/:id", "https://example.com/bar/:id")]
    [TestCase("https://user@example.com/x", "https://user@example.com/x")]
    [TestCase("https://example.com/x", "https://user:pw@example.com/x")]
    [TestCase("https://example.com/{a}/b", "https://example.com/a/b")]
    [TestCase("https://example.com/x{a}?", "https://example.com/x")]
    [TestCase("https://example.com/{a/}?b", "https://example.com/b")]
    [TestCase("https://example.com/{a/}?b", "https://example.com/a/b")]
    [TestCase("https://example.com/{a/}*b", "https://example.com/a/a/b")]
    [TestCase("https://example.com/users/42/*", "https://example.com/users/42/books/1")]
    [TestCase("https://example.com/(a(?:b))", "https://example.com/ab")]
    [TestCase("https://example.com/**", "https://example.com/a")]
    [TestCase("https://example.com/(a{2})", "https://example.com/aa")]
    [TestCase("https://example.com/x?:q", "https://example.com/x?abc")]
    [TestCase("https://example.com/:x??q=1", "https://example.com/a?q=1")]
    [TestCase(@"https://example.com/:x?\?q=1", "https://example.com/a?q=1")]
    [TestCase("not a url at all", "not a url at all")]
    [TestCase("https://example.com/a//b", "https://example.com/a//b")]
    [TestCase("https://example.com/:a/", "https://example.com/x/")]
    [TestCase("foo://bar/:id", "foo://bar/1")]
    [TestCase("foo://bar/:id", "foo://bar/1/2")]
    [TestCase("//example.com/books/:id", "https://hub.example.com//example.com/books/1")]
    [TestCase("https://example.com./books/:id", "https://example.com./books/1")]
    [TestCase("(https?)://example.com:*/x", "http://example.com:8080/x")]
    [TestCase("http{s}?://example.com:*/x", "https://example.com:8080/x")]
    [TestCase("http{s}?://{:sub.}?example.com:*/x", "https://a.example.com:8080/x")]
    [TestCase(@"/10\:30/:id", "/10:30/1")]
    public void Matches(string pattern, string url) => Assert.That(new UrlPattern(pattern, Base).IsMatch(url));

    [TestCase("https://example.com/books/:id", "https://example.com/books/1/2")]
    [TestCase("https://example.com/books/:id", "https://example.com/books/")]
    [TestCase("https://example.com/books/:id", "http://example.com/books/1")]
    [TestCase("https://example.com/books/:id?", "https://example.com/books/")]
    [TestCase("https://example.com/books{/:id}?", "https://example.com/books/7/8")]
    [TestCase("https://example.com/", "https://example.com/anything")]
    [TestCase("https://example.com/a#:v", "https://example.com/a?q#1")]
    [TestCase("https://:sub.example.com/x", "https://a.b.example.com/x")]
    [TestCase("https://example.com/X", "https://example.com/x")]
    [TestCase(@"https://example.com/books/:id(\d+)", "https://example.com/books/ab")]
    [TestCase("https://(.*)/admin", "https://evil.com/foo/admin")]
    [TestCase("https://example.com/foo/*", "https://example.com/foo")]
    [TestCase("/books/:id", "https://other.example.com/books/1")]
    [TestCase(@"urn:isbn\::id", "urn:isbn:123")]
    [TestCase(@"mailto\::who", "mailto:me@x.y")]
    [TestCase("https://example.com/a.b/:id", "https://example.com/axb/1")]
    [TestCase(@"https://example.com/a\?b", "https://example.com/a%3Fb")]
    [TestCase("https://example.com:abc1/:id", "x")]
    [TestCase("https://example.com/:a*:b", "https://example.com/a")]
    [TestCase("https://example.com/:a/", "https://example.com/x")]
    [TestCase("//example.com/books/:id", "https://example.com/books/1")]
    [TestCase("https://example.com/books/:id", "https://example.com./books/1")]
    [TestCase("https://example.com./books/:id", "https://example.com/books/1")]
    public void DoesNotMatch(string pattern, string url) => Assert.That(new UrlPattern(pattern, Base).IsMatch(url), Is.False);

    [TestCase("https://example.com/(")]
    [TestCase("https://example.com/(a")]
    [TestCase("https://example.com/{")]
    [TestCase("https://example.com/}")]
    [TestCase("https://example.com/()")]
    [TestCase("https://example.com/(?a)")]
    [TestCase("https://example.com/((a))")]
    [TestCase("https://example.com/a+b")]
    [TestCase(@"https://example.com/a\")]
    [TestCase("https://example.com/([)")]
    [TestCase("https://example.com/:a/:a")]
    [TestCase("https://x/:")]
    [TestCase("/::a")]
    [TestCase("/10:30")]
    [TestCase(@"https://example.com/(\m)")]
    [TestCase("https://example.com/:id(\u00e9)")]
    [TestCase("https://exa mple.com/:id")]
    [TestCase("https://example.com/a b:c d(")]
    public void IsRefusedWhereItIsNone(string pattern) =>
        Assert.That(() => new UrlPattern(pattern, Base), Throws.TypeOf<FormatException>());

    [TestCase("/(?:a)")]
    [TestCase("/(?<=a)")]
    [TestCase(@"/(a\1)")]
    [TestCase("/((?=a)b)")]
    [TestCase("/((?>a)b)")]
    [TestCase("/(a{101})")]
    [TestCase("/((?:a{20}){6})")]
    [TestCase("/((?:(?:a{999}){999}){999})")]
    [TestCase("/(a{99999999999999999999})")]
    [TestCase("/(a{50})(a{51})")]
    public void IsRefusedWhereARegularExpressionCouldTakeLong(string pattern) =>
        Assert.That(() => new UrlPattern(pattern, Base), Throws.TypeOf<FormatException>());

    [TestCase("/(a{100})")]
    [TestCase("/((?:a{20}){5})")]
    [TestCase("/(a{50})(a{50})")]
    public void CountedRepetitionsAreAllowedUpToTheLimit(string pattern) =>
        Assert.That(new UrlPattern(pattern, Base).IsMatch("/" + new string('a', 100)));

    /// <summary>A backtracking engine would need about 2 to the power of 40,000 steps.</summary>
    [TestCase("/(a+)+x")]
    [TestCase("/((?:a|a)*)*x")]
    [TestCase("/((?:a*)*)*x")]
    [TestCase("/*a*a*a*a*a*a*a*a*a*a*a*x")]
    public void TakesLinearTime(string pattern) =>
        Assert.That(new UrlPattern(pattern, Base).IsMatch("/" + new string('a', 40_000)), Is.False);

    [Test]
    public void RelativePatternNeedsABase()
    {
        Assert.That(() => new UrlPattern("/books/:id"), Throws.TypeOf<FormatException>());
        Assert.That(new UrlPattern("https://example.com/:id").IsMatch("https://example.com/1"));
        Assert.That(new UrlPattern("https://example.com/:id").IsMatch("/1"), Is.False, "no URL");
    }

    [TestCase("http://")]
    [TestCase("https://exa mple.com/1")]
    public void WhatIsNoUrlDoesNotMatch(string url) => Assert.That(new UrlPattern("*://*/*", Base).IsMatch(url), Is.False);
}
