using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Workerman;
using Workerman.Protocols.Http;

// A proxy for a language model: it asks a service that speaks OpenAI's protocol, and hands the words on as they come, as events
// to who accepts those, else as chunks of text. The key stays here. When the client goes, so does the request.
//   LLM_KEY=… dotnet run --project samples/LlmProxy -- http://0.0.0.0:8080 https://api.openai.com/v1/chat/completions gpt-5-mini
//   curl -N 'http://127.0.0.1:8080/?q=hello'
//   curl -N -H 'Accept: text/event-stream' 'http://127.0.0.1:8080/?q=hello'
Arguments.Expect(args, 3, "LlmProxy [address [url [model]]]");
string address = args.ElementAtOrDefault(0) ?? "http://0.0.0.0:8080";
string upstream = args.ElementAtOrDefault(1) ?? "http://127.0.0.1:11434/v1/chat/completions";
if (!Uri.TryCreate(upstream, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https"))
    Arguments.Refuse($"'{upstream}' is no URL with http or https");
string model = args.ElementAtOrDefault(2) ?? "llama3.2";
string key = Environment.GetEnvironmentVariable("LLM_KEY") ?? "";
using var http = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };

var worker = Arguments.Check(() => new Worker(address) { Name = "LLM proxy" });
worker.OnMessageAsync = async (connection, request) =>
{
    if (request.Get("q") is not { Length: > 0 } question)
    {
        connection.Send(new Response(400, [], "what is the question? ?q=…"));
        return;
    }
    bool wantsEvents = request.Header("accept") == "text/event-stream";
    using var gone = new CancellationTokenSource();
    connection.OnClose = _ => gone.Cancel();
    try
    {
        using HttpRequestMessage asked = Ask(question);
        using HttpResponseMessage answer = await http.SendAsync(asked, HttpCompletionOption.ResponseHeadersRead, gone.Token);
        if (answer.StatusCode != HttpStatusCode.OK)
        {
            connection.Send(new Response(502, [], $"the model answers {(int)answer.StatusCode}"));
            return;
        }
        connection.Send(new Response(200, wantsEvents
            ? new() { ["Content-Type"] = "text/event-stream" }
            : new() { ["Content-Type"] = "text/plain; charset=utf-8", ["Transfer-Encoding"] = "chunked" }, ""));
        await foreach (string word in ReadWords(answer, gone.Token))
        {
            if (wantsEvents) connection.Send(new ServerSentEvents { Data = word });
            else connection.Send(new Chunk(word));
        }
        // The end: an event stream has none of its own, so it is said and the connection closed.
        if (wantsEvents) connection.Close(new ServerSentEvents { Event = "done", Data = "" });
        else connection.Send(new Chunk(""));
    }
    catch (OperationCanceledException) when (gone.IsCancellationRequested)
    {
        // Nobody waits for it.
    }
    catch (HttpRequestException e)
    {
        connection.Send(new Response(502, [], $"the model does not answer: {e.HttpRequestError}"));
    }
    finally
    {
        connection.OnClose = null;
    }
};
Worker.RunAll();

HttpRequestMessage Ask(string question)
{
    using var body = new MemoryStream();
    using (var json = new Utf8JsonWriter(body))
    {
        json.WriteStartObject();
        json.WriteString("model", model);
        json.WriteBoolean("stream", true);
        json.WriteStartArray("messages");
        json.WriteStartObject();
        json.WriteString("role", "user");
        json.WriteString("content", question);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }
    var content = new ByteArrayContent(body.ToArray());
    content.Headers.ContentType = new("application/json");
    return new HttpRequestMessage(HttpMethod.Post, url)
    {
        Headers = { { "Authorization", $"Bearer {key}" } },
        Content = content
    };
}

static async IAsyncEnumerable<string> ReadWords(
    HttpResponseMessage answer, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken gone)
{
    await using Stream stream = await answer.Content.ReadAsStreamAsync(gone);
    await foreach (SseItem<string> item in SseParser.Create(stream).EnumerateAsync(gone))
    {
        if (item.Data == "[DONE]") yield break;
        using JsonDocument json = JsonDocument.Parse(item.Data);
        foreach (JsonElement choice in json.RootElement.GetProperty("choices").EnumerateArray())
        {
            if (choice.GetProperty("delta").TryGetProperty("content", out JsonElement content)
                && content.GetString() is { Length: > 0 } word)
                yield return word;
        }
    }
}
