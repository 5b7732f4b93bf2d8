using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Workerman.Benchmarks;

/// <summary>One of the <see cref="Attacks"/>, with its row in the table.</summary>
/// <param name="Name">What is done.</param>
/// <param name="Clients">How many do it.</param>
/// <param name="Run">What each of them does.</param>
/// <param name="IsOursOnly">Whether the referee's Kestrel has nothing that it could be done to.</param>
internal sealed record AttackKind(string Name, int Clients, Func<Attacks, CancellationToken, Task> Run, bool IsOursOnly = false);

/// <summary>
/// What hostile clients do, for <see cref="Attack"/> and <see cref="Soak"/>: each method is one of them, from connecting until it
/// is told to stop or the server has cut it off. It knows nothing of the others. Any thread.
/// </summary>
/// <param name="http">Where the HTTP worker listens.</param>
/// <param name="webSocket">Where WebSockets are spoken.</param>
/// <param name="frame">Where <c>frame://</c> is spoken.</param>
internal sealed class Attacks(IPEndPoint http, IPEndPoint webSocket, IPEndPoint frame)
{
    private static readonly byte[] Discarded = new byte[256 * 1024];

    private static readonly byte[] WorkFlood =
        Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /work HTTP/1.1\r\nHost: a\r\n\r\n", 1680)));

    private static readonly byte[] BigFlood =
        Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /big HTTP/1.1\r\nHost: a\r\n\r\n", 200)));

    private static readonly byte[] LongPath = Get(string.Concat(Enumerable.Repeat("/a", 4050)));
    private static readonly byte[] Commas = Encoding.ASCII.GetBytes(
        $"GET / HTTP/1.1\r\nHost: a\r\nConnection: {new string(',', 15_000)}\r\nX: ");

    public static IReadOnlyList<AttackKind> All { get; } =
    [
        new("none", 0, (_, _) => Task.CompletedTask),
        new("pipelined requests of 1 ms", 1, (attacks, stop) => Flood(attacks.Http, WorkFlood, stop)),
        new("the same, 20 clients", 20, (attacks, stop) => Flood(attacks.Http, WorkFlood, stop)),
        new("the same, then a reset", 4, (attacks, stop) => attacks.FloodAndReset(stop)),
        new("answers of 1 MB to a fast reader", 1, (attacks, stop) => Flood(attacks.Http, BigFlood, stop)),
        new("WebSocket messages of 1 ms", 1, (attacks, stop) => attacks.WebSocketFlood(stop)),
        new("a head of 15,000 commas, byte by byte", 4, (attacks, stop) => attacks.Trickle(Commas, stop)),
        new("a path of 4,050 parts", 4, (attacks, stop) => attacks.Repeat(LongPath, stop)),
        new("a body in one-byte chunks", 4, (attacks, stop) => attacks.ChunkFlood(stop)),
        new("sessions without a cookie", 4, (attacks, stop) => attacks.Repeat(Get("/session"), stop), IsOursOnly: true),
        new("a deflate window of 8 bits", 2, (attacks, stop) => attacks.SmallWindow(stop), IsOursOnly: true),
        new("frames of an impossible length", 4, (attacks, stop) => attacks.BadFrames(stop), IsOursOnly: true),
        new("connections that come and go", 8, (attacks, stop) => attacks.ComeAndGo(stop)),
    ];

    public IPEndPoint Http => http;

    /// <param name="ports">The ports on 127.0.0.1 as <see cref="AttackServer"/> says them.</param>
    public static Attacks Parse(string ports)
    {
        IPEndPoint[] all = [.. ports.Split(' ')
            .Select(port => new IPEndPoint(IPAddress.Loopback, int.Parse(port, CultureInfo.InvariantCulture)))];
        return new Attacks(all[0], all[1], all[2]);
    }

    /// <summary>Sends the same bytes again and again, as fast as the server takes them, and reads whatever comes.</summary>
    public static async Task Flood(IPEndPoint server, byte[] bytes, CancellationToken stop)
    {
        using Socket socket = await Connect(server, stop);
        Task reading = Discard(socket, stop);
        while (!stop.IsCancellationRequested && !reading.IsCompleted) await SendAll(socket, bytes, stop);
    }

    /// <summary>Asks, waits for an answer and asks again.</summary>
    public async Task Repeat(byte[] request, CancellationToken stop)
    {
        using Socket socket = await Connect(http, stop);
        byte[] buffer = new byte[64 * 1024];
        while (!stop.IsCancellationRequested)
        {
            await SendAll(socket, request, stop);
            if (await socket.ReceiveAsync(buffer, stop) == 0) return;
        }
    }

    /// <summary>Leaves with all its requests on their way.</summary>
    public async Task FloodAndReset(CancellationToken stop)
    {
        using Socket socket = await Connect(http, stop);
        await SendAll(socket, WorkFlood, stop);
        await Task.Delay(5, stop);
        socket.LingerState = new LingerOption(true, 0);
    }

    /// <summary>Sends the beginning of a head, then a byte in each packet.</summary>
    public async Task Trickle(byte[] head, CancellationToken stop)
    {
        using Socket socket = await Connect(http, stop);
        await SendAll(socket, head, stop);
        byte[] one = "x"u8.ToArray();
        for (int i = 0; i < 16_000 && !stop.IsCancellationRequested; i++) await SendAll(socket, one, stop);
    }

    public async Task ChunkFlood(CancellationToken stop)
    {
        byte[] chunks = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("1\r\na\r\n", 10_000)));
        using Socket socket = await Connect(http, stop);
        Task reading = Discard(socket, stop);
        await SendAll(socket, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"u8.ToArray(), stop);
        while (!stop.IsCancellationRequested && !reading.IsCompleted) await SendAll(socket, chunks, stop);
    }

    public async Task WebSocketFlood(CancellationToken stop)
    {
        byte[] messages = [.. Enumerable.Repeat<byte[]>([0x82, 0x81, 0, 0, 0, 0, (byte)'x'], 5000).SelectMany(one => one)];
        using Socket socket = await Open(offer: null, stop);
        Task reading = Discard(socket, stop);
        while (!stop.IsCancellationRequested && !reading.IsCompleted) await SendAll(socket, messages, stop);
    }

    /// <summary>Large messages that are echoed, after an offer of the smallest window of RFC 7692 section 7.1.2.1.</summary>
    public async Task SmallWindow(CancellationToken stop)
    {
        byte[] payload = new byte[64 * 1024];
        new Random(1).NextBytes(payload);
        // Masked with zeros, so that the payload is sent as it is.
        byte[] message = [0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. payload];
        using Socket socket = await Open("permessage-deflate; server_max_window_bits=8", stop);
        Task reading = Discard(socket, stop);
        while (!stop.IsCancellationRequested && !reading.IsCompleted) await SendAll(socket, message, stop);
    }

    public async Task BadFrames(CancellationToken stop)
    {
        using Socket socket = await Connect(frame, stop);
        await SendAll(socket, new byte[4], stop);
        await Discard(socket, stop);
    }

    public async Task ComeAndGo(CancellationToken stop)
    {
        for (int i = 0; i < 100 && !stop.IsCancellationRequested; i++)
        {
            using Socket socket = await Connect(http, stop);
            socket.LingerState = new LingerOption(true, 0);
        }
    }

    public static byte[] Get(string target) => Encoding.ASCII.GetBytes($"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");

    private static async Task<Socket> Connect(IPEndPoint server, CancellationToken stop)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(server, stop);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task SendAll(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        while (!bytes.IsEmpty) bytes = bytes[await socket.SendAsync(bytes, stop)..];
    }

    /// <summary>Reads until the server ends it.</summary>
    private static async Task Discard(Socket socket, CancellationToken stop)
    {
        try
        {
            while (await socket.ReceiveAsync(Discarded, stop) > 0)
            {
                // What is received is of no interest.
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The server has cut it off, or the attack is over.
        }
    }

    private async Task<Socket> Open(string? offer, CancellationToken stop)
    {
        Socket socket = await Connect(webSocket, stop);
        string extensions = offer is null ? "" : $"Sec-WebSocket-Extensions: {offer}\r\n";
        await SendAll(socket, Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + $"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extensions}\r\n"), stop);
        if (await socket.ReceiveAsync(new byte[4096], stop) == 0) throw new SocketException((int)SocketError.ConnectionReset);
        return socket;
    }
}
