using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Workerman.Benchmarks;

/// <summary>
/// What the clients of <see cref="Soak"/> do: each method is one visit from connecting to leaving, and throws if the server does
/// not behave. Any number of visits run side by side; the tally is theirs together.
/// </summary>
internal sealed class SoakWork(IPEndPoint server, Attacks attacks, CancellationToken stop)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: soak\r\n\r\n";
    private const int Pipelined = 16;

    private static readonly string Batch = string.Concat(Enumerable.Repeat(Get, Pipelined));

    private long _answers;
    private long _events;
    private long _uploads;
    private long _aborted;
    private long _resumed;
    private long _slow;
    private long _hostile;

    public string Tally =>
        $"{_answers} answers, {_events} events, {_resumed} resumed streams, {_uploads} uploads, {_aborted} aborted, "
        + $"{_slow} slow clients, {_hostile} attacks";

    /// <summary>One of the attacks, for two seconds; whether the server cuts it off is not asked.</summary>
    public async Task Hostile(Random random)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        end.CancelAfter(TimeSpan.FromSeconds(2));
        AttackKind[] kinds = [.. Attacks.All.Where(kind => kind.Clients > 0)];
        try
        {
            await kinds[random.Next(kinds.Length)].Run(attacks, end.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // It has been cut off, or its time is over.
        }
        Interlocked.Increment(ref _hostile);
    }

    /// <summary>Requests one after the other.</summary>
    public async Task ShortRequests(Random random)
    {
        using SoakClient client = await SoakClient.Connect(server);
        for (int i = random.Next(1, 50); i > 0 && !stop.IsCancellationRequested; i--)
        {
            await client.Send(Get);
            await ExpectHello(client);
            await Pause(random, 40);
        }
        if (random.Next(4) == 0) client.Reset();
    }

    /// <summary>Sixteen requests a write.</summary>
    public async Task PipelinedRequests(Random random)
    {
        using SoakClient client = await SoakClient.Connect(server);
        for (int i = random.Next(1, 20); i > 0 && !stop.IsCancellationRequested; i--)
        {
            await client.Send(Batch);
            for (int answer = 0; answer < Pipelined; answer++) await ExpectHello(client);
            await Pause(random, 100);
        }
        // Now and then it leaves with the answers on their way.
        if (random.Next(4) == 0) await client.Send(Batch);
    }

    /// <summary>A stream with a timer of its own, left after some events.</summary>
    public async Task TimerStream(Random random)
    {
        using SoakClient client = await SoakClient.Connect(server);
        await client.Send("GET /timer HTTP/1.1\r\nHost: soak\r\nAccept: text/event-stream\r\n\r\n");
        await client.ReadStreamHead();
        int last = random.Next(1, 30);
        for (int number = 1; number <= last && !stop.IsCancellationRequested; number++)
        {
            string[] block = await client.ReadBlock();
            if (block is not ["event: number", var data] || data != $"data: {number}")
                throw new SoakException($"event {number} of a timer is: {string.Join(" | ", block)}");
            Interlocked.Increment(ref _events);
        }
        if (random.Next(2) == 0) client.Reset();
    }

    /// <summary>
    /// A subscription that is cut off at random and resumed by the last id, some times: it sees each number once.
    /// </summary>
    public async Task Subscription(Random random)
    {
        string? lastId = null;
        long lastNumber = 0;
        for (int visits = random.Next(1, 5); visits > 0 && !stop.IsCancellationRequested; visits--)
        {
            using SoakClient client = await SoakClient.Connect(server);
            if (lastId is not null) Interlocked.Increment(ref _resumed);
            string resume = lastId is null ? "" : $"Last-Event-ID: {lastId}\r\n";
            await client.Send($"GET /stream HTTP/1.1\r\nHost: soak\r\nAccept: text/event-stream\r\n{resume}\r\n");
            await client.ReadStreamHead();
            for (int i = random.Next(1, 20); i > 0 && !stop.IsCancellationRequested; i--)
            {
                long? number = null;
                foreach (string line in await client.ReadBlock())
                {
                    if (line.StartsWith("id: ", StringComparison.Ordinal)) lastId = line[4..];
                    if (line.StartsWith("data: ", StringComparison.Ordinal))
                        number = long.Parse(line.AsSpan(6), CultureInfo.InvariantCulture);
                    if (line == "event: gap") throw new SoakException("a stream that came back at once is told of a gap");
                }
                if (number is null) continue;
                if (lastNumber > 0 && number != lastNumber + 1)
                    throw new SoakException($"event {number} follows event {lastNumber}");
                lastNumber = number.Value;
                Interlocked.Increment(ref _events);
            }
            if (random.Next(2) == 0) client.Reset();
            client.Dispose();
            await Pause(random, 1000);
        }
    }

    /// <summary>Uploads that are answered with what arrived, a few on a connection.</summary>
    public async Task Uploads(Random random)
    {
        using SoakClient client = await SoakClient.Connect(server);
        for (int i = random.Next(1, 5); i > 0 && !stop.IsCancellationRequested; i--)
        {
            var upload = new SoakUpload(random);
            await SendInPieces(client, upload.Bytes, random);
            string answer = await client.ReadAnswer();
            if (answer != upload.Expected) throw new SoakException($"an upload of {upload.Expected} is answered with {answer}");
            Interlocked.Increment(ref _uploads);
            await Pause(random, 100);
        }
    }

    /// <summary>An upload that breaks off in the middle, in order or not.</summary>
    public async Task AbortedUpload(Random random)
    {
        using SoakClient client = await SoakClient.Connect(server);
        byte[] bytes = new SoakUpload(random).Bytes;
        await SendInPieces(client, bytes.AsMemory(0, random.Next(1, bytes.Length)), random);
        await Pause(random, 50);
        if (random.Next(2) == 0) client.Reset();
        Interlocked.Increment(ref _aborted);
    }

    /// <summary>
    /// One of three that are slow: it sends byte after byte, takes nothing of a large answer, or nothing of a stream.
    /// </summary>
    public async Task Slow(Random random)
    {
        int kind = random.Next(3);
        using SoakClient client = await SoakClient.Connect(server, kind == 0 ? 0 : 4096);
        Interlocked.Increment(ref _slow);
        if (kind == 0)
        {
            for (int i = 0; i < Get.Length && !stop.IsCancellationRequested; i++)
            {
                await client.Send(Get[i].ToString());
                await Pause(random, 200);
            }
            if (!stop.IsCancellationRequested) await ExpectHello(client);
            return;
        }
        await client.Send(kind == 1 ? "GET /large HTTP/1.1\r\nHost: soak\r\n\r\n"
            : "GET /stream HTTP/1.1\r\nHost: soak\r\nAccept: text/event-stream\r\n\r\n");
        await Pause(random, 16_000);
        if (random.Next(2) == 0) client.Reset();
    }

    private static async Task SendInPieces(SoakClient client, ReadOnlyMemory<byte> bytes, Random random)
    {
        while (!bytes.IsEmpty)
        {
            int count = Math.Min(bytes.Length, random.Next(1, 64 * 1024));
            await client.Send(bytes[..count]);
            bytes = bytes[count..];
            await Task.Delay(random.Next(10), CancellationToken.None);
        }
    }

    private async Task ExpectHello(SoakClient client)
    {
        string body = await client.ReadAnswer();
        if (body != "Hello, World!") throw new SoakException($"hello is answered with {body}");
        Interlocked.Increment(ref _answers);
    }

    /// <summary>Up to so many milliseconds, fewer if the load ends.</summary>
    private async Task Pause(Random random, int most)
    {
        try
        {
            await Task.Delay(random.Next(most), stop);
        }
        catch (OperationCanceledException)
        {
            // The visit ends where it looks for it.
        }
    }
}
