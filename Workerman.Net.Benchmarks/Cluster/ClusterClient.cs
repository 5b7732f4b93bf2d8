using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Workerman.Benchmarks;

/// <summary>
/// A browser, as far as event streams go: it connects, remembers the id of the last event, and connects again with it when it is
/// cut. What it gets it checks against the <see cref="ClusterRecord"/>. It runs on the thread pool; <see cref="Cut"/> on any
/// thread.
/// </summary>
internal sealed class ClusterClient(IPEndPoint server, ClusterRecord record)
{
    private readonly byte[] _buffer = new byte[32 * 1024];
    private Socket? _socket;
    private string? _lastId;
    private int _length;

    /// <summary>Number of the last event that it got.</summary>
    public long Number { get; private set; }

    /// <summary>Whether it has an id to resume by.</summary>
    public bool HasPlace => Volatile.Read(ref _lastId) is not null;

    /// <summary>How often it was told that events are missing.</summary>
    public int Gaps { get; private set; }

    public void Cut()
    {
        try
        {
            _socket?.Close(0);
        }
        catch (ObjectDisposedException)
        {
            // It has just been cut.
        }
    }

    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await StreamAsync(stop);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // Cut off, or over.
            }
            await Task.Delay(Random.Shared.Next(20, 400), stop).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    private async Task StreamAsync(CancellationToken stop)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        _socket = socket;
        await socket.ConnectAsync(server, stop);
        string id = _lastId is null ? "" : $"Last-Event-ID: {_lastId}\r\n";
        // HTTP/1.0, so that nginx sends the stream as it is, and not in chunks.
        string request = $"GET / HTTP/1.0\r\nHost: a\r\nAccept: text/event-stream\r\n{id}\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(request), stop);
        _length = 0;
        bool inBody = false;
        while (await socket.ReceiveAsync(_buffer.AsMemory(_length), stop) is var count and > 0)
        {
            _length += count;
            if (!inBody && !(inBody = SkipHead())) return;
            TakeBlocks();
        }
    }

    /// <returns>False if the answer is none of an event stream: the node behind is not there.</returns>
    private bool SkipHead()
    {
        int end = _buffer.AsSpan(0, _length).IndexOf("\r\n\r\n"u8);
        if (end < 0 || !_buffer.AsSpan(0, _length).StartsWith("HTTP/1.1 200"u8)) return false;
        Remove(end + 4);
        return true;
    }

    private void TakeBlocks()
    {
        int from = 0;
        Span<byte> all = _buffer.AsSpan(0, _length);
        while (all[from..].IndexOf("\n\n"u8) is var end and >= 0)
        {
            Take(all.Slice(from, end + 1));
            from += end + 2;
        }
        Remove(from);
    }

    private void Take(ReadOnlySpan<byte> block)
    {
        ReadOnlySpan<byte> id = Field(block, "id: "u8);
        ReadOnlySpan<byte> data = Field(block, "data: "u8);
        if (block.IndexOf("event: gap\n"u8) >= 0)
        {
            Gaps++;
            record.OnGap(Encoding.ASCII.GetString(data));
            return;
        }
        if (id.IsEmpty) return;
        Volatile.Write(ref _lastId, Encoding.ASCII.GetString(id));
        if (data.IsEmpty) return;
        string[] parts = _lastId!.Split('-');
        long number = long.Parse(parts[1], CultureInfo.InvariantCulture);
        record.OnEvent(Number, number, data);
        Number = number;
    }

    private static ReadOnlySpan<byte> Field(ReadOnlySpan<byte> block, ReadOnlySpan<byte> name)
    {
        int at = block.IndexOf(name);
        if (at < 0) return default;
        ReadOnlySpan<byte> rest = block[(at + name.Length)..];
        return rest[..rest.IndexOf((byte)'\n')];
    }

    private void Remove(int count)
    {
        _buffer.AsSpan(count, _length - count).CopyTo(_buffer);
        _length -= count;
    }
}

/// <summary>What all clients together have got: which event stands at which place, and what is wrong. Any thread.</summary>
internal sealed class ClusterRecord(int publishers, int eventsOfEach)
{
    /// <summary>By number, which event it is: publisher and count in one.</summary>
    private readonly long[] _events = new long[publishers * eventsOfEach + 1];

    private readonly int[] _delays = new int[100_000];
    private long _delivered;
    private long _lost;
    private long _doubled;
    private long _others;
    private string? _gap;

    public int EventsOfEach => eventsOfEach;

    public long Delivered => Interlocked.Read(ref _delivered);

    public long Total => _events.Length - 1;

    public void OnGap(string lastId) => _gap ??= lastId;

    public void OnEvent(long before, long number, ReadOnlySpan<byte> data)
    {
        Interlocked.Increment(ref _delivered);
        if (number <= before) Interlocked.Increment(ref _doubled);
        if (number > before + 1) Interlocked.Add(ref _lost, number - before - 1);
        if (number >= _events.Length || number < 1)
        {
            Interlocked.Increment(ref _others);
            return;
        }
        int colon = data.IndexOf((byte)':');
        ReadOnlySpan<byte> rest = data[(colon + 1)..];
        _ = Utf8Parser.TryParse(data, out int publisher, out _);
        _ = Utf8Parser.TryParse(rest, out int count, out _);
        _ = Utf8Parser.TryParse(rest[(rest.IndexOf((byte)':') + 1)..], out long time, out _);
        long one = ((long)publisher << 32) + count + 1;
        long known = Interlocked.CompareExchange(ref _events[number], one, 0);
        if (known != 0 && known != one) Interlocked.Increment(ref _others);
        double delay = Stopwatch.GetElapsedTime(time).TotalMilliseconds;
        Interlocked.Increment(ref _delays[(int)Math.Min(delay, _delays.Length - 1)]);
    }

    /// <summary>Prints what there was.</summary>
    /// <returns>Whether all is as it must be.</returns>
    public bool Report(ClusterClient[] clients, TimeSpan time)
    {
        long behind = clients.Sum(client => Math.Max(0, Total - client.Number));
        int gaps = clients.Sum(static client => client.Gaps);
        long[] order = [.. Enumerable.Range(0, eventsOfEach).Select(static i => (long)i)];
        bool inOrder = Enumerable.Range(0, publishers).All(publisher => _events.Skip(1).Where(one => one >> 32 == publisher)
            .Select(static one => (one & uint.MaxValue) - 1).SequenceEqual(order));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {clients.Length} clients, {Total} events, {_delivered} deliveries in {time.TotalSeconds:0} s
            lost {_lost}, not arrived {behind}, doubled {_doubled}, at another place {_others}, gaps {gaps} {_gap}
            each publisher's own order: {(inOrder ? "kept" : "not kept")}
            from publishing to a client: p50 {Delay(0.5)} ms, p99 {Delay(0.99)} ms, longest {Delay(1)} ms
            """));
        return _lost + behind + _doubled + _others + gaps == 0 && inOrder;
    }

    private int Delay(double part)
    {
        long rest = (long)(part * (_delivered - 1));
        for (int i = 0; i < _delays.Length; i++)
        {
            if ((rest -= _delays[i]) < 0) return i;
        }
        return _delays.Length - 1;
    }
}
