using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Workerman.Benchmarks.Profiles;

/// <summary>
/// <c>profile FILE.mibc [--seconds N]</c>: what the package gives the compiler ahead of time. Servers (<see cref="Serve"/>) run
/// in processes whose runtime counts which ways the library's code takes, each under some seconds of the work that it is there
/// for: short, pipelined and browsers' requests, uploads, TLS, event streams, WebSocket, with io_uring and without. What they
/// have counted in a method is added up. Linux.
/// </summary>
internal static partial class ProfileRun
{
    private const int Clients = 16;

    private static readonly string Upload =
        $"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n{new string('x', 20_000)}";

    public static int Run(string[] args) => RunAsync(args).GetAwaiter().GetResult();

    private static async Task<int> RunAsync(string[] args)
    {
        if (args is not [var output, ..] || output.StartsWith('-'))
        {
            await Console.Error.WriteLineAsync("profile FILE.mibc [--seconds N]");
            return 2;
        }
        var time = TimeSpan.FromSeconds(Arguments.Integer(args, "--seconds", 3));
        try
        {
            // What cannot be written is found out before the work.
            File.OpenWrite(output).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"{output}: {e.Message}");
            return 1;
        }
        List<ProfiledMethod> counted = [];
        foreach (string[] ring in (string[][])[[], ["--no-io-uring"]])
        {
            await Train(counted, ["--port", "0", "--sse-interval-ms", "5", .. ring], async server =>
            {
                await Each(server.Http, time, Requests.Short, 1);
                await Each(server.Http, time, Requests.Short, 16);
                await Task.WhenAll(Streams(server.Http, time), Echo(server.WebSocket, time));
            });
            await Train(counted, ["--port", "0", "--broadcast-ms", "5", .. ring], server => Streams(server.Http, time));
            await Train(counted, ["--port", "0", "--browser", .. ring], server => Each(server.Http, time, Requests.Browser, 1));
            await Train(counted, ["--port", "0", "--uploads", "memory", .. ring], server => Each(server.Http, time, Upload, 1));
            await Train(counted, ["--port", "0", "--tls", "--browser", .. ring], server => Encrypted(server.Http, time));
        }
        Write(output, counted);
        return 0;
    }

    private static void Write(string output, List<ProfiledMethod> counted)
    {
        var mibc = new MibcFile();
        using var library = new ProfiledAssembly(typeof(Worker).Assembly.Location, mibc);
        int taken = counted.Where(static method => method.HasRun)
            .GroupBy(static method => (method.Name, method.Parameters, method.Size))
            .Select(static alike => alike.Aggregate(static (sum, one) => sum.Add(one)))
            .OrderBy(static method => method.Name, StringComparer.Ordinal)
            .Count(library.TryAdd);
        File.WriteAllBytes(output, mibc.Build(library.Name));
        Console.WriteLine($"{taken} methods of {library.Name}");
    }

    /// <summary>Runs a server under a work to its end, and reads what its runtime has counted.</summary>
    private static async Task Train(List<ProfiledMethod> counted, string[] options, Func<ProfiledServer, Task> work)
    {
        Console.WriteLine($"serve {string.Join(' ', options)}");
        string text = Path.GetTempFileName();
        try
        {
            using (var server = new ProfiledServer(options, text)) await work(server);
            counted.AddRange(ProfileText.Read(text));
        }
        finally
        {
            File.Delete(text);
        }
    }

    /// <summary>Sends a request several times at once, and again when all answers are there.</summary>
    private static Task Each(IPEndPoint server, TimeSpan time, string request, int times) => Visit(async _ =>
    {
        using Socket socket = await Connect(server);
        byte[] one = Encoding.ASCII.GetBytes(request);
        byte[] several = [.. Enumerable.Repeat(one, times).SelectMany(static bytes => bytes)];
        byte[] answer = new byte[4096];
        await socket.SendAsync(one);
        int length = await Receive(socket, answer);
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < time;)
        {
            await socket.SendAsync(several);
            for (int left = length * times; left > 0;)
                left -= await Receive(socket, answer.AsMemory(0, Math.Min(left, answer.Length)));
        }
    });

    private static Task Streams(IPEndPoint server, TimeSpan time) => Visit(async _ =>
    {
        using Socket socket = await Connect(server);
        await socket.SendAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n"));
        byte[] events = new byte[4096];
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < time;) await Receive(socket, events);
    });

    private static Task Echo(IPEndPoint server, TimeSpan time) => Visit(async _ =>
    {
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://{server}"), CancellationToken.None);
        byte[] message = new byte[32];
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < time;)
        {
            await socket.SendAsync(message, WebSocketMessageType.Binary, true, CancellationToken.None);
            await socket.ReceiveAsync(message, CancellationToken.None);
        }
    });

    private static async Task Encrypted(IPEndPoint server, TimeSpan time)
    {
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true };
        using var http = new HttpClient(handler) { BaseAddress = new Uri($"https://{server}") };
        http.DefaultRequestHeaders.Add("User-Agent", "Mozilla/5.0");
        http.DefaultRequestHeaders.Add("Accept-Language", "en-GB,en;q=0.9");
        http.DefaultRequestHeaders.Add("Cookie", "session=0123456789abcdef; theme=dark");
        await Visit(async _ =>
        {
            for (var clock = Stopwatch.StartNew(); clock.Elapsed < time;) await http.GetStringAsync("/");
        });
    }

    private static Task Visit(Func<int, Task> visit) => Task.WhenAll(Enumerable.Range(0, Clients).Select(visit));

    private static async Task<Socket> Connect(IPEndPoint server)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(server);
        return socket;
    }

    private static async Task<int> Receive(Socket socket, Memory<byte> buffer)
    {
        int count = await socket.ReceiveAsync(buffer);
        return count > 0 ? count : throw new IOException("The server has closed the connection.");
    }

    /// <summary>A server whose runtime counts, and writes at its end.</summary>
    private sealed partial class ProfiledServer : IDisposable
    {
        private readonly Process _process;

        public ProfiledServer(string[] options, string text)
        {
            var start = new ProcessStartInfo("dotnet", [typeof(Serve).Assembly.Location, "serve", .. options])
            {
                RedirectStandardOutput = true,
                // Counted is from the first call on, in what was compiled beforehand too, and for 4096 calls (hexadecimal).
                Environment =
                {
                    ["DOTNET_TieredPGO"] = "1",
                    ["DOTNET_TieredPGO_InstrumentOnlyHotCode"] = "0",
                    ["DOTNET_TC_CallCountThreshold"] = "1000",
                    ["DOTNET_WritePGOData"] = "1",
                    ["DOTNET_PGODataPath"] = text,
                },
            };
            _process = Process.Start(start)!;
            string banner = "";
            while (!banner.Contains("Start success", StringComparison.Ordinal))
            {
                string? line = _process.StandardOutput.ReadLine();
                banner += line is null ? throw new InvalidOperationException($"No start: {banner}") : line + "\n";
            }
            IPEndPoint[] listening = [.. Listening().Matches(banner).Select(static row => IPEndPoint.Parse(row.Groups[1].Value))];
            (Http, WebSocket) = (listening[0], listening[1]);
        }

        public IPEndPoint Http { get; }

        public IPEndPoint WebSocket { get; }

        public void Dispose()
        {
            using (Process end = Process.Start("kill", ["-TERM", $"{_process.Id}"])) end.WaitForExit();
            _process.WaitForExit();
            _process.Dispose();
        }

        [GeneratedRegex(@"\w+://([0-9.:]+)")]
        private static partial Regex Listening();
    }
}
