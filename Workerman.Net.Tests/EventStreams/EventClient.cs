using System.Net;
using System.Text;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>A block of an event stream as a browser reads it: what it dispatches, or only takes note of.</summary>
internal sealed record Block(string? Event, string? Data, string? Id, int? Retry, string? Comment)
{
    public bool IsEvent => Data is not null;

    public static Block Parse(string text)
    {
        Dictionary<string, string> fields = [];
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            int colon = line.IndexOf(':');
            string name = line[..colon];
            string value = line[(colon + 1)..];
            if (value.StartsWith(' ')) value = value[1..];
            fields[name] = name == "data" && fields.TryGetValue(name, out string? before) ? before + "\n" + value : value;
        }
        return new Block(
            fields.GetValueOrDefault("event"), fields.GetValueOrDefault("data"), fields.GetValueOrDefault("id"),
            fields.TryGetValue("retry", out string? retry) ? int.Parse(retry, null) : null, fields.GetValueOrDefault(""));
    }
}

/// <summary>
/// A client of an event stream on a socket of its own, which remembers the last id as an <c>EventSource</c> does.
/// </summary>
internal sealed class EventClient : IDisposable
{
    private readonly RawClient _client;

    public EventClient(IPEndPoint endPoint, string? lastEventId = null, string query = "", int receiveBufferSize = 0)
    {
        _client = new RawClient(endPoint, receiveBufferSize);
        LastEventId = lastEventId;
        string header = lastEventId is null ? "" : $"Last-Event-ID: {lastEventId}\r\n";
        if (receiveBufferSize > 0) header += "X-Tight: yes\r\n";
        _client.Send(Encoding.UTF8.GetBytes($"GET /{query} HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n{header}\r\n"));
    }

    public RawClient Raw => _client;

    /// <summary>What it would come back with.</summary>
    public string? LastEventId { get; private set; }

    public string ReadHead() => _client.ReadUntil("\r\n\r\n");

    /// <summary>The next block, whatever it is.</summary>
    public Block Next()
    {
        var block = Block.Parse(_client.ReadUntil("\n\n"));
        if (block.Id is not null) LastEventId = block.Id;
        return block;
    }

    /// <summary>The next event.</summary>
    public Block NextEvent()
    {
        long end = Environment.TickCount64 + (long)Wait.Limit.TotalMilliseconds;
        while (true)
        {
            if (Next() is { IsEvent: true } block) return block;
            // Signs of life come for ever.
            if (Environment.TickCount64 > end)
                Assert.Fail($"no event for {Wait.Limit.TotalSeconds} s; the last was {LastEventId}");
        }
    }

    /// <summary>The data of the next events.</summary>
    public string[] Data(int count) => [.. Enumerable.Range(0, count).Select(_ => NextEvent().Data!)];

    /// <summary>All that is left until the server closes.</summary>
    public List<Block> ToEnd()
    {
        string[] texts = _client.ReadToEnd().Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        return [.. texts.Select(Block.Parse)];
    }

    public void Dispose() => _client.Dispose();
}
