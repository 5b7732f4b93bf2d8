using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Workerman.Tests.Support;

/// <summary>A client that speaks bytes: it sends what it is told and reads what comes, and never waits for ever.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly List<byte> _received = [];

    public RawClient(EndPoint endPoint, int receiveBufferSize = 0)
    {
        Socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        if (endPoint is IPEndPoint) Socket.NoDelay = true;
        if (receiveBufferSize > 0) Socket.ReceiveBufferSize = receiveBufferSize;
        SendWithoutPacing(Socket);
        Socket.ReceiveTimeout = Socket.SendTimeout = (int)Wait.Limit.TotalMilliseconds;
        Socket.Connect(endPoint);
    }

    /// <summary>The other end of a connection that was accepted.</summary>
    public RawClient(Socket accepted)
    {
        Socket = accepted;
        SendWithoutPacing(accepted);
        Socket.ReceiveTimeout = Socket.SendTimeout = (int)Wait.Limit.TotalMilliseconds;
    }

    public Socket Socket { get; }

    /// <summary>Whether its system takes no more bytes to send, because the peer leaves what has come unread.</summary>
    public bool IsHeldUp => !Socket.Poll(0, SelectMode.SelectWrite);

    /// <summary>
    /// Where the system's congestion control is BBR, it measures a busy machine as a slow network, and paces what is sent by
    /// that. TCP_CONGESTION is option 13 of level 6 on Linux; reno is always there.
    /// </summary>
    private static void SendWithoutPacing(Socket socket)
    {
        if (OperatingSystem.IsLinux() && socket.AddressFamily != AddressFamily.Unix)
            socket.SetRawSocketOption(6, 13, "reno"u8);
    }

    /// <summary>Whether anybody listens there.</summary>
    public static bool CanConnect(IPEndPoint endPoint)
    {
        try
        {
            using var client = new TcpClient();
            client.Connect(endPoint);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public RawClient Send(string text) => Send(Encoding.Latin1.GetBytes(text));

    public RawClient Send(byte[] bytes)
    {
        for (int sent = 0; sent < bytes.Length;) sent += Socket.Send(bytes.AsSpan(sent));
        return this;
    }

    /// <summary>Sends in pieces, each on its own way before the next.</summary>
    public RawClient Send(string text, Fragmentation fragmentation) => Send(Encoding.Latin1.GetBytes(text), fragmentation);

    /// <inheritdoc cref="Send(string, Fragmentation)"/>
    public RawClient Send(byte[] bytes, Fragmentation fragmentation)
    {
        foreach (Range piece in fragmentation.Cut(bytes.Length)) Send(bytes[piece]);
        return this;
    }

    public RawClient HalfClose()
    {
        Socket.Shutdown(SocketShutdown.Send);
        return this;
    }

    /// <summary>Resets the connection.</summary>
    public void Reset()
    {
        Socket.LingerState = new LingerOption(true, 0);
        Socket.Close();
    }

    /// <summary>Everything until the server closes.</summary>
    public string ReadToEnd()
    {
        while (Receive() > 0)
        {
        }
        return Take(_received.Count);
    }

    public string ReadExactly(int count)
    {
        while (_received.Count < count)
        {
            if (Receive() == 0) Assert.Fail($"the server closed after: {Take(_received.Count)}");
        }
        return Take(count);
    }

    public string ReadUntil(string mark)
    {
        int end;
        byte[] wanted = Encoding.Latin1.GetBytes(mark);
        long last = Environment.TickCount64 + 3 * (long)Wait.Limit.TotalMilliseconds;
        while ((end = CollectionsMarshal.AsSpan(_received).IndexOf(wanted)) < 0)
        {
            if (Receive() == 0) Assert.Fail($"the server closed before '{mark}': {Take(_received.Count)}");
            // A stream with signs of life never falls silent.
            if (Environment.TickCount64 > last) Assert.Fail($"waited in vain for '{mark}': {Take(_received.Count)}");
        }
        return Take(end + mark.Length);
    }

    /// <summary>One response with a Content-Length, or only its head.</summary>
    public (int Status, string Head, string Body) ReadResponse(bool headOnly = false)
    {
        string head = ReadUntil("\r\n\r\n");
        int status = int.Parse(head.AsSpan(9, 3), null);
        string? length = head.Split("\r\n")
            .FirstOrDefault(line => line.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase))?[16..];
        return (status, head, headOnly || length is null ? "" : ReadExactly(int.Parse(length, null)));
    }

    /// <summary>True when the server has closed its side, in order.</summary>
    public bool IsAtEnd() => _received.Count == 0 && Receive() == 0;

    public int Receive()
    {
        int count = Socket.Receive(_buffer);
        _received.AddRange(_buffer.AsSpan(0, count));
        return count;
    }

    public void Dispose() => Socket.Dispose();

    private string Take(int count)
    {
        string text = Encoding.Latin1.GetString([.. _received[..count]]);
        _received.RemoveRange(0, count);
        return text;
    }
}
