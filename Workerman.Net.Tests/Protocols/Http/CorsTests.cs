using System.Buffers;
using System.Text;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Header fields for other origins (Fetch standard, "CORS protocol"): to whom they are given, what a preflight is told, who is
/// trusted; and what a browser makes of them.
/// </summary>
internal sealed class CorsTests
{
    private const string App = "https://app.example";

    private static readonly string[] Named = [App, "http://localhost:3000", "capacitor://localhost"];

    [TestCase(App, App)]
    [TestCase("http://localhost:3000", "http://localhost:3000")]
    [TestCase("capacitor://localhost", "capacitor://localhost")]
    [TestCase("https://app.example:8443", null)]
    [TestCase("http://app.example", null)]
    [TestCase("https://app.example.evil.example", null)]
    [TestCase("https://APP.example", null)]
    [TestCase("https://evil.example, " + App, null)]
    [TestCase("null", null)]
    [TestCase("", null)]
    [TestCase("*", null)]
    public void OnlyNamedOriginsMayRead(string origin, string? allowed)
    {
        Request request = Parse($"GET / HTTP/1.1\r\nHost: a\r\nOrigin: {origin}\r\nCookie: a=b\r\n\r\n");
        ResponseHeaders headers = new Cors(Named).HeadersFor(request);
        Assert.That(Value(headers, "Access-Control-Allow-Origin"), Is.EqualTo(allowed));
        Assert.That(Value(headers, "Access-Control-Allow-Credentials"), Is.Null, "unless it is said");
        Assert.That(headers.GetValues("Vary"), Is.EqualTo(new[] { "Origin" }), "a cache keeps the answers apart");
        headers = new Cors(Named) { AllowCredentials = true }.HeadersFor(request);
        Assert.That(Value(headers, "Access-Control-Allow-Credentials"), Is.EqualTo(allowed is null ? null : "true"));
    }

    [Test]
    public void RequestWithoutAnOriginIsToldThatAnswersVary()
    {
        ResponseHeaders headers = new Cors(App).HeadersFor(Parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        Assert.That(headers.Select(static field => field.Key), Is.EqualTo(new[] { "Vary" }));
    }

    [TestCase("Origin: https://any.example", "*", null, "")]
    [TestCase("Accept: */*", "*", null, "")]
    [TestCase("Origin: https://any.example\r\nCookie: a=b", null, null, "Cookie")]
    [TestCase("Origin: null\r\nAuthorization: Bearer x", "*", null, "")]
    public void AnyOriginMayReadWithoutItsCookies(string fields, string? allowed, string? credentials, string varies)
    {
        Request request = Parse($"GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
        ResponseHeaders headers = new Cors("*") { AllowCredentials = true }.HeadersFor(request);
        Assert.That(Value(headers, "Access-Control-Allow-Origin"), Is.EqualTo(allowed));
        Assert.That(Value(headers, "Access-Control-Allow-Credentials"), Is.EqualTo(credentials));
        Assert.That(string.Join(", ", headers.GetValues("Vary")), Is.EqualTo(varies));
    }

    [Test]
    public void NamedOriginHasItsCookiesBesideAnyOther()
    {
        var cors = new Cors("*", App) { AllowCredentials = true };
        ResponseHeaders named = cors.HeadersFor(Parse($"GET / HTTP/1.1\r\nHost: a\r\nOrigin: {App}\r\nCookie: a=b\r\n\r\n"));
        Assert.That(Value(named, "Access-Control-Allow-Origin"), Is.EqualTo(App));
        Assert.That(Value(named, "Access-Control-Allow-Credentials"), Is.EqualTo("true"));
        ResponseHeaders other = cors.HeadersFor(Parse("GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://b.example\r\n\r\n"));
        Assert.That(Value(other, "Access-Control-Allow-Origin"), Is.EqualTo("*"));
        Assert.That(Value(other, "Access-Control-Allow-Credentials"), Is.Null);
        Assert.That(Value(other, "Vary"), Is.EqualTo("Origin"));
    }

    [Test]
    public void PreflightIsToldWhatMayBeSent()
    {
        var cors = new Cors(App)
        {
            AllowedMethods = ["GET", "PUT"],
            AllowedHeaders = ["Authorization", "Last-Event-ID"],
            ExposedHeaders = ["Link", "ETag"],
            MaxAge = TimeSpan.FromHours(2),
        };
        Request preflight =
            Parse($"OPTIONS /a HTTP/1.1\r\nHost: a\r\nOrigin: {App}\r\nAccess-Control-Request-Method: PUT\r\n\r\n");
        Assert.That(Cors.IsPreflight(preflight));
        Assert.That(cors.HeadersFor(preflight).ToDictionary(), Is.EquivalentTo(new Dictionary<string, string>
        {
            ["Vary"] = "Origin",
            ["Access-Control-Allow-Origin"] = App,
            ["Access-Control-Expose-Headers"] = "Link, ETag",
            ["Access-Control-Allow-Methods"] = "GET, PUT",
            ["Access-Control-Allow-Headers"] = "Authorization, Last-Event-ID",
            ["Access-Control-Max-Age"] = "7200",
        }));
        foreach (string none in new[] { "OPTIONS /a HTTP/1.1\r\n", "GET /a HTTP/1.1\r\nAccess-Control-Request-Method: PUT\r\n" })
        {
            Request other = Parse($"{none}Host: a\r\nOrigin: {App}\r\n\r\n");
            Assert.That(Cors.IsPreflight(other), Is.False);
            Assert.That(Value(cors.HeadersFor(other), "Access-Control-Allow-Methods"), Is.Null);
            Assert.That(Value(cors.HeadersFor(other), "Access-Control-Expose-Headers"), Is.EqualTo("Link, ETag"));
        }
    }

    [TestCase("Origin: https://app.example", true)]
    [TestCase("Origin: http://own.example:8080", true)]
    [TestCase("Origin: https://own.example:8080", false)]
    [TestCase("Origin: http://own.example", false)]
    [TestCase("Origin: https://evil.example", false)]
    [TestCase("Origin: null\r\nReferer: https://app.example/", false)]
    [TestCase("Origin: https://evil.example\r\nReferer: https://app.example/", false)]
    [TestCase("Referer: https://app.example/page?https://evil.example", true)]
    [TestCase("Referer: http://own.example:8080/", true)]
    [TestCase("Referer: https://evil.example/https://app.example/", false)]
    [TestCase("Referer: https://app.example@evil.example/", false)]
    [TestCase("Referer: /page", false)]
    [TestCase("Referer: file:///page", false)]
    [TestCase("Origin: null\r\nSec-Fetch-Site: same-origin", true)]
    [TestCase("Origin: null\r\nSec-Fetch-Site: same-site", false)]
    [TestCase("Origin: null\r\nSec-Fetch-Site: cross-site", false)]
    [TestCase("Accept: */*", false)]
    public void OnlyOwnAndNamedOriginsAreTrusted(string fields, bool isTrusted)
    {
        Request request = Parse($"POST / HTTP/1.1\r\nHost: own.example:8080\r\nContent-Length: 0\r\n{fields}\r\n\r\n");
        Assert.That(new Cors("*", App).IsTrusted(request), Is.EqualTo(isTrusted));
    }

    /// <summary>The own origin is compared as browsers write it: small letters, and no usual port.</summary>
    [TestCase("Host: OWN.example:80", "http://own.example", true)]
    [TestCase("Host: own.example:8080", "http://own.example", false)]
    [TestCase("Host: in\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: Own.example:443", "https://own.example", true)]
    [TestCase("Host: in\r\nForwarded: proto=https;host=\"own.example:443\"", "https://own.example", true)]
    [TestCase("Host: in\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: own.example", "http://own.example", false)]
    public async Task OwnOriginIsThatOfTheClient(string fields, string origin, bool isTrusted)
    {
        var cors = new Cors();
        await using TestServer server = TestServer.Http(Loops.Available[0],
            (connection, request) => connection.Send($"{cors.IsTrusted(request)}"),
            worker => worker.Options.Http.TrustedProxies.Add("127.0.0.1"));
        using RawClient client = server.Connect();
        string request = $"POST / HTTP/1.1\r\n{fields}\r\nOrigin: {origin}\r\nContent-Length: 0\r\n\r\n";
        Assert.That(client.Send(request).ReadResponse().Body, Is.EqualTo($"{isTrusted}"));
    }

    [Test]
    public void WithoutAHostNoOriginIsTheOwn() =>
        Assert.That(new Cors().IsTrusted(Parse("POST / HTTP/1.0\r\nOrigin: http://\r\nContent-Length: 0\r\n\r\n")), Is.False);

    [TestCase("http://[::1]:8080")]
    [TestCase("http://[::ffff:102:304]")]
    [TestCase("safari-web-extension://5E1A0000-AAAA-BBBB-CCCC-000000000000")]
    [TestCase("app://MyApp")]
    [TestCase("http://127.0.0.1:3000")]
    [TestCase("https://xn--bcher-kva.example")]
    public void WhatBrowsersSendIsAnOrigin(string origin) => Assert.That(Value(new Cors(origin).HeadersFor(
        Parse($"GET / HTTP/1.1\r\nHost: a\r\nOrigin: {origin}\r\n\r\n")), "Access-Control-Allow-Origin"), Is.EqualTo(origin));

    [TestCase(null)]
    [TestCase("")]
    [TestCase("null")]
    [TestCase("http://[::1]:80")]
    [TestCase("http://[FE80::1]")]
    [TestCase("App://app")]
    [TestCase("app://app/")]
    [TestCase("app.example")]
    [TestCase("https://app.example/")]
    [TestCase("https://app.example/page")]
    [TestCase("https://app.example:443")]
    [TestCase("https://App.example")]
    [TestCase("https://user@app.example")]
    [TestCase("https://b\u00fccher.example")]
    [TestCase("https://*.example")]
    [TestCase("file://")]
    public void WhatNoBrowserSendsIsNoOrigin(string? origin) =>
        Assert.That(() => new Cors(App, origin!), Throws.ArgumentException.With.Message.Contain("Cure: "));

    [Test]
    public void WhatIsNoTokenIsRefused()
    {
        Assert.Throws<ArgumentException>(() => _ = new Cors { AllowedHeaders = ["a\r\nb"] });
        Assert.Throws<ArgumentException>(() => _ = new Cors { AllowedMethods = ["GET, POST"] });
        Assert.Throws<ArgumentException>(() => _ = new Cors { ExposedHeaders = [""] });
        Assert.Throws<ArgumentException>(() => _ = new Cors { ExposedHeaders = [null!] });
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new Cors { MaxAge = TimeSpan.FromSeconds(-1) });
    }

    /// <summary>A page reads what another origin allows it: an event stream with its cookie, and an answer to a PUT.</summary>
    [Test]
    public async Task BrowserReadsWhatItMay()
    {
        if (Chromium.Path is null)
            Assert.Ignore("Chromium is not installed (Debian: apt-get install chromium), so no browser has judged the fields.");
        Cors? cors = null;
        var stream = new EventStream();
        await using TestServer page = TestServer.Http(Loops.Available[0], static (connection, _) => connection.Send("page"));
        await using TestServer other = TestServer.Http(Loops.Available[0], (connection, request) =>
        {
            ResponseHeaders headers = cors!.HeadersFor(request);
            if (request.Path == "/events")
                stream.Subscribe(connection, request, new SubscribeOptions { Headers = headers, FromOldest = true });
            else if (Cors.IsPreflight(request)) connection.Send(new Response(204).WithHeaders(headers));
            else connection.Send(Response.Text($"{request.Method} {request.Cookie("who")}").WithHeaders(headers));
        });
        stream.Publish("hello");
        await using Chromium browser = await Chromium.Open(page.Uri);
        string read = $$"""
            (async () => {
              document.cookie = 'who=me';
              const put = await fetch('{{other.Uri}}', { method: 'PUT', credentials: 'include', headers: { 'X-Own': '1' } })
                .then(answer => answer.text(), error => error.name);
              const event = await new Promise(resolve => {
                const source = new EventSource('{{other.Uri}}events', { withCredentials: true });
                source.onmessage = e => { source.close(); resolve(e.data); };
                source.onerror = () => { source.close(); resolve('error'); };
              });
              return put + ', ' + event;
            })()
            """;
        string origin = page.Uri.GetLeftPart(UriPartial.Authority);
        cors = new Cors(origin) { AllowCredentials = true, AllowedMethods = ["PUT"], AllowedHeaders = ["X-Own"] };
        Assert.That(await browser.Evaluate(read), Is.EqualTo("PUT me, hello"));
        cors = new Cors("*") { AllowCredentials = true, AllowedMethods = ["PUT"], AllowedHeaders = ["X-Own"] };
        Assert.That(await browser.Evaluate(read), Is.EqualTo("TypeError, error"));
    }

    private static string? Value(ResponseHeaders headers, string name) =>
        headers.TryGetValue(name, out string? value) ? value : null;

    private static Request Parse(string text)
    {
        var options = new HttpOptions();
        HttpParser.TryParse(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(text)), options, out RequestHead head, out _);
        Assert.That(head.IsEmpty, Is.False, text);
        return new Request(head, options);
    }
}
