using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Workerman.Tests.Support;

/// <summary>
/// Stands before a Redis, and cuts a connection at the moment that hurts: Redis has got a command, and its answer is lost. Used
/// by one test; it listens at 127.0.0.1.
/// </summary>
internal sealed class RedisProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly IPEndPoint _server;
    private string? _command;
    private int _lost;

    public RedisProxy(IPEndPoint server)
    {
        _server = server;
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>For the client of Redis.</summary>
    public string Configuration => $"{_listener.LocalEndpoint},abortConnect=false,connectTimeout=1000,asyncTimeout=2000";

    /// <summary>How many answers were lost.</summary>
    public int Lost => Volatile.Read(ref _lost);

    public void LosesNextAnswerTo(string command) => Volatile.Write(ref _command, command);

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It has been disposed of.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            using var server = new TcpClient();
            await server.ConnectAsync(_server);
            Task answers = server.GetStream().CopyToAsync(client.GetStream());
            try
            {
                await Task.WhenAny(ForwardAsync(client, server), answers);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // One of the two has gone.
            }
        }
    }

    private async Task ForwardAsync(TcpClient client, TcpClient server)
    {
        var buffer = new byte[64 * 1024];
        for (int count; (count = await client.GetStream().ReadAsync(buffer)) > 0;)
        {
            string? command = Volatile.Read(ref _command);
            string text = Encoding.Latin1.GetString(buffer, 0, count);
            if (command is null || !text.Contains(command, StringComparison.OrdinalIgnoreCase))
            {
                await server.GetStream().WriteAsync(buffer.AsMemory(0, count));
                continue;
            }
            Volatile.Write(ref _command, null);
            // The client sees its connection end; the server gets the command all the same.
            client.Close();
            await server.GetStream().WriteAsync(buffer.AsMemory(0, count));
            server.Client.Shutdown(SocketShutdown.Send);
            Interlocked.Increment(ref _lost);
            while (await server.GetStream().ReadAsync(buffer) > 0)
            {
                // What it answers is lost.
            }
            return;
        }
    }
}
