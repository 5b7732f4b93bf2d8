using System.Net.Sockets;
using System.Text;

namespace Workerman.Tests.EventStreams;

/// <summary>
/// Reads whole blocks off a stream that may be cut off anywhere, and keeps the id to come back with, as an <c>EventSource</c>
/// does.
/// </summary>
internal sealed class ResumingReader(Socket socket, string? lastEventId)
{
    private readonly byte[] _buffer = new byte[16 * 1024];
    private readonly StringBuilder _text = new();
    private bool _isHeadRead;

    public ResumingReader(EventClient client)
        : this(client.Raw.Socket, client.LastEventId) => _isHeadRead = true;

    public string? LastEventId { get; private set; } = lastEventId;

    /// <summary>The events until the connection ends, in whatever way.</summary>
    public List<Block> ReadToEnd()
    {
        var events = new List<Block>();
        while (TryRead(events))
        {
        }
        return events;
    }

    /// <summary>Receives once and adds the events that are complete.</summary>
    /// <returns>False if the connection has ended.</returns>
    public bool TryRead(List<Block> events)
    {
        try
        {
            int count = socket.Receive(_buffer);
            if (count == 0) return false;
            _text.Append(Encoding.UTF8.GetString(_buffer, 0, count));
        }
        catch (SocketException e) when (e.SocketErrorCode != SocketError.TimedOut)
        {
            return false;
        }
        string text = _text.ToString();
        int start = 0;
        if (!_isHeadRead)
        {
            int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end < 0) return true;
            _isHeadRead = true;
            start = end + 4;
        }
        for (int end; (end = text.IndexOf("\n\n", start, StringComparison.Ordinal)) >= 0; start = end + 2)
        {
            var block = Block.Parse(text[start..end]);
            if (block.Id is not null) LastEventId = block.Id;
            if (block.IsEvent) events.Add(block);
        }
        _text.Remove(0, start);
        return true;
    }
}
