namespace Hub;

/// <summary>An authorization detail (RFC 9396): what a token allows, and what others are told of who has it.</summary>
internal sealed record Grant(string?[] Actions, Matcher[] Topics, JsonElement Payload);

/// <summary>A valid access token (spec: Authorization). Immutable; any thread.</summary>
internal sealed record Token(DateTime Expires, Grant[] Grants)
{
    private static readonly TokenValidationParameters Publisher = Rules("publisher"), Subscriber = Rules("subscriber");

    /// <summary>The first that allows an action on a topic; null if none does.</summary>
    public Grant? Find(string action, Topic topic) => Grants.FirstOrDefault(grant =>
        grant.Actions.Contains(action) && grant.Topics.Any(matcher => matcher.Matches(topic)));

    /// <summary>Reads the token of a request; null if it has none.</summary>
    /// <exception cref="BadRequestException">It is not valid; the message is the error code of RFC 6750 section 3.1.</exception>
    public static async ValueTask<Token?> Of(Request request, bool publishes)
    {
        if (TextOf(request) is not { } text) return null;
        try
        {
            var result = await new JsonWebTokenHandler().ValidateTokenAsync(text, publishes ? Publisher : Subscriber);
            if (!result.IsValid) throw new FormatException("It is not valid.", result.Exception);
            var token = (JsonWebToken)result.SecurityToken;
            if (token.Typ?.ToLowerInvariant() is not ("at+jwt" or "application/at+jwt")) throw new FormatException("typ");
            // RFC 7515 section 4.1.11: there is no extension that is understood here.
            if (token.TryGetHeaderValue("crit", out object? _)) throw new FormatException("crit");
            using var claims = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.EncodedPayload));
            bool hasAny = claims.RootElement.TryGetProperty("authorization_details", out JsonElement details);
            Grant[] grants = hasAny ? [.. details.EnumerateArray().Select(GrantOf).OfType<Grant>()] : [];
            if (grants.Sum(static grant => grant.Topics.Length) > Matcher.MaxCount) throw new FormatException("Too many topics.");
            return new Token(token.ValidTo, grants);
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or KeyNotFoundException)
        {
            throw new BadRequestException(401, "invalid_token", e);
        }
    }

    /// <summary>The header field goes before the cookie, which counts for POST from trusted origins only, against CSRF.</summary>
    private static string? TextOf(Request request)
    {
        IReadOnlyList<string> fields = request.HeaderValues("authorization");
        bool isBearer = fields is [{ } first] && first.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase);
        if (isBearer) return fields[0][7..].Trim();
        string? cookie = request.Cookie(Settings.Cookie), from = request.Header("origin");
        from ??= Uri.TryCreate(request.Header("referer"), default, out Uri? page) ? page.GetLeftPart(UriPartial.Authority) : null;
        string[] trusted = [.. Settings.Origins, Settings.Origin, $"{request.ClientScheme}://{request.ClientHost}"];
        bool isForged = cookie is not null && request.Method == "POST" && !trusted.Contains(from);
        return fields.Count == 0 && !isForged ? cookie : throw new BadRequestException(400, "invalid_request");
    }

    /// <summary>Reads an entry of <c>authorization_details</c>; null if it is of another type.</summary>
    private static Grant? GrantOf(JsonElement entry)
    {
        if (entry.GetProperty("type").GetString() != Settings.DetailType) return null;
        string?[] actions = [.. entry.GetProperty("actions").EnumerateArray().Select(static action => action.GetString())];
        Matcher[] topics = [.. entry.GetProperty("topics").EnumerateArray().Select(static topic => new Matcher(
            topic.TryGetProperty("match_type", out JsonElement type) ? type.GetString() : "exact",
            topic.GetProperty("match").GetString() is { Length: > 0 } match ? match : null))];
        JsonElement payload = entry.TryGetProperty("payload", out JsonElement given) ? given.Clone() : default;
        return actions.Length > 0 && !actions.Contains(null) && topics.Length > 0
            && payload.ValueKind is JsonValueKind.Undefined or JsonValueKind.Object ? new Grant(actions, topics, payload)
            : throw new FormatException("An authorization detail is not as specified.");
    }

    /// <summary>RFC 9068 section 4; the keys (a JWK set, or a secret) and the algorithm are those that are set.</summary>
    private static TokenValidationParameters Rules(string role)
    {
        string key = Settings.Of(role + "-jwt-key", "!ChangeThisMercureHubJWTSecretKey!");
        return new TokenValidationParameters
        {
            ValidAudience = Settings.Url.OriginalString,
            ValidIssuer = Settings.Of("issuer", "https://localhost"),
            ValidAlgorithms = [Settings.Of(role + "-jwt-alg", "HS256")],
            IssuerSigningKeys = key[0] == '{' ? new JsonWebKeySet(key).Keys
                : [new SymmetricSecurityKey(Encoding.UTF8.GetBytes(key))],
            ClockSkew = TimeSpan.Zero,
        };
    }
}
