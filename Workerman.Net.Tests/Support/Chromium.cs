using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;

namespace Workerman.Tests.Support;

/// <summary>
/// A page of a headless Chromium, in which JavaScript is run over the DevTools protocol: what a person does in the browser's
/// console. It shares neither cookies nor connections with another page.
/// </summary>
internal sealed class Chromium : IAsyncDisposable
{
    private static readonly string[] Names = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private readonly ChromiumProcess _browser;
    private readonly bool _isOwn;
    private readonly string _context;
    private readonly DevTools _tools;

    private Chromium(ChromiumProcess browser, bool isOwn, string context, DevTools tools) =>
        (_browser, _isOwn, _context, _tools) = (browser, isOwn, context, tools);

    /// <summary>Where Chromium is, or null.</summary>
    public static string? Path => Names.FirstOrDefault(File.Exists);

    /// <summary>
    /// The errors that the console shows, up to the last <see cref="Evaluate"/>: exceptions, <c>console.error</c>, and what the
    /// browser itself complains of.
    /// </summary>
    public IReadOnlyList<string> Errors => _tools.Errors;

    /// <param name="page">What to open.</param>
    /// <param name="more">Arguments of its command line: the page has a browser of its own then.</param>
    public static async Task<Chromium> Open(Uri page, params string[] more)
    {
        bool isOwn = more.Length > 0;
        ChromiumProcess browser = isOwn ? await ChromiumProcess.Start(more) : await ChromiumProcess.OfAll();
        JsonElement made = await browser.Call("Target.createBrowserContext", new { });
        string context = made.GetProperty("browserContextId").GetString()!;
        JsonElement target =
            await browser.Call("Target.createTarget", new { url = page.AbsoluteUri, browserContextId = context });
        DevTools tools = await browser.Connect($"/devtools/page/{target.GetProperty("targetId").GetString()}");
        var chromium = new Chromium(browser, isOwn, context, tools);
        // From now on the console's entries come, those of before first.
        await tools.Call("Runtime.enable", new { });
        await tools.Call("Log.enable", new { });
        // The target is there before its document is loaded.
        string ready = $"location.href === '{page.AbsoluteUri}' && document.readyState === 'complete'";
        long end = Environment.TickCount64 + (long)Wait.Limit.TotalMilliseconds;
        while (await chromium.Evaluate(ready) != "True" && Environment.TickCount64 < end) await Task.Delay(20);
        return chromium;
    }

    /// <summary>Runs an expression, awaits it if it is a promise, and gives its value back as text.</summary>
    public async Task<string?> Evaluate(string expression)
    {
        JsonElement answer = await _tools.Call("Runtime.evaluate", new { expression, awaitPromise = true, returnByValue = true });
        if (answer.TryGetProperty("exceptionDetails", out JsonElement details)) Assert.Fail($"the script failed: {details}");
        return answer.GetProperty("result").TryGetProperty("value", out JsonElement value) ? value.ToString() : null;
    }

    public async ValueTask DisposeAsync()
    {
        _tools.Dispose();
        if (_isOwn) await _browser.DisposeAsync();
        else await _browser.Call("Target.disposeBrowserContext", new { browserContextId = _context });
    }
}

/// <summary>
/// The process of a browser. One is for all pages of the tests, from the first that is opened until the suite ends: to start it
/// takes longer than most of what is done with it.
/// </summary>
internal sealed class ChromiumProcess : IAsyncDisposable
{
    private static readonly Lock Gate = new();
    private static Task<ChromiumProcess>? _ofAll;

    private readonly Process _process;
    private readonly string _profile;
    private string _port = "";
    private DevTools? _tools;

    private ChromiumProcess(Process process, string profile) => (_process, _profile) = (process, profile);

    public static Task<ChromiumProcess> OfAll()
    {
        lock (Gate) return _ofAll ??= Start();
    }

    /// <summary>No page is opened any more.</summary>
    public static async Task Quit()
    {
        if (_ofAll is { IsCompletedSuccessfully: true }) await _ofAll.Result.DisposeAsync();
    }

    public static async Task<ChromiumProcess> Start(params string[] more)
    {
        string profile = Directory.CreateTempSubdirectory("workerman-chromium-").FullName;
        string[] arguments =
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-port=0",
            // Pages that are not in front are as quick as the one that is.
            "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
            "--disable-backgrounding-occluded-windows", $"--user-data-dir={profile}", .. more,
        ];
        var start = new ProcessStartInfo(Chromium.Path!, arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        // It is killed, and would leave what it keeps there.
        start.Environment["TMPDIR"] = profile;
        var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.OutputDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        var browser = new ChromiumProcess(process, profile);
        try
        {
            string file = Path.Combine(profile, "DevToolsActivePort");
            await Wait.Until(() => File.Exists(file) && File.ReadAllLines(file).Length > 1, "Chromium's DevTools port");
            string[] lines = File.ReadAllLines(file);
            browser._port = lines[0];
            browser._tools = await browser.Connect(lines[1]);
            return browser;
        }
        catch
        {
            await browser.DisposeAsync();
            throw;
        }
    }

    public Task<JsonElement> Call(string method, object parameters) => _tools!.Call(method, parameters);

    public Task<DevTools> Connect(string path) => DevTools.Connect(new Uri($"ws://127.0.0.1:{_port}{path}"));

    public async ValueTask DisposeAsync()
    {
        _tools?.Dispose();
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
}

/// <summary>A connection of the DevTools protocol, to a browser or a page: one call after the other, from any thread.</summary>
internal sealed class DevTools : IDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _turn = new(1);
    private readonly List<string> _errors = [];
    private readonly byte[] _buffer = new byte[1024 * 1024];
    private int _lastId;

    /// <summary>The errors that were told up to the last call.</summary>
    public IReadOnlyList<string> Errors => _errors;

    public static async Task<DevTools> Connect(Uri address)
    {
        var tools = new DevTools();
        using var limit = new CancellationTokenSource(Wait.Limit);
        await tools._socket.ConnectAsync(address, limit.Token);
        return tools;
    }

    public async Task<JsonElement> Call(string method, object parameters)
    {
        using var limit = new CancellationTokenSource(Wait.Limit);
        await _turn.WaitAsync(limit.Token);
        try
        {
            int id = ++_lastId;
            byte[] message = JsonSerializer.SerializeToUtf8Bytes(new { id, method, @params = parameters });
            await _socket.SendAsync(message, WebSocketMessageType.Text, endOfMessage: true, limit.Token);
            while (true)
            {
                using JsonDocument answer = await Receive(limit.Token);
                if (answer.RootElement.TryGetProperty("id", out JsonElement answered) && answered.GetInt32() == id)
                    return answer.RootElement.TryGetProperty("result",
                        out JsonElement result) ? result.Clone() : throw new InvalidOperationException($"{answer.RootElement}");
                if (IsError(answer.RootElement)) _errors.Add($"{answer.RootElement.GetProperty("params")}");
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _turn.Dispose();
    }

    private async Task<JsonDocument> Receive(CancellationToken limit)
    {
        int length = 0;
        ValueWebSocketReceiveResult part;
        do
        {
            part = await _socket.ReceiveAsync(_buffer.AsMemory(length), limit);
            length += part.Count;
        }
        while (!part.EndOfMessage);
        return JsonDocument.Parse(_buffer.AsMemory(0, length));
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
