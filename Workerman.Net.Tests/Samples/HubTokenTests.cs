using System.Net;
using System.Security.Cryptography;
using System.Text.Json;

namespace Workerman.Tests.Samples;

/// <summary>
/// What Mercure's specification demands of access tokens (RFC 6750, RFC 9068, RFC 9396): which are valid, what they allow, how
/// they are shown and what is answered where they are not enough.
/// </summary>
internal sealed class HubTokenTests
{
    private const string Metadata =
        "resource_metadata=\"https://localhost/.well-known/oauth-protected-resource/.well-known/mercure\"";

    private HubServer _hub = null!;

    private static readonly object Everything = HubServer.Grant(["publish", "subscribe"], new { match = "*" });

    private static IEnumerable<TestCaseData> Tokens()
    {
        static TestCaseData Case(string name, bool isValid, string token) =>
            new TestCaseData(token, isValid).SetName("Token: " + name);
        static string With(string claim, object? value) =>
            HubServer.Sign(new Dictionary<string, object?>(HubServer.Claims(Everything)) { [claim] = value });
        static string Without(string claim)
        {
            Dictionary<string, object?> claims = HubServer.Claims(Everything);
            claims.Remove(claim);
            return HubServer.Sign(claims);
        }
        static string Details(string json) => HubServer.Sign("", raw: $$"""
            {"iss":"https://localhost","aud":"{{HubServer.Resource}}","exp":4102444800,"authorization_details":{{json}} }
            """);
        // Beside one that allows everything, which is not to count then.
        static string Detail(string members, string type = HubServer.DetailType) =>
            Details($$"""[{"type":"{{type}}",{{members.Replace('\'', '"')}} },{{JsonSerializer.Serialize(Everything)}}]""");
        object claims = HubServer.Claims(Everything);
        yield return Case("as specified", true, HubServer.All);
        yield return Case("typ with its prefix, in capitals", true, HubServer.Sign(claims, type: "Application/AT+JWT"));
        yield return Case("aud a list", true, With("aud", new[] { "x", HubServer.Resource }));
        yield return Case("nbf in the past", true, With("nbf", 1));
        yield return Case("another type beside ours", true, Detail("'topics':'acme','actions':{'read':true}", "tenant"));
        yield return Case("an action that is not known", true, Detail("'actions':['erase'],'topics':[{'match':'a'}]"));
        foreach (string scalar in new[] { "1", "true", "\"x\"", "\"\"", "null", "{}", "[1]" })
            yield return Case($"details that are {scalar}", false, Details(scalar));
        yield return Case("a payload", true, Detail("'actions':['subscribe'],'topics':[{'match':'a'}],'payload':{}"));
        yield return Case("a match type", true,
            Detail("'actions':['subscribe'],'topics':[{'match':'/:a','match_type':'urlpattern'}]"));
        yield return Case("garbage", false, "garbage");
        yield return Case("wrong key", false, HubServer.Sign(claims, key: "!AnotherMercureHubJWTSecretKey!!!!"));
        yield return Case("changed", false, HubServer.All[..^4] + "AAAA");
        yield return Case("alg none", false, HubServer.Sign(claims, algorithm: "none"));
        yield return Case("alg not allowed", false, HubServer.Sign(claims, algorithm: "HS512"));
        yield return Case("typ JWT", false, HubServer.Sign(claims, type: "JWT"));
        yield return Case("no typ", false, HubServer.Sign(claims, type: null));
        yield return Case("expired", false, With("exp", 1767225300));
        yield return Case("no exp", false, Without("exp"));
        yield return Case("not yet valid", false, With("nbf", 4102444700));
        yield return Case("wrong aud", false, With("aud", "https://localhost/"));
        yield return Case("no aud", false, Without("aud"));
        yield return Case("wrong iss", false, With("iss", "https://localhost/"));
        yield return Case("no iss", false, Without("iss"));
        string[] parts = HubServer.All.Split('.');
        yield return Case("an extension that is not understood", false, HubServer.SignText(HubServer.Encode(
            "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"crit\":[\"b64\"],\"b64\":false}"u8.ToArray()) + "." + parts[1]));
        yield return Case("details no list", false, Details("{}"));
        yield return Case("detail no object", false, Details("[1]"));
        yield return Case("no actions", false, Detail("'topics':[{'match':'a'}]"));
        yield return Case("empty actions", false, Detail("'actions':[],'topics':[{'match':'a'}]"));
        yield return Case("actions a string", false, Detail("'actions':'publish','topics':[{'match':'a'}]"));
        yield return Case("action a number", false, Detail("'actions':['publish',1],'topics':[{'match':'a'}]"));
        yield return Case("action null", false, Detail("'actions':['publish',null],'topics':[{'match':'a'}]"));
        yield return Case("no topics", false, Detail("'actions':['publish']"));
        yield return Case("empty topics", false, Detail("'actions':['publish'],'topics':[]"));
        yield return Case("topic a string", false, Detail("'actions':['publish'],'topics':['a']"));
        yield return Case("topic null", false, Detail("'actions':['publish'],'topics':[null]"));
        yield return Case("topic without match", false, Detail("'actions':['publish'],'topics':[{'match_type':'exact'}]"));
        yield return Case("empty match", false, Detail("'actions':['publish'],'topics':[{'match':''}]"));
        yield return Case("match type not known", false,
            Detail("'actions':['publish'],'topics':[{'match':'*','match_type':'regexp'}]"));
        yield return Case("match type in capitals", false,
            Detail("'actions':['publish'],'topics':[{'match':'a','match_type':'Exact'}]"));
        yield return Case("bad pattern", false,
            Detail("'actions':['publish'],'topics':[{'match':'/(','match_type':'urlpattern'}]"));
        yield return Case("control character", false, Detail("'actions':['publish'],'topics':[{'match':'a\\u0000'}]"));
        yield return Case("half a surrogate", false, Detail("'actions':['publish'],'topics':[{'match':'a\\ud800'}]"));
        yield return Case("payload a string", false, Detail("'actions':['publish'],'topics':[{'match':'a'}],'payload':'x'"));
        yield return Case("too many topics", false, Detail("'actions':['publish'],'topics':["
            + string.Join(',', Enumerable.Repeat("{'match':'a'}", 100)) + "]"));
    }

    [OneTimeSetUp]
    public void Start() => _hub = new HubServer("--origins", "https://app.example");

    [OneTimeTearDown]
    public void Stop() => _hub.Dispose();

    [TestCaseSource(nameof(Tokens))]
    public async Task TokenIsJudged(string token, bool isValid)
    {
        using HttpResponseMessage published = await _hub.Publish(token, ("topic", "a"));
        using HttpResponseMessage subscribed = await _hub.Get(HubServer.Path + "?match=a", token);
        Assert.That(published.StatusCode, Is.EqualTo(isValid ? HttpStatusCode.OK : HttpStatusCode.Unauthorized));
        Assert.That(subscribed.StatusCode, Is.EqualTo(published.StatusCode));
        if (!isValid) Assert.That(Challenge(published), Is.EqualTo($"Bearer error=\"invalid_token\", {Metadata}"));
    }

    [Test]
    public async Task PublisherNeedsATokenThatAllowsEveryTopic()
    {
        using HttpResponseMessage none = await _hub.Publish(null, ("topic", "a"));
        Assert.That(none.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(Challenge(none), Is.EqualTo("Bearer " + Metadata), "without an error code");
        object pattern = new { match = "/b/:id", match_type = "urlpattern" };
        string mayA = HubServer.Token(HubServer.Grant(["publish"], new { match = "a" }, pattern));
        string maySubscribe = HubServer.Token(HubServer.Grant(["subscribe"], new { match = "*" }));
        string mayNothing = HubServer.Sign(HubServer.Claims());
        foreach ((string token, string[] topics, int status) in new (string, string[], int)[]
        {
            (mayA, ["a"], 200), (mayA, ["a", "/b/1"], 200), (mayA, ["a", "c"], 403), (mayA, ["A"], 403),
            (maySubscribe, ["a"], 403), (mayNothing, ["a"], 403), (mayA, ["/.well-known/mercure"], 400), (mayNothing, ["*"], 400),
        })
        {
            (string, string?)[] form = [.. topics.Select(static topic => ("topic", topic))];
            using HttpResponseMessage answer = await _hub.Publish(token, form);
            Assert.That((int)answer.StatusCode, Is.EqualTo(status), string.Join(' ', topics));
            if (status == 403) Assert.That(Challenge(answer), Is.EqualTo($"Bearer error=\"insufficient_scope\", {Metadata}"));
        }
    }

    [Test]
    public async Task FieldGoesBeforeTheCookieAndTheQueryDoesNotCount()
    {
        const string cookie = "__Secure-mercure_access_token=";
        foreach ((string? field, string? shown, string query, int status) in new (string?, string?, string, int)[]
        {
            ("Bearer " + HubServer.All, cookie + "garbage", "", 200), ("bEARER " + HubServer.All, null, "", 200),
            ("Bearer garbage", cookie + HubServer.All, "", 401), (null, cookie + HubServer.All, "", 200),
            (null, cookie + "garbage", "", 401), ("Basic abc", cookie + HubServer.All, "", 400), ("Bearer", null, "", 400),
            (null, null, "access_token=" + HubServer.All, 401),
        })
        {
            (string Name, string Value)[] fields = [("Authorization", field ?? ""), ("Cookie", shown ?? "")];
            fields = [.. fields.Where(static one => one.Value.Length > 0)];
            using HttpResponseMessage answer = await _hub.Get($"{HubServer.Path}/subscriptions?{query}", null, fields);
            Assert.That((int)answer.StatusCode, Is.EqualTo(status), $"{field} {shown} {query}");
            if (status == 400) Assert.That(Challenge(answer), Does.StartWith("Bearer error=\"invalid_request\""));
        }
    }

    [TestCase(null, null, 400)]
    [TestCase("https://evil.example", null, 400)]
    [TestCase("null", "https://localhost/page", 400)]
    [TestCase(null, "https://evil.example/https://localhost/", 400)]
    [TestCase("https://localhost", null, 200)]
    [TestCase("https://app.example", null, 200)]
    [TestCase(null, "https://localhost/page?x", 200)]
    [TestCase("http://own", null, 200)]
    public async Task CookiePublishesOnlyFromATrustedOrigin(string? origin, string? referer, int status)
    {
        if (origin == "http://own") origin = $"http://{_hub.EndPoint}";
        using var form = new FormUrlEncodedContent([KeyValuePair.Create("topic", "a")]);
        (string, string)[] fields = [("Cookie", "__Secure-mercure_access_token=" + HubServer.All),
            .. origin is null ? [] : new[] { ("Origin", origin) }, .. referer is null ? [] : new[] { ("Referer", referer) }];
        using HttpResponseMessage answer = await _hub.Send(HttpMethod.Post, HubServer.Path, null, form, fields);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [Test]
    public async Task StreamEndsBeforeItsTokenDoes()
    {
        Dictionary<string, object?> claims = HubServer.Claims(Everything);
        var expires = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 4);
        claims["exp"] = expires.ToUnixTimeSeconds();
        using HubStream stream = _hub.Subscribe("match=short", HubServer.Sign(claims));
        using HttpResponseMessage answer = await _hub.Publish(HubServer.All, ("topic", "short"), ("data", "1"));
        Assert.That(stream.Next().Data, Is.EqualTo("1"));
        Assert.That(stream.ReadToEnd(), Does.Contain("retry: "));
        using HttpResponseMessage again = await _hub.Publish(HubServer.All, ("topic", "short"), ("data", "2"));
    }

    [Test]
    public async Task KeysMayBeJsonWebKeysAndDifferByRole()
    {
        using var rsa = RSA.Create(2048);
        using var curve = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        RSAParameters key = rsa.ExportParameters(false);
        ECParameters point = curve.ExportParameters(false);
        string rsaKeys =
            Set(new { kty = "RSA", kid = "1", n = HubServer.Encode(key.Modulus!), e = HubServer.Encode(key.Exponent!) });
        string curveKeys =
            Set(new { kty = "EC", crv = "P-256", x = HubServer.Encode(point.Q.X!), y = HubServer.Encode(point.Q.Y!) });
        using var hub = new HubServer("--publisher-jwt-key", rsaKeys, "--publisher-jwt-alg", "RS256",
            "--subscriber-jwt-key", curveKeys, "--subscriber-jwt-alg", "ES256", "--issuer", "https://issuer.example",
            "--url", "https://hub.example/.well-known/mercure", "--anonymous", "false");
        Dictionary<string, object?> claims = HubServer.Claims(Everything);
        (claims["iss"], claims["aud"]) = ("https://issuer.example", "https://hub.example/.well-known/mercure");
        string byRsa = Sign(claims, "RS256", text => rsa.SignData(text, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        string byCurve = Sign(claims, "ES256", text => curve.SignData(text, HashAlgorithmName.SHA256));
        // The public key as a secret: the algorithm of the token does not choose how its signature is checked.
        string confused = HubServer.Sign(claims, key: rsaKeys);
        foreach ((string? token, int publishes, int subscribes) in new (string?, int, int)[]
        {
            (byRsa, 200, 401), (byCurve, 401, 200), (confused, 401, 401), (HubServer.All, 401, 401), (null, 401, 401),
        })
        {
            using HttpResponseMessage published = await hub.Publish(token, ("topic", "a"));
            using HttpResponseMessage subscribed = await hub.Get(HubServer.Path + "?match=a", token);
            Assert.That(((int)published.StatusCode, (int)subscribed.StatusCode), Is.EqualTo((publishes, subscribes)));
        }
    }

    private static string Set(object key) => JsonSerializer.Serialize(new { keys = new[] { key } });

    private static string Sign(Dictionary<string, object?> claims, string algorithm, Func<byte[], byte[]> sign)
    {
        string text = HubServer.Sign(claims, algorithm: algorithm);
        text = text[..text.LastIndexOf('.')];
        return $"{text}.{HubServer.Encode(sign(System.Text.Encoding.ASCII.GetBytes(text)))}";
    }

    private static string Challenge(HttpResponseMessage answer) => answer.Headers.WwwAuthenticate.ToString();
}
