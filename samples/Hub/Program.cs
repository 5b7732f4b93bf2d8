using Hub;

string address = Settings.Of("address", "http://127.0.0.1:8080");
if (Health.IsAsked(args, address, "/healthz")) return;
Arguments.ExpectOptions(args, "Hub [--name value]..., with the names in README.md", Settings.Names);
string hub = Settings.Url.AbsolutePath, list = hub + "/subscriptions", metadata = "/.well-known/oauth-protected-resource" + hub;
string link = $"<{Settings.Url}>; rel=\"mercure\"", challenge = $"resource_metadata=\"{Settings.Origin}{metadata}\"";
var page = new StaticFiles(Path.Combine(AppContext.BaseDirectory, "wwwroot")) { CacheControl = "no-cache" };
string redis = Settings.Of("redis", "");
var stream = new EventStream("hub", new EventStreamOptions
{
    Log = redis == "" ? null : new RedisEventLog(
        Arguments.Check(() => ConnectionMultiplexer.Connect(redis + ",abortConnect=false")), "mercure"),
    ReplayCount = 10_000,
    ReplayAge = Timeout.InfiniteTimeSpan,
    MaxIdLength = Matcher.MaxLength,
    MaxTopicLength = 1_000_000,
    Presence = true,
});
stream.OnSubscribed = subscription => Announce(subscription, isActive: true);
stream.OnUnsubscribed = subscription => Announce(subscription, isActive: false);
var worker = Arguments.Check(() => new Worker(address) { Name = "hub", Count = 2 });
worker.Options.Http.MaxHeadSize = worker.Options.Http.MaxRequestLineSize = 128 * 1024;
worker.OnConnect = static connection => connection.MaxPackageSize = 256 * 1024;
worker.OnMessageAsync = async (connection, request) =>
{
    try
    {
        if (await Answer(connection, request) is { } answer) connection.Send(answer.WithHeaders(Cors(request)));
    }
    catch (Exception e) when (e is BadRequestException or FormatException or EventLogException or TimeoutException)
    {
        // RFC 6750 section 3: the challenge has an error code, unless there was no token.
        int status = e is BadRequestException known ? known.StatusCode : e is FormatException ? 400 : 503;
        bool isCode = e.Message is "invalid_request" or "invalid_token" or "insufficient_scope";
        Response answer = Reply(status, "text/plain; charset=utf-8", status == 503 ? "the log cannot be reached" : e.Message)
            .WithHeaders(Cors(request));
        if (isCode) answer.WithHeader("WWW-Authenticate", $"Bearer error=\"{e.Message}\", {challenge}");
        else if (status == 401) answer.WithHeader("WWW-Authenticate", $"Bearer {challenge}");
        connection.Send(answer);
    }
};
Worker.RunAll();

async ValueTask<Response?> Answer(TcpConnection connection, Request request)
{
    bool isHub = request.Path == hub, isList = $"{request.Path}/".StartsWith(list + "/", StringComparison.Ordinal);
    return request.Method switch
    {
        "GET" or "HEAD" or "QUERY" when isHub => await Subscribe(connection, request),
        "POST" when isHub => Reply(200, "text/plain; charset=utf-8", await Publish(request)),
        "GET" or "HEAD" when isList => await List(request),
        "OPTIONS" when isHub || isList => new Response(204).WithHeader("Access-Control-Allow-Methods", "GET, HEAD, POST, QUERY")
            .WithHeader("Access-Control-Allow-Headers", "Authorization, Cache-Control, Last-Event-ID"),
        _ when isHub || isList => Response.MethodNotAllowed(isHub ? ["GET", "HEAD", "POST", "QUERY"] : ["GET", "HEAD"]),
        _ when request.Path == metadata => Reply(200, "application/json", $$"""
            {"resource":"{{Settings.Url.OriginalString}}","bearer_methods_supported":["header"],"mercure_subscriptions":true,
            "mercure_cookie":"{{Settings.Cookie}}","authorization_details_types_supported":["{{Settings.DetailType}}"]}
            """),
        _ when request.Path == "/healthz" => new Response(stream.LogStatus is { IsConnected: false } ? 503 : 200, null, "health"),
        _ => page.Serve(request).WithHeader("Link", link),
    };
}

// Spec: Subscription; Reconnection.
async ValueTask<Response?> Subscribe(TcpConnection connection, Request request)
{
    Token? token = await Token.Of(request, publishes: false);
    Refuse(token is null && Settings.Of("anonymous", "true") != "true", 401, "a token is needed");
    KeyValuePair<string, string>[] fields = [.. request.Get().Fields, .. request.Method == "QUERY" ? request.Post().Fields : []];
    Refuse(!IsUtf8(Encoding.UTF8.GetBytes(request.QueryString)) || !IsUtf8(request.RawBody), 400, "it is not UTF-8");
    // All names that begin with match are reserved: a misspelled type is refused.
    Matcher[] matchers = [.. fields.Where(static field => field.Key.StartsWith("match", StringComparison.OrdinalIgnoreCase))
        .Select(static field => (Type: Matcher.TypeOf(field.Key), Pattern: field.Value)).Distinct().Take(Matcher.MaxCount + 1)
        .Select(static wanted => new Matcher(wanted.Type, wanted.Pattern))];
    Refuse(matchers.Length is 0 or > Matcher.MaxCount, 400, $"1 to {Matcher.MaxCount} matchers are needed");
    Refuse(matchers.Sum(static matcher => matcher.Cost) > Matcher.MaxCost, 400, "regular expressions that cost too much");
    string? lastId = request.Header("last-event-id") ?? fields.FirstOrDefault(static field => field.Key == "last_event_id").Value;
    bool isKnown = lastId is not (null or "" or "earliest") && await IsKnown(lastId);
    ResponseHeaders headers = Cors(request);
    if (lastId is not null) headers["Mercure-Last-Event-ID"] = isKnown ? lastId : "earliest";
    connection.Context = new Subscriber("urn:uuid:" + Guid.NewGuid(), matchers, token);
    stream.Subscribe(connection, request, new SubscribeOptions
    {
        Filter = published => Update.Of(published) is var update
            && update.Topics.Any(topic => matchers.Any(matcher => matcher.Matches(topic)))
            && (!update.IsPrivate || update.Topics.Any(topic => token?.Find("subscribe", topic) is not null)),
        // An id that is not known, or not any more, is older than all that there is.
        LastEventId = isKnown ? lastId : "",
        FromOldest = lastId is not null,
        // The stream ends it within a second of the time, and that must not be later than the token's.
        ExpiresAt = token?.Expires.AddSeconds(-1.5),
        Headers = headers,
    });
    return null;
}

// Spec: Publication.
async ValueTask<string> Publish(Request request)
{
    Token token = await Token.Of(request, publishes: true) ?? throw new BadRequestException(401, "a token is needed");
    string mediaType = request.Header("content-type", "")!.Split(';')[0].Trim().ToLowerInvariant();
    Refuse(mediaType != "application/x-www-form-urlencoded", 415, "the body is no form");
    ILookup<string, string> form = request.Post().Fields.ToLookup(static field => field.Key, static field => field.Value);
    string id = form["id"].FirstOrDefault(""), type = form["type"].FirstOrDefault(""), retry = form["retry"].FirstOrDefault("");
    string[] texts = [.. form["topic"], id, type];
    Topic[] topics = [.. form["topic"].Take(Matcher.MaxCount).Select(static topic => new Topic(topic))];
    bool isTooLarge = texts.Length > Matcher.MaxCount + 2 || texts.Any(static text => text.Length > Matcher.MaxLength)
        || texts.Sum(static text => text.Length) > Matcher.MaxLength * 4;
    Refuse(isTooLarge, 413, "too many topics, or a topic, id or type is too long");
    Refuse(!IsUtf8(request.RawBody), 400, "it is not UTF-8");
    Refuse(topics.Length == 0 || !texts.All(Topic.IsVisible), 400, "no topic, or a control or format character");
    Refuse(topics.Any(static topic => topic.IsReserved || topic.Text == "*"), 400, "a topic is reserved for the hub");
    Refuse(id.StartsWith('#') || id == "earliest" || type == "mercure", 400, "the id or the type is reserved for the hub");
    Refuse(!retry.All(char.IsAsciiDigit), 400, "retry is no number");
    Refuse(!topics.All(topic => token.Find("publish", topic) is not null), 403, "insufficient_scope");
    // The hub gives an id of its own for one that another update has, or that no header field brings back as it is.
    bool isOwn = id == "" || id != id.Trim() || !(await stream.ReadAsync(id, 1)).IsGap;
    var update = new Update(form["private"].Any(), topics);
    var message = new ServerSentEvents
    {
        Id = isOwn ? null : id,
        Event = type == "" ? null : type,
        Data = form["data"].FirstOrDefault(""),
        Retry = retry == "" ? null : int.TryParse(retry, out int milliseconds) ? milliseconds : int.MaxValue,
    };
    try
    {
        return await Send(update, message);
    }
    catch (ArgumentException) when (!isOwn)
    {
        message.Id = null;
        return await Send(update, message);
    }
}

// While the log cannot be reached an id is taken for a known one: the stream finds out, and says so with an event "gap".
async ValueTask<bool> IsKnown(string id)
{
    try
    {
        return !(await stream.ReadAsync(id, 1)).IsGap;
    }
    catch (EventLogException)
    {
        return true;
    }
}

// Spec: Subscription API. The id is read before the list: what changes meanwhile comes after it.
async ValueTask<Response> List(Request request)
{
    Token token = await Token.Of(request, publishes: false) ?? throw new BadRequestException(401, "a token is needed");
    Refuse(token.Find("subscribe", new Topic(request.Path)) is null, 403, "insufficient_scope");
    await stream.Ready.WaitAsync(TimeSpan.FromSeconds(5));
    string lastId = stream.Published == 0 ? "earliest" : Regex.Replace(stream.LastId, @"[""\\]", @"\$0");
    string[] path = [.. request.Path[list.Length..].Split('/')[1..].Select(Uri.UnescapeDataString)];
    JsonNode[] found = [.. from subscription in stream.GetSubscriptions()
                           let subscriber = (Subscriber)subscription.Connection.Context!
                           from matcher in subscriber.Matchers
                           where path.SequenceEqual(new[] { matcher.Type, matcher.Pattern, subscriber.Id }.Take(path.Length))
                           select subscriber.Describe(list, matcher, isActive: true)];
    Refuse(path.Length is 1 or > 3 || (path.Length == 3 && found.Length == 0), 404, "there is no such subscription");
    JsonNode all = new JsonObject { ["id"] = request.Path, ["type"] = "subscriptions", ["subscriptions"] = new JsonArray(found) };
    return Reply(200, "application/json", (path.Length == 3 ? found[0] : all).ToJsonString())
        .WithHeader("Cache-Control", "must-revalidate")
        .WithHeader("Link", $"{link}; last-event-id=\"{lastId}\"; type=\"mercure\"; content-type=\"application/json\"");
}

// Spec: Subscription Events. A log that cannot be reached has said so in the log of the program.
void Announce(Subscription subscription, bool isActive)
{
    // One after the other: the end of a subscription does not overtake its beginning.
    var subscriber = (Subscriber)subscription.Connection.Context!;
    subscriber.Announced = AnnounceAfter(subscriber.Announced, subscriber, isActive);
}

async Task AnnounceAfter(Task before, Subscriber subscriber, bool isActive)
{
    await before;
    foreach (JsonObject document in subscriber.Matchers.Select(matcher => subscriber.Describe(list, matcher, isActive)))
    {
        var message = new ServerSentEvents { Event = "mercure", Data = document.ToJsonString() };
        try
        {
            await Send(new Update(true, [new Topic($"{document["id"]}")]), message);
        }
        catch (EventLogException)
        {
        }
    }
}

ValueTask<string> Send(Update update, ServerSentEvents message)
{
    message.Id ??= "urn:uuid:" + Guid.NewGuid();
    return stream.PublishAsync(message, update.ToString());
}

// Fetch standard, "CORS protocol": what is read with a cookie goes to the origins that are set, the rest to all if "*" is.
static ResponseHeaders Cors(Request request)
{
    string origin = request.Header("origin", "")!;
    ResponseHeaders headers = new() { { "Vary", "Origin" }, { "Access-Control-Expose-Headers", "Link, Mercure-Last-Event-ID" } };
    bool isTrusted = Settings.Origins.Contains(origin);
    if (isTrusted) headers.Add("Access-Control-Allow-Credentials", "true");
    if (isTrusted || (Settings.Origins.Contains("*") && request.Cookie(Settings.Cookie) is null))
        headers.Add("Access-Control-Allow-Origin", isTrusted ? origin : "*");
    return headers;
}

static bool IsUtf8(ReadOnlyMemory<byte> encoded) =>
    System.Text.Unicode.Utf8.IsValid(System.Net.WebUtility.UrlDecodeToBytes(encoded.ToArray(), 0, encoded.Length));

static Response Reply(int status, string type, string text) => new Response(status, null, text).WithHeader("Content-Type", type);

static void Refuse(bool isWrong, int status, string reason)
{
    if (isWrong) throw new BadRequestException(status, reason);
}

/// <summary>Who has subscribed on a connection. On its loop.</summary>
internal sealed record Subscriber(string Id, Matcher[] Matchers, Token? Token)
{
    /// <summary>Is done when others have been told of all that was to be told.</summary>
    public Task Announced { get; set; } = Task.CompletedTask;

    public JsonObject Describe(string list, Matcher matcher, bool isActive)
    {
        var document = new JsonObject
        {
            ["id"] = $"{list}/{matcher.Type}/{Uri.EscapeDataString(matcher.Pattern)}/{Uri.EscapeDataString(Id)}",
            ["type"] = "subscription",
            ["match_type"] = matcher.Type,
            ["match"] = matcher.Pattern,
            ["subscriber"] = Id,
            ["active"] = isActive,
        };
        JsonElement? payload = Token?.Find("subscribe", new Topic(matcher.Pattern))?.Payload;
        if (payload?.ValueKind == JsonValueKind.Object) document["payload"] = JsonObject.Create(payload.Value);
        return document;
    }
}

/// <summary>What can be set: <c>--name value</c>, or <c>MERCURE_NAME</c> in the environment; see README.md. Any thread.</summary>
internal static class Settings
{
    public static readonly string[] Names =
    [
        "--address", "--url", "--issuer", "--publisher-jwt-key", "--subscriber-jwt-key", "--publisher-jwt-alg",
        "--subscriber-jwt-alg", "--cookie", "--origins", "--anonymous", "--redis",
    ];

    public const string DetailType = "https://mercure.rocks/authorization-detail";
    public static readonly Uri Url = Arguments.Check(() => new Uri(Of("url", "https://localhost/.well-known/mercure")));
    public static readonly string Origin = Url.GetLeftPart(UriPartial.Authority);
    public static readonly string Cookie = Of("cookie", "__Secure-mercure_access_token");
    public static readonly string[] Origins = Of("origins", "*").Split(' ');

    public static string Of(string name, string fallback)
    {
        string[] args = Environment.GetCommandLineArgs();
        int at = Array.IndexOf(args, "--" + name) + 1;
        return at > 0 && at < args.Length ? args[at]
            : Environment.GetEnvironmentVariable("MERCURE_" + name.ToUpperInvariant().Replace('-', '_')) ?? fallback;
    }
}
