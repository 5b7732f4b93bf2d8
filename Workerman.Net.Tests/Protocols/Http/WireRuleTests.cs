using System.Text;
using Workerman.Protocols.Http;
using Workerman.Tests.Fuzzing;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// The rules of RFC 9112 for what a server reads, a case each, named after the section: what breaks one is refused with the
/// status that the RFC names, at the first byte that breaks it; what keeps them all is accepted. Whole, byte by byte and cut
/// at random places.
/// </summary>
internal sealed class WireRuleTests
{
    private const string Head = "GET / HTTP/1.1\r\nHost: a\r\n";
    private const string Post = "POST / HTTP/1.1\r\nHost: a\r\n";
    private const string Chunked = Post + "Transfer-Encoding: chunked\r\n\r\n";

    private static readonly HttpOptions Options = new() { AllowConnect = true, AllowTrace = true };

    private static IEnumerable<TestCaseData> Refused() =>
    [
        // Lines.
        Case("2.2 bare LF after the request line", "GET / HTTP/1.1\n", 400),
        Case("2.2 bare LF after a field", Head + "A: b\n", 400),
        Case("2.2 bare LF as the empty line", Head + "\n", 400),
        Case("2.2 bare LF before the request line", "\n", 400),
        Case("2.2 bare CR in the request line", "GET / HTTP/1.1\rH", 400),
        Case("2.2 bare CR in the method", "G\r", 400),
        Case("2.2 bare CR in a field value", Head + "A: b\rc", 400),
        Case("2.2 bare CR in a field name", Head + "A\r", 400),
        Case("2.2 bare CR as the empty line", Head + "\rG", 400),
        Case("2.2 white space between start line and fields", "GET / HTTP/1.1\r\n ", 400),
        Case("2.2 TLS on a port without it", "\u0016", 400),

        // The version.
        Case("2.3 version in lower case", "GET / h", 400),
        Case("2.3 version with two digits", "GET / HTTP/1.10", 400),
        Case("2.3 version without a dot", "GET / HTTP/11", 400),
        Case("2.3 version without a minor", "GET / HTTP/1\r", 400),
        Case("2.3 version with a letter", "GET / HTTP/1.x", 400),
        Case("2.3 version behind a tab", "GET /\t", 400),
        Case("2.3 HTTP/0.9, which has no version", "GET /\r", 400),
        Case("2.3 another protocol", "GET / R", 400),
        Case("2.3 HTTP/2.0 in a request line", "GET / HTTP/2.0\r", 505),
        Case("2.3 HTTP/0.9 in a request line", "GET / HTTP/0.9\r", 505),
        Case("2.3 HTTP/9.9 in a request line", "GET / HTTP/9.9\r", 505),
        Case("2.3 another version without a minor", "GET / HTTP/2\r", 400),
        Case("2.3 major version with two digits", "GET / HTTP/01", 400),
        Case("2.3 another major version with two digits", "GET / HTTP/20", 400),
        Case("2.3 version with three parts", "GET / HTTP/1.1.", 400),
        Case("2.3 version with a sign", "GET / HTTP/+", 400),
        Case("2.3 version without a major", "GET / HTTP/.", 400),
        Case("2.3 version with a space within", "GET / HTTP/1. ", 400),
        Case("9113 3.4 HTTP/2 preface", "PRI * ", 505),

        // The request line.
        Case("3 leading space", " ", 400),
        Case("3 two spaces before the target", "GET  ", 400),
        Case("3 two spaces before the version", "GET /  ", 400),
        Case("3 space behind the version", "GET / HTTP/1.1 ", 400),
        Case("3 space in the target", "GET /a b", 400),
        Case("3 request line longer than wanted", $"GET /{new string('a', 8 * 1024 - 4)}", 414),
        Case("3 method longer than a request line", new string('A', 8 * 1024 + 1), 400),
        Case("3 target behind a method that leaves it no room", $"{new string('A', 8 * 1024 - 1)} /", 414),
        Case("3.1 control character in the method", "GE\u0001", 400),
        Case("3.1 delimiter in the method", "G(", 400),
        Case("3.1 no method", "\0", 400),
        Case("3.2 control character in the target", "GET /\u0001", 400),
        Case("3.2 NUL in the target", "GET /\0", 400),
        Case("3.2 DEL in the target", "GET /\u007f", 400),
        Case("3.2 non-ASCII target", "GET /\u00e9", 400),
        Case("3.2 fragment", "GET /#", 400),
        Case("3.2 backslash in the path", "GET /a\\", 400),
        Case("3.2 backslash in the query", "GET /?a=\\", 400),
        Case("3.2 backslash in the absolute form", "GET http://a/\\", 400),
        Case("3.2 backslash for a slash", "GET \\", 400),
        Case("3.2 target of no form", "GET i", 400),
        Case("3.2.1 path that is not absolute", "GET .", 400),
        Case("3.2.2 another scheme", "GET f", 400),
        Case("3.2.2 absolute form without a host", "GET http:///", 400),
        Case("3.2.2 absolute form with a port alone", "GET http://:80/", 400),
        Case("3.2.2 absolute form with userinfo", "GET http://u:p@", 400),
        Case("3.2.2 absolute form with a bad port", "GET http://a:b/", 400),
        Case("3.2.2 absolute form with a port too large", "GET http://a:65536/", 400),
        Case("9110 7.4 https without TLS", "GET https://", 421),
        Case("3.2.3 authority form without CONNECT", "GET a", 400),
        Case("3.2.3 CONNECT without a port", "CONNECT a ", 400),
        Case("3.2.3 CONNECT with an empty port", "CONNECT a: ", 400),
        Case("3.2.3 CONNECT with a path", "CONNECT /", 400),
        Case("3.2.3 CONNECT with userinfo", "CONNECT u@", 400),
        Case("3.2.4 asterisk without OPTIONS", "GET *", 400),
        Case("3.2.4 asterisk that goes on", "OPTIONS *x", 400),

        // Host.
        Case("3.2 Host is missing", "GET / HTTP/1.1\r\n\r", 400),
        Case("3.2 Host twice", Head + "Host:", 400),
        Case("3.2 Host twice in two cases", Head + "hOST:", 400),
        Case("3.2 Host is empty", "GET / HTTP/1.1\r\nHost:\r", 400),
        Case("3.2 Host is white space", "GET / HTTP/1.1\r\nHost: \t \r", 400),
        Case("3.2 Host with userinfo", "GET / HTTP/1.1\r\nHost: u@", 400),
        Case("3.2 Host with a path", "GET / HTTP/1.1\r\nHost: a/", 400),
        Case("3.2 Host with a space", "GET / HTTP/1.1\r\nHost: a b", 400),
        Case("3.2 Host that is a list", "GET / HTTP/1.1\r\nHost: a,", 400),
        Case("3.2 Host with a bad port", "GET / HTTP/1.1\r\nHost: a:b\r", 400),
        Case("3.2 Host with a port too large", "GET / HTTP/1.1\r\nHost: a:99999\r", 400),
        Case("3.2 Host with a broken escape", "GET / HTTP/1.1\r\nHost: a%2\r", 400),
        Case("3.2 Host with an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r", 400),
        Case("3.2 Host with a bad IPv6 address", "GET / HTTP/1.1\r\nHost: [::g]\r", 400),
        Case("3.2 Host with text behind the bracket", "GET / HTTP/1.1\r\nHost: [::1]a\r", 400),
        Case("3.2 Host with a zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r", 400),
        Case("3.2 Host that is not ASCII", "GET / HTTP/1.1\r\nHost: \u00e9", 400),
        Case("3.2 Host is bad in HTTP/1.0 too", "GET / HTTP/1.0\r\nHost: a b", 400),
        Case("3.2.2 Host contradicts the absolute form", "GET http://a/ HTTP/1.1\r\nHost: b\r", 400),
        Case("3.2.2 Host contradicts the absolute form's port", "GET http://a:81/ HTTP/1.1\r\nHost: a\r", 400),
        Case("3.2.3 Host contradicts CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: b:443\r", 400),

        // Fields.
        Case("5 no colon", Head + "NoColon\r", 400),
        Case("5 empty name", Head + ":", 400),
        Case("5.1 space before the colon", Head + "A ", 400),
        Case("5.1 tab before the colon", Head + "A\t", 400),
        Case("5.1 delimiter in a name", Head + "A(", 400),
        Case("5.1 name that is not ASCII", Head + "\u00e9", 400),
        Case("5.1 NUL in a name", Head + "A\0", 400),
        Case("5.2 obsolete fold by a space", Head + "A: b\r\n ", 400),
        Case("5.2 obsolete fold by a tab", Head + "A: b\r\n\t", 400),
        Case("9110 5.5 NUL in a value", Head + "A: b\0", 400),
        Case("9110 5.5 control character in a value", Head + "A: b\u0001", 400),
        Case("9110 5.5 vertical tab in a value", Head + "A: b\u000b", 400),
        Case("9110 5.5 DEL in a value", Head + "A: b\u007f", 400),
        Case("6585 5 too many fields", Head + string.Concat(Enumerable.Repeat("A: b\r\n", 99)) + "A", 431),
        Case("6585 5 head too large", Head + "A: " + new string('x', 16 * 1024 - Head.Length - 3), 431),
        Case("6585 5 empty lines are part of the head", string.Concat(Enumerable.Repeat("\r\n", 8 * 1024)), 431),

        Case("9110 5.3 Content-Type twice", Head + "Content-Type: a/b\r\ncontent-type:", 400),

        // Lengths.
        Case("6.3 Content-Length with a sign", Post + "Content-Length: +", 400),
        Case("6.3 Content-Length negative", Post + "Content-Length: -", 400),
        Case("6.3 Content-Length in hex", Post + "Content-Length: 0x", 400),
        Case("6.3 Content-Length with a fraction", Post + "Content-Length: 1.", 400),
        Case("6.3 Content-Length empty", Post + "Content-Length: \r", 400),
        Case("6.3 Content-Length in two words", Post + "Content-Length: 1 1", 400),
        Case("6.3 Content-Length list", Post + "Content-Length: 1,", 400),
        Case("6.3 Content-Length twice, equal", Post + "Content-Length: 1\r\nContent-Length:", 400),
        Case("6.3 Content-Length twice, different", Post + "Content-Length: 1\r\ncontent-length:", 400),
        Case("6.3 Content-Length overflow", Post + "Content-Length: 9223372036854775808", 400),
        Case("6.3 Content-Length overflow behind zeros",
            Post + $"Content-Length: {new string('0', 100)}9223372036854775808", 400),
        Case("6.3 Content-Length as large as can be read", Post + "Content-Length: 9223372036854775807\r\n\r\n", 413),
        Case("6.3 Content-Length with a separator", Post + "Content-Length: 1_", 400),
        Case("6.3 Content-Length with an exponent", Post + "Content-Length: 1e", 400),
        Case("6.3 Content-Length beyond the limit", Post + "Content-Length: 1048577\r\n\r\n", 413),
        Case("6.1 Transfer-Encoding beside Content-Length", Post + "Transfer-Encoding: chunked\r\nContent-Length:", 400),
        Case("6.1 Content-Length beside Transfer-Encoding", Post + "Content-Length: 1\r\nTransfer-Encoding:", 400),
        Case("6.1 Transfer-Encoding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding:", 400),
        Case("6.1 Transfer-Encoding twice", Post + "Transfer-Encoding: chunked\r\nTransfer-Encoding:", 400),
        Case("6.1 unknown coding before chunked", Post + "Transfer-Encoding: gzip, chunked\r", 501),
        Case("6.3 chunked not final", Post + "Transfer-Encoding: chunked, gzip\r", 400),
        Case("6.3 no chunked at all", Post + "Transfer-Encoding: gzip\r", 400),
        Case("6.3 identity", Post + "Transfer-Encoding: identity\r", 400),
        Case("6.3 empty Transfer-Encoding", Post + "Transfer-Encoding:\r", 400),
        Case("7.1 chunked twice", Post + "Transfer-Encoding: chunked, chunked\r", 400),
        Case("7.1 chunked with a parameter", Post + "Transfer-Encoding: chunked;q=1\r", 400),
        Case("6.1 disguised chunked", Post + "Transfer-Encoding: xchunked\r", 400),
        Case("6.1 quoted chunked", Post + "Transfer-Encoding: \"chunked\"\r", 400),
        Case("6.1 chunked with a vertical tab", Post + "Transfer-Encoding: \u000b", 400),
        Case("6.1 chunked with an empty element", Post + "Transfer-Encoding: chunked,\r", 400),
        Case("6.1 chunked behind an empty element", Post + "Transfer-Encoding: , chunked\r", 400),

        // Chunks.
        Case("7.1 no chunk size", Chunked + "\r", 400),
        Case("7.1 chunk size with a sign", Chunked + "+", 400),
        Case("7.1 chunk size negative", Chunked + "-", 400),
        Case("7.1 chunk size with 0x", Chunked + "0x", 400),
        Case("7.1 chunk size that is no hex", Chunked + "g", 400),
        Case("7.1 chunk size behind a space", Chunked + " ", 400),
        Case("7.1 chunk size before a space and no extension", Chunked + "1 \r", 400),
        Case("7.1 chunk size ended by LF", Chunked + "1\n", 400),
        Case("7.1 chunk size ended by a bare CR", Chunked + "1\rx", 400),
        Case("7.1 chunk size overflow", Chunked + "8000000000000000", 400),
        Case("7.1 chunk size overflow behind zeros", Chunked + new string('0', 100) + "8000000000000000", 400),
        Case("7.1 chunk size as large as can be read", Chunked + "7fffffffffffffff\r\n", 413),
        Case("7.1 chunk sizes whose sum overflows", Chunked + "1\r\nx\r\n7fffffffffffffff\r\n", 413),
        Case("7.1 chunk beyond the limit", Chunked + "FFFFFFFF\r\n", 413),
        Case("7.1 chunks beyond the limit together", Chunked + "80000\r\n" + new string('x', 0x80000) + "\r\n80000\r\n", 413),
        Case("7.1 chunk longer than its size", Chunked + "1\r\nxy", 400),
        Case("7.1 chunk ended by LF", Chunked + "1\r\nx\n", 400),
        Case("7.1 chunk ended by a bare CR", Chunked + "1\r\nx\rx", 400),
        Case("7.1.1 extension without a semicolon", Chunked + "1 x", 400),
        Case("7.1.1 extension without a name", Chunked + "1;\r", 400),
        Case("7.1.1 extension without a value", Chunked + "1;a=\r", 400),
        Case("7.1.1 extension with a control character", Chunked + "1;a\0", 400),
        Case("7.1.1 extension with an open quote", Chunked + "1;a=\"b\r", 400),
        Case("7.1.1 extension too long", Chunked + "1;" + new string('x', 1023), 400),
        Case("7.1.1 extensions without end", Chunked + string.Concat(Enumerable.Repeat($"1;{new string('x', 1000)}\r\nx\r\n", 16))
            + "1;" + new string('x', 623), 400),
        Case("7.1.2 trailer without a colon", Chunked + "0\r\nx\r", 400),
        Case("7.1.2 trailer with a space before the colon", Chunked + "0\r\nx ", 400),
        Case("7.1.2 trailer folded", Chunked + "0\r\nx: y\r\n ", 400),
        Case("7.1.2 trailer with a NUL", Chunked + "0\r\nx: \0", 400),
        Case("7.1.2 trailer ended by LF", Chunked + "0\r\nx: y\n", 400),
        Case("7.1.2 last chunk ended by LF", Chunked + "0\r\n\n", 400),
        Case("7.1.2 too many trailers", Chunked + "0\r\n" + string.Concat(Enumerable.Repeat("A: b\r\n", 100)) + "A", 431),
        Case("7.1.2 trailer section too large", Chunked + "0\r\nA: " + new string('x', 16 * 1024 - 3), 431),

        // Expectations.
        Case("9110 10.1.1 unknown expectation", Head + "Expect: 200-ok\r", 417),
        Case("9110 10.1.1 known and unknown expectation", Head + "Expect: 100-continue, x\r", 417),
    ];

    private static IEnumerable<TestCaseData> Accepted() =>
    [
        Case("2.2 empty lines before the request line", "\r\n\r\n" + Head + "\r\n", "GET / 1.1"),
        Case("2.3 HTTP/1.0", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / 1.0"),
        Case("9110 2.5 higher minor version", "GET / HTTP/1.9\r\nHost: a\r\n\r\n", "GET / 1.1"),
        Case("3.1 any token is a method", "M-SEARCH!#$%&'*+.^_`|~09 / HTTP/1.1\r\nHost: a\r\n\r\n",
            "M-SEARCH!#$%&'*+.^_`|~09 / 1.1"),
        Case("3.1 methods have case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", "get / 1.1"),
        Case("3.2.1 origin form", "GET /a/b;c?d=e&f[]=%20+?/\"|{}^`<> HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /a/b;c?d=e&f[]=%20+?/\"|{}^`<> 1.1"),
        Case("3.1 a method that is long", $"{new string('A', 1000)} / HTTP/1.1\r\nHost: a\r\n\r\n",
            $"{new string('A', 1000)} / 1.1"),
        Case("6.3 Content-Length behind zeros", Post + $"Content-Length: {new string('0', 100)}1\r\n\r\nx", "POST / 1.1"),
        Case("7.1 chunk size behind zeros", Chunked + new string('0', 100) + "1\r\nx\r\n0\r\n\r\n", "POST / 1.1"),
        Case("3.2.1 two slashes", "GET //evil/x HTTP/1.1\r\nHost: a\r\n\r\n", "GET //evil/x 1.1"),
        Case("3.2.2 absolute form", "GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://a/b 1.1"),
        Case("3.2.2 absolute form with the usual port", "GET HTTP://A:80/b HTTP/1.1\r\nHost: a\r\n\r\n", "GET HTTP://A:80/b 1.1"),
        Case("3.2.2 absolute form without a path", "GET http://a?b HTTP/1.1\r\nHost: a:80\r\n\r\n", "GET http://a?b 1.1"),
        Case("3.2.2 absolute form in HTTP/1.0", "GET http://a/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET http://a/ 1.0"),
        Case("3.2.4 asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * 1.1"),
        Case("3.2 Host with a port", "GET / HTTP/1.1\r\nHost: a-b.c_d:8080\r\n\r\n", "GET / 1.1"),
        Case("3.2 Host with an empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "GET / 1.1"),
        Case("3.2 Host with an IPv6 address", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "GET / 1.1"),
        Case("3.2 Host with an escape", "GET / HTTP/1.1\r\nHost: %C3%A9.org\r\n\r\n", "GET / 1.1"),
        Case("3.2 Host in any case, anywhere", "GET / HTTP/1.1\r\nA: b\r\nhOsT:\ta \t\r\n\r\n", "GET / 1.1"),
        Case("5 no white space around a value", Head + "A:b\r\n\r\n", "GET / 1.1"),
        Case("5 empty value", Head + "A:\r\nB: \t\r\n\r\n", "GET / 1.1"),
        Case("9110 5.5 obs-text and tab in a value", Head + "A: \u00ff\tb\r\n\r\n", "GET / 1.1"),
        Case("9110 5.6.2 all of a token in a name", Head + "!#$%&'*+-.^_`|~9z: x\r\n\r\n", "GET / 1.1"),
        Case("6585 5 as many fields as allowed", Head + string.Concat(Enumerable.Repeat("A: b\r\n", 99)) + "\r\n", "GET / 1.1"),
        Case("6585 5 a head as large as allowed", Head + "A: " + new string('x', 16 * 1024 - Head.Length - 7) + "\r\n\r\n",
            "GET / 1.1"),
        Case("3 a request line as long as allowed", $"GET /{new string('a', 8 * 1024 - 14)} HTTP/1.1\r\nHost: a\r\n\r\n",
            $"GET /{new string('a', 8 * 1024 - 14)} 1.1"),
        Case("6.3 Content-Length with zeros", Post + "Content-Length: 0003\r\n\r\nabc", "POST / 1.1"),
        Case("6.3 Content-Length of nothing", Post + "Content-Length: 0\r\n\r\n", "POST / 1.1"),
        Case("6.3 a body for GET", Head + "Content-Length: 1\r\n\r\nx", "GET / 1.1"),
        Case("7 chunked in any case", Post + "transfer-encoding: Chunked \r\n\r\n0\r\n\r\n", "POST / 1.1"),
        Case("7.1 chunk size in both cases with zeros", Chunked + "000a\r\n0123456789\r\n0B\r\n0123456789a\r\n00\r\n\r\n",
            "POST / 1.1"),
        Case("7.1 chunk size with many zeros", Chunked + $"{new string('0', 100)}1\r\nx\r\n{new string('0', 100)}\r\n\r\n",
            "POST / 1.1"),
        Case("9110 10.1.1 Expect twice, and as a list",
            Post + "Expect: 100-continue\r\nExpect: 100-continue, 100-continue\r\nContent-Length: 1\r\n\r\nx", "POST / 1.1"),
        Case("7.1.1 extensions", Chunked + "1;a;b=c ; d = \"e\\\"\r\\;\"\r\nx\r\n0;last\r\n\r\n".Replace("\r\\", "\t\\"),
            "POST / 1.1"),
        Case("7.1.2 trailers", Chunked + "1\r\nx\r\n0\r\nA: b\r\nContent-Length: 9\r\n\r\n", "POST / 1.1"),
        Case("9110 10.1.1 Expect", Post + "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx", "POST / 1.1"),
        Case("9110 10.1.1 Expect in HTTP/1.0 is nothing", "GET / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: x\r\n\r\n",
            "GET / 1.0"),
        Case("9110 7.8 unknown Upgrade is passed over",
            Head + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n", "GET / 1.1"),
        Case("9110 9.3.8 TRACE if asked for", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "TRACE / 1.1"),
    ];

    [TestCaseSource(nameof(Refused))]
    public void Refuses(string bytes, int status)
    {
        foreach (Fragmentation fragmentation in Ways(bytes))
            Assert.That(Read(bytes, fragmentation), Is.EqualTo(new[] { $"refused {status}" }), $"{fragmentation}");
        string before = bytes[..^1];
        Assert.That(Read(before, Fragmentation.Whole)[^1], Does.Not.StartWith("refused"),
            "it is refused at the byte that breaks the rule, not before");
    }

    [TestCaseSource(nameof(Accepted))]
    public void Accepts(string bytes, string request)
    {
        foreach (Fragmentation fragmentation in Ways(bytes))
        {
            List<string> seen = Read(bytes, fragmentation);
            Assert.That((seen.Count, seen[^1]), Is.EqualTo((2, "nothing left")), $"{fragmentation}: {string.Join(" | ", seen)}");
            Assert.That(seen[0], Does.StartWith(request + " "), $"{fragmentation}");
        }
    }

    /// <summary>A second request right behind is read by itself: the first ends where its framing says.</summary>
    [TestCaseSource(nameof(Accepted))]
    public void LeavesWhatFollows(string bytes, string request)
    {
        foreach (Fragmentation fragmentation in Ways(bytes))
        {
            List<string> seen = Read(bytes + Head + "\r\n", fragmentation);
            Assert.That(seen, Has.Count.EqualTo(3), $"{fragmentation}");
            Assert.That((seen[0].StartsWith(request, StringComparison.Ordinal), seen[1].StartsWith("GET / 1.1 ",
                StringComparison.Ordinal), seen[2]), Is.EqualTo((true, true, "nothing left")), $"{fragmentation}");
        }
    }

    /// <summary>RFC 9112 section 3.2.3, and RFC 9110 section 9.3.6: what follows is no request.</summary>
    [Test]
    public void AuthorityFormIsForConnectAlone()
    {
        const string Bytes = "CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n" + Head + "\r\n";
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            List<string> seen = Read(Bytes, fragmentation);
            Assert.That((seen.Count, seen[0].StartsWith("CONNECT a.b:443 1.1 ", StringComparison.Ordinal), seen[1]),
                Is.EqualTo((2, true, "tunnel")), $"{fragmentation}");
        }
    }

    [TestCase("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")]
    [TestCase("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n")]
    public void MethodsThatNeedLeaveAreNotImplementedWithoutIt(string bytes)
    {
        foreach (Fragmentation fragmentation in Fragmentation.All)
            Assert.That(Exchange.Read(Encoding.Latin1.GetBytes(bytes), fragmentation.Cut(bytes.Length), new HttpOptions()),
                Is.EqualTo(new[] { "refused 501" }));
    }

    /// <summary>Byte by byte, but for what is so long that it would take a minute.</summary>
    private static Fragmentation[] Ways(string bytes) =>
        bytes.Length < 100_000 ? Fragmentation.All : [Fragmentation.Whole, Fragmentation.AtRandom(Random.Shared.Next())];

    private static List<string> Read(string bytes, Fragmentation fragmentation) =>
        Exchange.Read(Encoding.Latin1.GetBytes(bytes), fragmentation.Cut(bytes.Length), Options);

    private static TestCaseData Case(string rule, string bytes, object expected) =>
        new TestCaseData(bytes, expected).SetArgDisplayNames(rule);
}
