/// <summary>An authorization detail (RFC 9396): what a token allows, and what others are told of who has it.</summary>
internal sealed record Grant(string[] Actions, Matcher[] Topics)
{
    public const string Type = "https://mercure.rocks/authorization-detail";

    [DisallowNull] public JsonObject? Payload { get; set; }

    public bool IsValid => Actions.Length > 0 && !Actions.Contains(null) && Topics.Length > 0
        && Topics.All(static matcher => matcher is { Match.Length: > 0 });
}

/// <summary>A valid access token (spec: Authorization), or that of who has shown none. Immutable; any thread.</summary>
internal sealed record Token(DateTimeOffset? Expires, Grant[] Grants)
{
    private static readonly TokenValidationParameters Publisher = Rules("publisher"), Subscriber = Rules("subscriber");

    /// <summary>The first that allows an action on a topic; null if none does.</summary>
    public Grant? Find(string action, string topic) => Grants.FirstOrDefault(grant =>
        grant.Actions.Contains(action) && grant.Topics.Any(matcher => matcher.Matches(topic)));

    /// <summary>Reads the token of a request.</summary>
    /// <exception cref="BadRequestException">It is not valid; the message is the error code of RFC 6750 section 3.1.</exception>
    public static async ValueTask<Token> Of(Request request, bool publishes, bool isNeeded = true)
    {
        if (TextOf(request) is not { } text)
            return isNeeded ? throw new BadRequestException(401, "a token is needed") : new Token(null, []);
        var result = await new JsonWebTokenHandler().ValidateTokenAsync(text, publishes ? Publisher : Subscriber);
        ThrowIf(!result.IsValid, 401, "invalid_token");
        try
        {
            var token = (JsonWebToken)result.SecurityToken;
            bool hasAny = token.TryGetPayloadValue("authorization_details", out JsonElement details);
            Grant[] grants = !hasAny ? [] : [.. details.EnumerateArray()
                .Where(static one => one.GetProperty("type").GetString() == Grant.Type)
                .Select(static one => one.Deserialize(HubJson.Default.Grant)!)];
            // RFC 7515 section 4.1.11: there is no extension that is understood here.
            bool isWrong = token.TryGetHeaderValue("crit", out object? _) || !grants.All(static grant => grant.IsValid)
                || (!hasAny && token.TryGetClaim("authorization_details", out _));
            ThrowIf(isWrong || grants.Sum(static grant => grant.Topics.Length) > Matcher.MaxCount, 401, "invalid_token");
            return new Token(token.ValidTo, grants);
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new BadRequestException(401, "invalid_token", e);
        }
    }

    /// <summary>The header field goes before the cookie, which counts for POST from trusted origins only, against CSRF.</summary>
    private static string? TextOf(Request request)
    {
        IReadOnlyList<string> fields = request.HeaderValues("authorization");
        if (fields is [{ } only] && only.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) return only[7..].Trim();
        string? cookie = request.Cookie(Settings.Of["cookie"]);
        bool isForged = cookie is not null && request.Method == "POST" && !Settings.Cors.IsTrusted(request);
        ThrowIf(fields.Count > 0 || isForged, 400, "invalid_request");
        return cookie;
    }

    /// <summary>RFC 9068 section 4; the keys and the algorithm are those that are set.</summary>
    private static TokenValidationParameters Rules(string role) => new()
    {
        ValidAudience = Settings.Url.OriginalString,
        ValidIssuer = Settings.Of["issuer"],
        ValidAlgorithms = [Settings.Of[role + "-jwt-alg"]],
        IssuerSigningKeys = KeysOf(Settings.Of[role + "-jwt-key"]),
        TypeValidator = static (type, _, _) => type?.ToLowerInvariant() is "at+jwt" or "application/at+jwt" ? type
            : throw new SecurityTokenInvalidTypeException("It is no access token."),
        ClockSkew = TimeSpan.Zero,
    };

    /// <summary>Those of a JWK set, or a secret.</summary>
    private static IEnumerable<SecurityKey> KeysOf(string text) =>
        text[0] == '{' ? new JsonWebKeySet(text).Keys : [new SymmetricSecurityKey(Encoding.UTF8.GetBytes(text))];
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Grant)), JsonSerializable(typeof(EntryList))]
internal sealed partial class HubJson : JsonSerializerContext;
