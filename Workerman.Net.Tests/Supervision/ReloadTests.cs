using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Workerman.Tests.Support;

namespace Workerman.Tests.Supervision;

/// <summary>What clients notice of a reload: nothing. Real processes, under load. Linux.</summary>
[Platform("Linux")]
[SupportedOSPlatform("linux")]
internal sealed class ReloadTests
{
    [Test]
    public Task NobodyNoticesAReload() => Run(reloads: 3, keepAlive: 8, streams: 100);

    /// <summary>The same at full size; takes about a minute.</summary>
    [Test]
    [Explicit("it takes about a minute, and both cores")]
    public Task NobodyNoticesTwentyReloads() => Run(reloads: 20, keepAlive: 64, streams: 2000);

    private static async Task Run(int reloads, int keepAlive, int streams)
    {
        using Daemon daemon = new Daemon().Start();
        IPEndPoint server = daemon.EndPointOf("serve");
        List<StreamClient> readers = [];
        for (int i = 0; i < streams; i++) readers.Add(new StreamClient(server));
        await Task.WhenAll(readers.Select(reader => reader.Opened)).WaitAsync(Wait.Limit);
        using var stop = new CancellationTokenSource();
        var load = new Load(server, stop.Token);
        Task[] clients =
        [
            .. Enumerable.Range(0, keepAlive).Select(_ => Task.Run(load.KeepAlive)),
            .. Enumerable.Range(0, 4).Select(_ => Task.Run(load.NewConnections)),
            Task.Run(load.Publish),
        ];
        List<int> workers = [daemon.Worker];
        for (int i = 0; i < reloads; i++)
        {
            daemon.Do("reload");
            workers.Add(daemon.Worker);
            await Task.Delay(300);
        }
        await stop.CancelAsync();
        await Task.WhenAll(clients).WaitAsync(Wait.Limit);
        Assert.That(load.Failures, Is.Empty);
        Assert.That(load.Answered, Is.GreaterThan(100));
        string[] all = [.. Enumerable.Range(1, load.Published).Select(number => $"n{number}")];
        foreach (StreamClient reader in readers)
        {
            await Wait.Until(() => reader.Count >= all.Length || reader.Failure is not null,
                $"events {reader.Count} of {all.Length}");
            Assert.That((reader.Failure, reader.Events.Except(all), all.Except(reader.Events)),
                Is.EqualTo(((string?)null, Array.Empty<string>(), Array.Empty<string>())));
            Assert.That(reader.Events, Is.EqualTo(all), "in order, none twice");
            reader.Dispose();
        }
        Assert.That(workers, Is.Unique);
        foreach (int worker in workers[..^1]) await Wait.Until(() => !Daemon.IsAlive(worker), "the end of an old process");
        TestContext.Out.WriteLine($"{load.Answered} answers, {load.Published} events to {streams} streams, {reloads} reloads");
    }

    /// <summary>Clients that ask all the time, and note what goes wrong. Any thread.</summary>
    private sealed class Load(IPEndPoint server, CancellationToken stop)
    {
        private readonly List<string> _failures = [];
        private int _answered;

        public int Answered => Volatile.Read(ref _answered);

        public int Published { get; private set; }

        public string[] Failures
        {
            get
            {
                lock (_failures) return [.. _failures];
            }
        }

        /// <summary>Asks on one connection for as long as the server keeps it.</summary>
        public async Task KeepAlive()
        {
            while (!stop.IsCancellationRequested)
            {
                using Socket socket = await Connect();
                while (!stop.IsCancellationRequested && await Ask(socket, "/") is { } head
                    && !head.Contains("Connection: close", StringComparison.OrdinalIgnoreCase)) continue;
            }
        }

        public async Task NewConnections()
        {
            while (!stop.IsCancellationRequested)
            {
                using Socket socket = await Connect();
                await Ask(socket, "/slow?ms=20");
            }
        }

        public async Task Publish()
        {
            while (!stop.IsCancellationRequested)
            {
                using Socket socket = await Connect();
                string number = (Published + 1).ToString(CultureInfo.InvariantCulture);
                if (await Ask(socket, $"/publish?data=n{number}") is not null) Published++;
                await Task.Delay(5);
            }
        }

        private async Task<Socket> Connect()
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(server);
            }
            catch (SocketException e)
            {
                Fail($"connect: {e.SocketErrorCode}");
            }
            return socket;
        }

        private async Task<string?> Ask(Socket socket, string path)
        {
            var received = new StringBuilder();
            byte[] buffer = new byte[4096];
            try
            {
                await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
                while (!IsWhole(received))
                {
                    int count = await socket.ReceiveAsync(buffer).WaitAsync(Wait.Limit);
                    if (count == 0)
                    {
                        Fail($"{path}: closed after {received.Length} bytes");
                        return null;
                    }
                    received.Append(Encoding.Latin1.GetString(buffer, 0, count));
                }
            }
            catch (Exception e) when (e is SocketException or TimeoutException)
            {
                Fail($"{path}: {e.Message} after {received.Length} bytes");
                return null;
            }
            string answer = received.ToString();
            if (!answer.StartsWith("HTTP/1.1 200", StringComparison.Ordinal)) Fail($"{path}: {answer}");
            Interlocked.Increment(ref _answered);
            return answer;
        }

        private static bool IsWhole(StringBuilder received)
        {
            string text = received.ToString();
            int head = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (head < 0) return false;
            const string Length = "Content-Length: ";
            int at = text.IndexOf(Length, StringComparison.Ordinal) + Length.Length;
            return text.Length - head - 4 >= int.Parse(text.AsSpan(at, text.IndexOf('\r', at) - at),
                CultureInfo.InvariantCulture);
        }

        private void Fail(string what)
        {
            if (stop.IsCancellationRequested) return;
            lock (_failures) _failures.Add(what);
        }
    }

    /// <summary>A browser's side of an event stream, which does not connect again.</summary>
    private sealed class StreamClient : IDisposable
    {
        private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp);
        private readonly List<string> _events = [];
        private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public StreamClient(IPEndPoint server) => _ = Read(server);

        public Task Opened => _opened.Task;

        public string? Failure { get; private set; }

        public int Count
        {
            get
            {
                lock (_events) return _events.Count;
            }
        }

        public string[] Events
        {
            get
            {
                lock (_events) return [.. _events];
            }
        }

        public void Dispose() => _socket.Dispose();

        private async Task Read(IPEndPoint server)
        {
            try
            {
                await _socket.ConnectAsync(server);
                await _socket.SendAsync("GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n"u8.ToArray());
                using var lines = new StreamReader(new NetworkStream(_socket));
                string last = "";
                while (await lines.ReadLineAsync() is { } line)
                {
                    if (line.Length > 0) last = line;
                    if (line.StartsWith("data: ", StringComparison.Ordinal))
                    {
                        lock (_events) _events.Add(line[6..]);
                    }
                    else if (line.StartsWith("id: ", StringComparison.Ordinal))
                    {
                        _opened.TrySetResult();
                    }
                    else if (line.StartsWith("event: ", StringComparison.Ordinal)
                        || (_opened.Task.IsCompleted && line.StartsWith("HTTP", StringComparison.Ordinal)))
                    {
                        Failure = line;
                    }
                }
                Failure ??= $"ended after {last}";
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
            {
                Failure ??= e.Message;
            }
        }
    }
}
