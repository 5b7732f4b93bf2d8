using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>The hub as a program of its own, with tokens for it, and what clients ask of it. Belongs to a fixture.</summary>
internal sealed class HubServer : IDisposable
{
    public const string Path = "/.well-known/mercure";
    public const string Resource = "https://localhost/.well-known/mercure";
    public const string Key = "!ChangeThisMercureHubJWTSecretKey!";
    public const string DetailType = "https://mercure.rocks/authorization-detail";

    /// <summary>
    /// A token like that of Mercure's conformance tests: HS256, typ at+jwt, aud <see cref="Resource"/>, iss https://localhost,
    /// which allows to publish and to subscribe to everything until the year 2100.
    /// </summary>
    public static readonly string All = Token(Grant(["publish", "subscribe"], new { match = "*" }));

    private readonly ServerProcess _process;

    public HubServer(params string[] settings)
    {
        string program = Repository.ProgramOf(System.IO.Path.Combine("samples", "Hub"), "Hub");
        _process = ServerProcess.Run(["dotnet", program, "--address", "http://127.0.0.1:0", .. settings]).WaitForStart();
        Client = new HttpClient { BaseAddress = new Uri($"http://{_process.EndPoint}"), Timeout = Wait.Limit };
    }

    public HttpClient Client { get; }

    public ServerProcess Process => _process;

    public IPEndPoint EndPoint => _process.EndPoint;

    public static object Grant(string[] actions, params object[] topics) => new { type = DetailType, actions, topics };

    /// <summary>A token that is as it should be, but for what is given.</summary>
    public static string Token(params object[] details) => Sign(Claims(details));

    public static Dictionary<string, object?> Claims(params object[] details) => new()
    {
        ["iss"] = "https://localhost",
        ["aud"] = Resource,
        ["sub"] = "somebody",
        ["client_id"] = "https://localhost",
        ["iat"] = 1767225300,
        ["exp"] = 4102444800,
        ["jti"] = "1",
        ["authorization_details"] = details,
    };

    public static string Sign(object claims, string key = Key, string algorithm = "HS256", string? type = "at+jwt",
        string? raw = null)
    {
        string text = Encode(JsonSerializer.SerializeToUtf8Bytes(new { alg = algorithm, typ = type })) + "."
            + Encode(raw is null ? JsonSerializer.SerializeToUtf8Bytes(claims) : Encoding.UTF8.GetBytes(raw));
        byte[] secret = Encoding.UTF8.GetBytes(key), bytes = Encoding.ASCII.GetBytes(text);
        return algorithm switch
        {
            "none" => text + ".",
            "HS512" => $"{text}.{Encode(HMACSHA512.HashData(secret, bytes))}",
            _ => $"{text}.{Encode(HMACSHA256.HashData(secret, bytes))}",
        };
    }

    public static string SignText(string text) =>
        $"{text}.{Encode(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Key), Encoding.ASCII.GetBytes(text)))}";

    public static string Encode(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    /// <summary>Publishes; a name with the value null is left away.</summary>
    public Task<HttpResponseMessage> Publish(string? token, params (string Name, string? Value)[] form) =>
        Send(HttpMethod.Post, Path, token, new FormUrlEncodedContent(form.Where(static field => field.Value is not null)
            .Select(static field => KeyValuePair.Create(field.Name, field.Value!))));

    /// <summary>Publishes a form as it is written.</summary>
    public Task<HttpResponseMessage> PublishRaw(string form, string type = "application/x-www-form-urlencoded") =>
        Send(HttpMethod.Post, Path, All, new StringContent(form, Encoding.Latin1, MediaTypeHeaderValue.Parse(type)));

    public Task<HttpResponseMessage> Get(string target, string? token = null, params (string Name, string Value)[] fields) =>
        Send(HttpMethod.Get, target, token, null, fields);

    /// <summary>Sends a request and waits for its head.</summary>
    public async Task<HttpResponseMessage> Send(HttpMethod method, string target, string? token, HttpContent? body = null,
        params (string Name, string Value)[] fields)
    {
        using var request = new HttpRequestMessage(method, target) { Content = body };
        if (token is not null) request.Headers.Add("Authorization", "Bearer " + token);
        foreach ((string name, string value) in fields) request.Headers.TryAddWithoutValidation(name, value);
        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>Subscribes and waits until it is.</summary>
    public HubStream Subscribe(string query, string? token = null, params (string Name, string Value)[] fields) =>
        new(EndPoint, query, token, fields);

    public void Dispose()
    {
        Client.Dispose();
        _process.Dispose();
    }
}

/// <summary>An open event stream of a hub. Belongs to the test that reads it.</summary>
internal sealed class HubStream : IDisposable
{
    private readonly RawClient _client;

    public HubStream(IPEndPoint hub, string query, string? token, (string Name, string Value)[] fields)
    {
        _client = new RawClient(hub);
        string authorization = token is null ? "" : $"Authorization: Bearer {token}\r\n";
        string more = string.Concat(fields.Select(static field => $"{field.Name}: {field.Value}\r\n"));
        Head = _client.Send($"GET {HubServer.Path}?{query} HTTP/1.1\r\nHost: localhost\r\n{authorization}{more}\r\n")
            .ReadUntil("\r\n\r\n");
        Assert.That(Head, Does.StartWith("HTTP/1.1 200"));
    }

    public string Head { get; }

    public string? Field(string name) => Head.Split("\r\n").FirstOrDefault(line =>
        line.StartsWith(name + ": ", StringComparison.OrdinalIgnoreCase))?[(name.Length + 2)..];

    /// <summary>The next event with data, as an <c>EventSource</c> reads it.</summary>
    public (string Type, string? Id, string Data) Next()
    {
        while (true)
        {
            string[] lines = _client.ReadUntil("\n\n").TrimEnd('\n').Split('\n');
            string[] data = [.. Values(lines, "data")];
            if (data.Length > 0)
                return (Values(lines, "event").LastOrDefault("message"), Values(lines, "id").LastOrDefault(),
                    string.Join('\n', data));
        }
    }

    /// <summary>The text up to a mark.</summary>
    public string ReadUntil(string mark) => _client.ReadUntil(mark);

    public string ReadToEnd() => _client.ReadToEnd();

    public void Dispose() => _client.Dispose();

    private static IEnumerable<string> Values(string[] lines, string name) =>
        lines.Where(line => line.StartsWith(name + ": ", StringComparison.Ordinal)).Select(line => line[(name.Length + 2)..]);
}
