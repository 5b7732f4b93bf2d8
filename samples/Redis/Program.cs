using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Caching.StackExchangeRedis;
using Redis;
using StackExchange.Redis;
using Workerman;
using Workerman.EventStreams;
using Workerman.Extensions.Redis;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Sessions;

// Redis [address [redis [seconds]]]: what Redis does for handlers: a counter, sessions, a queue with retries (Queue.cs; so many
// seconds before the first), and an event stream and a room that reach the pages of all nodes. It needs Redis 7 or Valkey:
//   redis-server --port 6379
//   dotnet run --project samples/Redis -- http://127.0.0.1:8080 127.0.0.1:6379
//   curl -c jar -b jar http://127.0.0.1:8080/
//   curl -N http://127.0.0.1:8080/events
//   curl -X POST 'http://127.0.0.1:8080/mail?text=hello&delay=3&failures=2'
Arguments.Expect(args, 3, "Redis [address [redis [seconds]]]");
string address = args.ElementAtOrDefault(0) ?? "http://127.0.0.1:8080";
ConfigurationOptions options =
    Arguments.Check(() => ConfigurationOptions.Parse(args.ElementAtOrDefault(1) ?? "127.0.0.1:6379"));
TimeSpan retryAfter = TimeSpan.FromSeconds(Arguments.Seconds(args, 2, 5));
// It may be away at the start, and what is asked of it meanwhile fails at once.
options.AbortOnConnectFail = false;
options.BacklogPolicy = BacklogPolicy.FailFast;
options.ReconnectRetryPolicy = new LinearRetry(1000);
using ConnectionMultiplexer redis = ConnectionMultiplexer.Connect(options);
IDatabase database = redis.GetDatabase();

var news = new EventStream("news", new EventStreamOptions { Log = new RedisEventLog(redis, "news") });
var rooms = new Groups(new GroupsOptions { Backplane = new RedisGroupBackplane(redis, "rooms") });
var mails = new Queue(database, "mail") { RetryAfter = retryAfter };

var worker = Arguments.Check(() => new Worker(address) { Name = "redis", Count = 2 });
worker.Options.Http.Session.Handler = new DistributedCacheSessionHandler(new RedisCache(new RedisCacheOptions
{
    ConnectionMultiplexerFactory = () => Task.FromResult<IConnectionMultiplexer>(redis)
}));
// As many at a time as there are loops, of this node and of others. What throws is tried again, but for what is no mail.
worker.OnWorkerStart = _ => mails.Consume(async (data, attempts) =>
{
    if (data.Deserialize(MailJson.Default.Mail) is not { HasText: true } mail) throw new JsonException(Mail.Rule);
    if (attempts < mail.Failures) throw new InvalidOperationException("the mail server is away");
    await news.PublishAsync($"sent: {mail.Text}", CancellationToken.None);
});
worker.OnMessageAsync = async (connection, request) =>
{
    try
    {
        switch (request.Method, request.Path)
        {
            case ("GET", "/"):
                // Before the session is changed: an answer whose session cannot be saved is a 500.
                long all = await database.StringIncrementAsync("visits");
                Session session = await request.LoadSessionAsync();
                int visits = session.Get("visits", 0) + 1;
                session.Set("visits", visits);
                await session.SaveAsync();
                connection.Send($"visit {visits} of yours, {all} of all");
                break;
            case ("GET", "/events"):
                news.Subscribe(connection, request);
                break;
            case ("GET", "/room"):
                if (connection.UpgradeToWebSocket(request, (_, said) => rooms.Send("lobby", said.Text)))
                    rooms.Join(connection, "lobby");
                break;
            case ("POST", "/mail"):
                var mail = new Mail(request.Get("text", ""), request.Get("failures", 0));
                int delay = request.Get("delay", 0);
                if (!mail.HasText || delay is < 0 or > 86_400)
                {
                    connection.Send(Response.Text($"{Mail.Rule}, and waits at most a day", 400));
                    break;
                }
                JsonElement data = JsonSerializer.SerializeToElement(mail, MailJson.Default.Mail);
                await mails.SendAsync(data, TimeSpan.FromSeconds(delay));
                connection.Send(Response.Text("it is in the queue", 202));
                break;
            default:
                connection.Send(Response.Text("there are /, /events, /room and /mail", 404));
                break;
        }
    }
    catch (Exception e) when (Queue.IsAway(e))
    {
        connection.Send(Response.Text("Redis is away", 503));
    }
};
Worker.RunAll();

/// <summary>
/// What is to be sent, and how many attempts fail, for seeing what becomes of it: <c>['text' => 'hello']</c> in PHP. Immutable.
/// </summary>
internal sealed record Mail(string Text, int Failures = 0)
{
    public const string Rule = "a mail has a text of 1 to 1000 characters";

    [JsonIgnore]
    public bool HasText => Text.Length is > 0 and <= 1000;
}

/// <summary>How mails are JSON, made by the compiler: without reflection, so that NativeAOT knows it.</summary>
[JsonSerializable(typeof(Mail))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
internal sealed partial class MailJson : JsonSerializerContext;
