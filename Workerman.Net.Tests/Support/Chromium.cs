using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;

namespace Workerman.Tests.Support;

/// <summary>
/// A headless Chromium that opens a page and runs JavaScript in its origin, over the DevTools protocol: what a person does in
/// the browser's console.
/// </summary>
internal sealed class Chromium : IAsyncDisposable
{
    private static readonly string[] Names = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private readonly Process _process;
    private readonly string _profile;
    private readonly ClientWebSocket _socket = new();
    private readonly List<string> _errors = [];
    private int _lastId;

    private Chromium(Process process, string profile)
    {
        _process = process;
        _profile = profile;
    }

    /// <summary>Where Chromium is, or null.</summary>
    public static string? Path => Names.FirstOrDefault(File.Exists);

    /// <summary>
    /// The errors that the console shows, up to the last <see cref="Evaluate"/>: exceptions, <c>console.error</c>, and what the
    /// browser itself complains of.
    /// </summary>
    public IReadOnlyList<string> Errors => _errors;

    /// <param name="page">What to open.</param>
    /// <param name="more">Arguments of its command line.</param>
    public static async Task<Chromium> Open(Uri page, params string[] more)
    {
        string profile = Directory.CreateTempSubdirectory("workerman-chromium-").FullName;
        string[] arguments =
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-port=0",
            $"--user-data-dir={profile}", .. more, page.AbsoluteUri,
        ];
        var start = new ProcessStartInfo(Path!, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        // It is killed, and would leave what it keeps there.
        start.Environment["TMPDIR"] = profile;
        var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.OutputDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        var chromium = new Chromium(process, profile);
        try
        {
            await chromium.Attach(page);
            return chromium;
        }
        catch
        {
            await chromium.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs an expression, awaits it if it is a promise, and gives its value back as text.</summary>
    public async Task<string?> Evaluate(string expression)
    {
        JsonElement answer = await Call("Runtime.evaluate", new { expression, awaitPromise = true, returnByValue = true });
        if (answer.TryGetProperty("exceptionDetails", out JsonElement details)) Assert.Fail($"the script failed: {details}");
        return answer.GetProperty("result").TryGetProperty("value", out JsonElement value) ? value.ToString() : null;
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        await Wait.Until(() =>
        {
            try
            {
                Directory.Delete(_profile, recursive: true);
            }
            catch (IOException)
            {
                // A helper process of the browser still writes there.
            }
            return !Directory.Exists(_profile);
        }, "the browser's helpers to end");
    }

    private async Task Attach(Uri page)
    {
        string portFile = System.IO.Path.Combine(_profile, "DevToolsActivePort");
        await Wait.Until(() => File.Exists(portFile) && File.ReadAllLines(portFile).Length > 1, "Chromium's DevTools port");
        using var http = new HttpClient();
        string? url = null;
        await Wait.Until(() => (url = PageUrl(http, File.ReadAllLines(portFile)[0], page)) is not null, "the page");
        using var limit = new CancellationTokenSource(Wait.Limit);
        await _socket.ConnectAsync(new Uri(url!), limit.Token);
        // From now on the console's entries come, those of before first.
        await Call("Runtime.enable", new { });
        await Call("Log.enable", new { });
        // The target is listed before its document is loaded.
        string ready = $"location.href === '{page.AbsoluteUri}' && document.readyState === 'complete'";
        long end = Environment.TickCount64 + (long)Wait.Limit.TotalMilliseconds;
        while (await Evaluate(ready) != "True" && Environment.TickCount64 < end) await Task.Delay(20);
    }

    private static string? PageUrl(HttpClient http, string port, Uri page)
    {
        using JsonDocument targets = JsonDocument.Parse(http.GetStringAsync($"http://127.0.0.1:{port}/json/list")
            .WaitAsync(Wait.Limit).GetAwaiter().GetResult());
        foreach (JsonElement target in targets.RootElement.EnumerateArray())
        {
            if (target.GetProperty("url").GetString() == page.AbsoluteUri)
                return target.GetProperty("webSocketDebuggerUrl").GetString();
        }
        return null;
    }

    private async Task<JsonElement> Call(string method, object parameters)
    {
        using var limit = new CancellationTokenSource(Wait.Limit);
        int id = ++_lastId;
        byte[] message = JsonSerializer.SerializeToUtf8Bytes(new { id, method, @params = parameters });
        await _socket.SendAsync(message, WebSocketMessageType.Text, endOfMessage: true, limit.Token);
        byte[] buffer = new byte[1024 * 1024];
        while (true)
        {
            int length = 0;
            ValueWebSocketReceiveResult part;
            do
            {
                part = await _socket.ReceiveAsync(buffer.AsMemory(length), limit.Token);
                length += part.Count;
            }
            while (!part.EndOfMessage);
            using JsonDocument answer = JsonDocument.Parse(buffer.AsMemory(0, length));
            if (answer.RootElement.TryGetProperty("id", out JsonElement answered) && answered.GetInt32() == id)
                return answer.RootElement.TryGetProperty("result",
                    out JsonElement result) ? result.Clone() : throw new InvalidOperationException($"{answer.RootElement}");
            if (IsError(answer.RootElement)) _errors.Add($"{answer.RootElement.GetProperty("params")}");
        }
    }

    private static bool IsError(JsonElement message) =>
        message.TryGetProperty("method", out JsonElement method) && method.GetString() switch
        {
            "Runtime.exceptionThrown" => true,
            "Runtime.consoleAPICalled" => message.GetProperty("params").GetProperty("type").GetString() == "error",
            "Log.entryAdded" => message.GetProperty("params").GetProperty("entry").GetProperty("level").GetString() == "error",
            _ => false,
        };
}
