using System.Text.Json;
using System.Text.Json.Serialization;
using StackExchange.Redis;
using Workerman;

namespace Redis;

/// <summary>
/// A queue with the keys and messages of workerman/redis-queue, so that programs in PHP may send and consume too: lists of what
/// waits and of what has failed, and a sorted set of what is delayed (PHP: <c>Workerman\RedisQueue\Client</c>). Unlike there, a
/// message that is being consumed is in that set as well until that has ended: one whose consumer dies is consumed again after
/// <see cref="Lease"/>, so it is at least once, and a consumer that takes longer than that shares its message with another. Any
/// thread; consumers run on the loop that they are given to.
/// </summary>
internal sealed class Queue(IDatabase redis, string name)
{
    private const string Waiting = "{redis-queue}-waiting";
    private const string Delayed = "{redis-queue}-delayed";
    private const string Failed = "{redis-queue}-failed";

    /// <summary>In one step: what is due waits again, and the message that has waited longest is taken on lease.</summary>
    private const string Take = """
        for _, due in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, 100)) do
            redis.call('ZREM', KEYS[2], due)
            local is_package, package = pcall(cjson.decode, due)
            if is_package and type(package) == 'table' and type(package.queue) == 'string' then
                redis.call('LPUSH', ARGV[3] .. package.queue, due)
            else
                redis.call('LPUSH', KEYS[3], due)
            end
        end
        local taken = redis.call('RPOP', KEYS[1])
        if taken then redis.call('ZADD', KEYS[2], ARGV[2], taken) end
        return taken
        """;

    private bool _isAway;

    /// <summary>The pause before the first retry; that before the second is twice as long, and so on.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(5);

    public int MaxRetries { get; init; } = 5;

    public TimeSpan Lease { get; init; } = TimeSpan.FromMinutes(1);

    private static double Now => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;

    /// <summary>Whether an exception says that Redis cannot be reached, or does not answer.</summary>
    public static bool IsAway(Exception e) =>
        e is RedisException or TimeoutException or ObjectDisposedException or Workerman.EventStreams.EventLogException;

    public Task SendAsync(JsonElement data, TimeSpan delay)
    {
        string text = Json(new Package(JsonSerializer.SerializeToElement(Guid.NewGuid().ToString(), PackageJson.Default.String),
            (long)Now, (long)delay.TotalSeconds, 0, name, data));
        return delay == TimeSpan.Zero
            ? redis.ListLeftPushAsync(Waiting + name, text)
            : redis.SortedSetAddAsync(Delayed, text, Now + delay.TotalSeconds);
    }

    /// <summary>
    /// Has this loop consume messages, one after the other; what is thrown for one is logged, and tried again, unless it says
    /// that the data is not as it has to be (<see cref="JsonException"/>).
    /// </summary>
    /// <param name="consume">Given the data, and how many attempts have failed.</param>
    public void Consume(Func<JsonElement, int, Task> consume) => Timer.AddAsync(0.2, async () =>
    {
        try
        {
            while (await redis.ScriptEvaluateAsync(Take, [Waiting + name, Delayed, Failed],
                [Now, Now + Lease.TotalSeconds, Waiting]) is { IsNull: false } taken) await Try((string)taken!, consume);
            _isAway = false;
        }
        catch (Exception e) when (IsAway(e))
        {
            if (!_isAway) Console.Error.WriteLine($"the queue {name} waits for Redis: {e.Message}");
            _isAway = true;
        }
    });

    private async Task Try(string taken, Func<JsonElement, int, Task> consume)
    {
        Package? package = null;
        try
        {
            package = JsonSerializer.Deserialize(taken, PackageJson.Default.Package)!;
            await consume(package.Data, package.Attempts);
            await redis.SortedSetRemoveAsync(Delayed, taken);
        }
        catch (Exception e)
        {
            Console.Error.WriteLine($"a message of the queue {name}: {e.Message}");
            ITransaction transaction = redis.CreateTransaction();
            _ = transaction.SortedSetRemoveAsync(Delayed, taken);
            int attempts = (package?.Attempts ?? 0) + 1;
            string text = package is null ? taken : Json(package with { Attempts = attempts, Error = e.Message });
            if (package is not null && e is not JsonException && attempts <= MaxRetries)
                _ = transaction.SortedSetAddAsync(Delayed, text, Now + RetryAfter.TotalSeconds * attempts);
            else _ = transaction.ListLeftPushAsync(Failed, text);
            await transaction.ExecuteAsync();
        }
    }

    private static string Json(Package package) => JsonSerializer.Serialize(package, PackageJson.Default.Package);
}

/// <summary>A message as it is in Redis; its id is a number or a text. Immutable.</summary>
internal sealed record Package(
    JsonElement Id, long Time, long Delay, int Attempts, string Queue, JsonElement Data, string? Error = null);

/// <summary>How messages are JSON, made by the compiler: without reflection, so that NativeAOT knows it.</summary>
[JsonSerializable(typeof(Package))]
[JsonSerializable(typeof(string))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true)]
internal sealed partial class PackageJson : JsonSerializerContext;
