using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Workerman.Benchmarks;

/// <summary>
/// One connection of the load of <see cref="Soak"/>: it sends bytes, reads answers and events, and throws on anything that it
/// did not expect, an early end and a minute of silence included.
/// </summary>
internal sealed class SoakClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    private SoakClient()
    {
    }

    public static async Task<SoakClient> Connect(IPEndPoint server, int receiveBufferSize = 0)
    {
        var client = new SoakClient();
        if (receiveBufferSize > 0) client._socket.ReceiveBufferSize = receiveBufferSize;
        try
        {
            using var patience = new CancellationTokenSource(Patience);
            await client._socket.ConnectAsync(server, patience.Token);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    public Task Send(string text) => Send(Encoding.ASCII.GetBytes(text));

    public async Task Send(ReadOnlyMemory<byte> bytes)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!bytes.IsEmpty) bytes = bytes[await _socket.SendAsync(bytes, patience.Token)..];
    }

    /// <summary>The body of a 200 with its length.</summary>
    public async Task<string> ReadAnswer()
    {
        string head = await ReadUntil("\r\n\r\n");
        if (!head.StartsWith("HTTP/1.1 200 OK\r\n", StringComparison.Ordinal))
            throw new SoakException($"an answer that is no 200: {head}");
        const string Field = "\r\nContent-Length: ";
        int at = head.IndexOf(Field, StringComparison.Ordinal);
        if (at < 0) throw new SoakException($"an answer without a length: {head}");
        string number = head[(at + Field.Length)..head.IndexOf('\r', at + Field.Length)];
        return await ReadExactly(int.Parse(number, CultureInfo.InvariantCulture));
    }

    public async Task ReadStreamHead()
    {
        string head = await ReadUntil("\r\n\r\n");
        if (!head.StartsWith("HTTP/1.1 200 OK\r\n", StringComparison.Ordinal)
            || !head.Contains("Content-Type: text/event-stream\r\n", StringComparison.Ordinal))
            throw new SoakException($"an answer that is no event stream: {head}");
    }

    /// <summary>The next block of a stream: its lines, without the empty one.</summary>
    public async Task<string[]> ReadBlock()
    {
        while (true)
        {
            string block = (await ReadUntil("\n\n")).Trim('\r', '\n');
            // Blank lines around the head's end, as the manual's example sends them.
            if (block.Length > 0) return block.Split('\n');
        }
    }

    /// <summary>Closes with a reset, as a client that crashes.</summary>
    public void Reset() => _socket.LingerState = new LingerOption(true, 0);

    public void Dispose() => _socket.Dispose();

    private async Task<string> ReadUntil(string mark)
    {
        byte[] wanted = Encoding.ASCII.GetBytes(mark);
        int at;
        while ((at = _buffer.AsSpan(_start, _end - _start).IndexOf(wanted)) < 0) await Receive();
        return Take(at + wanted.Length);
    }

    private async Task<string> ReadExactly(int count)
    {
        while (_end - _start < count) await Receive();
        return Take(count);
    }

    private async Task Receive()
    {
        if (_end == _buffer.Length)
        {
            if (_start == 0) Array.Resize(ref _buffer, 2 * _buffer.Length);
            else _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }
        using var patience = new CancellationTokenSource(Patience);
        int count = await _socket.ReceiveAsync(_buffer.AsMemory(_end), patience.Token);
        if (count == 0) throw new SoakException($"the server closed after: {Take(_end - _start)}");
        _end += count;
    }

    private string Take(int count)
    {
        string text = Encoding.Latin1.GetString(_buffer, _start, count);
        _start += count;
        if (_start == _end) _start = _end = 0;
        return text;
    }
}
