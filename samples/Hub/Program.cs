if (Health.IsAsked(args, Settings.Of["address"], "/healthz")) return;
string hub = Settings.Url.AbsolutePath, list = Settings.List, metadata = "/.well-known/oauth-protected-resource" + hub;
string link = $"<{Settings.Url}>; rel=\"mercure\"", challenge = $"resource_metadata=\"{Settings.Origin}{metadata}\"";
// The key of the events that are private updates. The stream itself makes nothing of keys here.
const string Private = "private";
var page = new StaticFiles(Path.Combine(AppContext.BaseDirectory, "wwwroot")) { CacheControl = "no-cache" };
var stream = new EventStream("hub", new EventStreamOptions
{
    Log = Settings.Of["redis"] is not { Length: > 0 } redis ? null : new RedisEventLog(
        Arguments.Check(() => ConnectionMultiplexer.Connect(redis + ",abortConnect=false")), "mercure"),
    ReplayCount = 10_000,
    ReplayAge = Timeout.InfiniteTimeSpan,
    MaxIdLength = Matcher.MaxLength,
    MaxTopicLength = 64 * 1024,
    MaxEventSize = 2 * 1024 * 1024,
    Presence = true,
});
stream.OnSubscribed = one => Subscriber.Of(one).Announced = Announce(Subscriber.Of(one), isActive: true);
stream.OnUnsubscribed = one => Subscriber.Of(one).Announced = Announce(Subscriber.Of(one), isActive: false);
var worker = Arguments.Check(() => new Worker(Settings.Of["address"]) { Name = "hub", Count = 2 });
worker.Options.Http.MaxHeadSize = worker.Options.Http.MaxRequestLineSize = 128 * 1024;
worker.Options.Http.MaxRequestSize = 256 * 1024;
worker.OnMessageAsync = async (connection, request) =>
{
    if (await Answer(connection, request) is { } answer) connection.Send(answer.WithHeaders(Settings.Cors.HeadersFor(request)));
};
Worker.RunAll();

async ValueTask<Response?> Answer(TcpConnection connection, Request request)
{
    bool isHub = request.Path == hub, isList = $"{request.Path}/".StartsWith(list + "/", StringComparison.Ordinal);
    try
    {
        return request.Method switch
        {
            _ when Cors.IsPreflight(request) => new Response(204),
            "GET" or "HEAD" or "QUERY" when isHub => await Subscribe(connection, request),
            "POST" when isHub => Response.Text(await Publish(request)),
            "GET" or "HEAD" when isList => await List(request),
            _ when isHub || isList => Response.MethodNotAllowed(isHub ? ["GET", "HEAD", "POST", "QUERY"] : ["GET", "HEAD"]),
            _ when request.Path == metadata => new Response(200, new() { ["Content-Type"] = "application/json" }, $$"""
                {"resource":"{{Settings.Url.OriginalString}}","bearer_methods_supported":["header"],"mercure_subscriptions":true,
                "mercure_cookie":"{{Settings.Of["cookie"]}}","authorization_details_types_supported":["{{Grant.Type}}"]}
                """),
            _ when request.Path == "/healthz" => Response.Text("health", stream.LogStatus is { IsConnected: false } ? 503 : 200),
            _ => page.Serve(request).WithHeader("Link", link),
        };
    }
    catch (Exception e) when (e is BadRequestException or FormatException or EventLogException or TimeoutException)
    {
        int status = e is BadRequestException known ? known.StatusCode : e is FormatException ? 400 : 503;
        Response refusal = Response.Text(status == 503 ? "the log cannot be reached" : e.Message, status);
        // RFC 6750 section 3: the challenge has an error code, unless there was no token.
        string code = e.Message is "invalid_request" or "invalid_token" or "insufficient_scope" ? $"error=\"{e.Message}\", " : "";
        return code == "" && status != 401 ? refusal : refusal.WithHeader("WWW-Authenticate", $"Bearer {code}{challenge}");
    }
}

// Spec: Subscription; Reconnection.
async ValueTask<Response?> Subscribe(TcpConnection connection, Request request)
{
    Token token = await Token.Of(request, publishes: false, isNeeded: Settings.Of["anonymous"] != "true");
    KeyValuePair<string, string>[] fields = [.. request.Get().Fields, .. request.Method == "QUERY" ? request.Post().Fields : []];
    ThrowIf(!IsUtf8(Encoding.UTF8.GetBytes(request.QueryString)) || !IsUtf8(request.RawBody.ToArray()), 400, "it is not UTF-8");
    // All names that begin with match are reserved: a misspelled type is refused.
    Matcher[] matchers = [.. fields.Where(static field => field.Key.StartsWith("match", StringComparison.OrdinalIgnoreCase))
        .Select(static field => (Pattern: field.Value, Type: Matcher.Types.GetValueOrDefault(field.Key, ""))).Distinct()
        .Take(Matcher.MaxCount + 1).Select(static wanted => new Matcher(wanted.Pattern, wanted.Type))];
    ThrowIf(matchers.Length is 0 or > Matcher.MaxCount, 400, $"1 to {Matcher.MaxCount} matchers are needed");
    ThrowIf(matchers.Sum(static matcher => matcher.Cost) > Matcher.MaxCost, 400, "regular expressions that cost too much");
    string? lastId = request.Header("last-event-id") ?? fields.FirstOrDefault(static field => field.Key == "last_event_id").Value;
    bool isKnown = lastId is not (null or "" or "earliest") && Matcher.IsVisible(lastId) && await IsKnown(lastId);
    ResponseHeaders headers = Settings.Cors.HeadersFor(request);
    if (lastId is not null) headers["Mercure-Last-Event-ID"] = isKnown ? lastId : "earliest";
    connection.Context = new Subscriber(NewId(), matchers, token);
    stream.Subscribe(connection, request, new SubscribeOptions
    {
        Filter = update => update.Topics.Any(topic => matchers.Any(matcher => matcher.Matches(topic)))
            && (update.Key != Private || update.Topics.Any(topic => token.Find("subscribe", topic) is not null)),
        // An id that is not known, or not any more, is older than all that there is.
        LastEventId = isKnown ? lastId : "",
        FromOldest = lastId is not null,
        // The stream ends it within a second of the time, and that must not be later than the token's.
        ExpiresAt = token.Expires?.AddSeconds(-1.5),
        Headers = headers,
    });
    return null;
}

// While the log cannot be reached an id is taken for a known one: the stream finds out, and says so with an event "gap".
Task<bool> IsKnown(string id) => stream.ReadAsync(id, 1).AsTask().ContinueWith(
    static reading => reading.Exception is not null || !reading.Result.IsGap, TaskScheduler.Default);

// Spec: Publication.
async ValueTask<string> Publish(Request request)
{
    Token token = await Token.Of(request, publishes: true);
    string mediaType = request.Header("content-type", "")!.Split(';')[0].Trim().ToLowerInvariant();
    ThrowIf(mediaType != "application/x-www-form-urlencoded", 415, "the body is no form");
    ThrowIf(!IsUtf8(request.RawBody.ToArray()), 400, "it is not UTF-8");
    string id = request.Post("id", "")!, type = request.Post("type", "")!, retry = request.Post("retry", "")!;
    string[] topics = [.. request.PostValues("topic")], texts = [.. topics, id, type];
    bool isLong = texts.Any(static text => text.Length > Matcher.MaxLength) || texts.Sum(static text => text.Length) > 16_384;
    ThrowIf(isLong || topics.Length > Matcher.MaxCount, 413, "too many topics, or a topic, id or type is too long");
    ThrowIf(topics.Length == 0 || !texts.All(Matcher.IsVisible), 400, "no topic, or a control or format character");
    // The URL standard leaves out spaces around a URL.
    ThrowIf(topics.Any(static topic => Matcher.IsReserved(topic.Trim())), 400, "a topic is reserved for the hub");
    ThrowIf(id.StartsWith('#') || id == "earliest" || type == "mercure", 400, "the id or the type is reserved for the hub");
    ThrowIf(!retry.All(char.IsAsciiDigit), 400, "retry is no number");
    ThrowIf(!topics.All(topic => token.Find("publish", topic) is not null), 403, "insufficient_scope");
    string? data = request.Post("data", ""), key = request.Post("private") is null ? null : Private;
    var message = new ServerSentEvents { Id = id == "" ? NewId() : id, Event = type == "" ? null : type, Data = data };
    if (retry != "") message.Retry = int.TryParse(retry, out int milliseconds) ? milliseconds : int.MaxValue;
    try
    {
        return await stream.PublishAsync(message, topics, key);
    }
    catch (ArgumentException)
    {
        // The hub gives an id of its own for one that another update has, or that no header field brings back as it is.
        message.Id = NewId();
        return await stream.PublishAsync(message, topics, key);
    }
}

// Spec: Subscription API. The id is read before the list: what changes meanwhile comes after it.
async ValueTask<Response> List(Request request)
{
    Token token = await Token.Of(request, publishes: false);
    ThrowIf(token.Find("subscribe", request.Path) is null, 403, "insufficient_scope");
    await stream.Ready.WaitAsync(TimeSpan.FromSeconds(5));
    string lastId = stream.Published == 0 ? "earliest" : Regex.Replace(stream.LastId, @"[""\\]", @"\$0");
    string[] path = [.. request.Path[list.Length..].Split('/')[1..].Select(Uri.UnescapeDataString)];
    Entry[] found = [.. stream.GetSubscriptions().SelectMany(static one => Subscriber.Of(one).Describe(isActive: true))
        .Where(one => path.SequenceEqual(new[] { one.MatchType, one.Match, one.Subscriber }.Take(path.Length)))];
    ThrowIf(path.Length is 1 or > 3 || (path.Length == 3 && found.Length == 0), 404, "there is no such subscription");
    Response answer = path.Length == 3 ? Response.Json(found[0], HubJson.Default.Entry)
        : Response.Json(new EntryList(request.Path, found), HubJson.Default.EntryList);
    return answer.WithHeader("Cache-Control", "must-revalidate")
        .WithHeader("Link", $"{link}; last-event-id=\"{lastId}\"; type=\"mercure\"; content-type=\"application/json\"");
}

// Spec: Subscription Events. A log that cannot be reached has said so in the log of the program.
async Task Announce(Subscriber subscriber, bool isActive)
{
    // One after the other: the end of a subscription does not overtake its beginning.
    await subscriber.Announced;
    foreach (Entry entry in subscriber.Describe(isActive))
        await Task.WhenAny(stream.PublishAsync(entry.ToMessage(NewId()), entry.Id, Private).AsTask());
}

static string NewId() => "urn:uuid:" + Guid.NewGuid();

static bool IsUtf8(byte[] encoded) => Utf8.IsValid(WebUtility.UrlDecodeToBytes(encoded, 0, encoded.Length));

/// <summary>What can be set: <c>--name value</c>, or <c>MERCURE_NAME</c> in the environment; see README.md. Any thread.</summary>
internal static class Settings
{
    private const string Secret = "!ChangeThisMercureHubJWTSecretKey!";

    public static readonly Dictionary<string, string> Of = Arguments.Options(Environment.GetCommandLineArgs()[1..],
        "Hub [--name value]..., with the names in README.md", "MERCURE_",
        ("address", "http://127.0.0.1:8080"), ("url", "https://localhost/.well-known/mercure"), ("issuer", "https://localhost"),
        ("publisher-jwt-key", Secret), ("publisher-jwt-alg", "HS256"),
        ("subscriber-jwt-key", Secret), ("subscriber-jwt-alg", "HS256"),
        ("cookie", "__Secure-mercure_access_token"), ("origins", "*"), ("anonymous", "true"), ("redis", ""));

    public static readonly Uri Url = Arguments.Check(() => new Uri(Of["url"]));
    public static readonly string Origin = Url.GetLeftPart(UriPartial.Authority), List = Url.AbsolutePath + "/subscriptions";
    public static readonly Cors Cors = Arguments.Check(static () => new Cors([Origin, .. Of["origins"].Split().Except([""])])
    {
        AllowCredentials = true,
        AllowedMethods = ["GET", "HEAD", "POST", "QUERY"],
        AllowedHeaders = ["Authorization", "Cache-Control", "Last-Event-ID"],
        ExposedHeaders = ["Link", "Mercure-Last-Event-ID"],
    });
}

/// <summary>Who has subscribed on a connection. On its loop.</summary>
internal sealed record Subscriber(string Id, Matcher[] Matchers, Token Token)
{
    /// <summary>Is done when others have been told of all that was to be told.</summary>
    public Task Announced { get; set; } = Task.CompletedTask;

    public static Subscriber Of(Subscription subscription) => (Subscriber)subscription.Connection.Context!;

    public IEnumerable<Entry> Describe(bool isActive) => Matchers.Select(matcher =>
        new Entry(matcher.MatchType, matcher.Match, Id, isActive, Token.Find("subscribe", matcher.Match)?.Payload));
}

/// <summary>A subscription, as events and lists have it (spec: Subscription Events; Subscription API).</summary>
internal sealed record Entry(string MatchType, string Match, string Subscriber, bool Active, JsonObject? Payload,
    string Type = "subscription")
{
    public string Id { get; } = $"{Settings.List}/{MatchType}/{Uri.EscapeDataString(Match)}/{Uri.EscapeDataString(Subscriber)}";

    public ServerSentEvents ToMessage(string id) =>
        new() { Id = id, Event = "mercure", Data = JsonSerializer.Serialize(this, HubJson.Default.Entry) };
}

/// <summary>The answer of the subscription API to who asks for several.</summary>
internal sealed record EntryList(string Id, Entry[] Subscriptions, string Type = "subscriptions");
