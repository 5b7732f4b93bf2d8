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
            var answers = new Answers();
            try
            {
                await Task.WhenAny(ForwardAsync(client, server, answers), answers.ForwardAsync(server, client));
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // One of the two has gone.
            }
        }
    }

    private async Task ForwardAsync(TcpClient client, TcpClient server, Answers answers)
    {
        var buffer = new byte[64 * 1024];
        for (int count; (count = await client.GetStream().ReadAsync(buffer)) > 0;)
        {
            string? command = Volatile.Read(ref _command);
            string text = Encoding.Latin1.GetString(buffer, 0, count);
            bool isCut = command is not null && text.Contains(command, StringComparison.OrdinalIgnoreCase);
            // Before the server has the command, so that its answer is certain to be lost.
            answers.AreLost |= isCut;
            await server.GetStream().WriteAsync(buffer.AsMemory(0, count));
            if (!isCut) continue;
            Volatile.Write(ref _command, null);
            Interlocked.Increment(ref _lost);
            // The client sees its connection end; the server answers what it has got, and ends its own.
            client.Client.Shutdown(SocketShutdown.Both);
            server.Client.Shutdown(SocketShutdown.Send);
            await answers.End;
        }
    }

    /// <summary>What one connection of the server's says.</summary>
    private sealed class Answers
    {
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool _areLost;

        /// <summary>Whether the client gets none of them any more.</summary>
        public bool AreLost { get => _areLost; set => _areLost = value; }

        public Task End => _end.Task;

        public async Task ForwardAsync(TcpClient server, TcpClient client)
        {
            var buffer = new byte[64 * 1024];
            try
            {
                for (int count; (count = await server.GetStream().ReadAsync(buffer)) > 0;)
                    if (!AreLost) await client.GetStream().WriteAsync(buffer.AsMemory(0, count));
            }
            finally
            {
                _end.TrySetResult();
            }
        }
    }
}
