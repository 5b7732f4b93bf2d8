using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text.Json;
using Workerman.Events;
using Workerman.Hosting;

namespace Workerman.Supervision;

/// <summary>
/// The other end of a <see cref="ControlServer"/>: asks a running program, for a command. It blocks. For one thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class ControlClient : IDisposable
{
    private readonly Socket _socket;
    private readonly StreamReader _reader;
    private readonly NetworkStream _stream;

    private ControlClient(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket);
        _reader = new StreamReader(_stream);
    }

    /// <returns>Null if nobody listens there.</returns>
    /// <exception cref="WorkerStartException">Somebody else does, or could.</exception>
    public static ControlClient? Connect(string path)
    {
        RuntimeFolder.Check(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            socket.Dispose();
            return null;
        }
        uint user = ControlServer.UserOf(socket);
        if (IsTrusted(user, path, SystemCalls.geteuid())) return new ControlClient(socket);
        socket.Dispose();
        throw new WorkerStartException($"A process of user {user} listens on the control socket {path}, and not this user's own "
            + "program. Cure: give the command as the program's user, or set Worker.PidFile to a path in a folder of its own.");
    }

    /// <summary>
    /// One's own, and root's. Root also takes those of other users (a unit with <c>User=</c>), in folders that are theirs.
    /// </summary>
    internal static bool IsTrusted(uint user, string path, uint self) =>
        user == 0 || user == self || (self == 0 && RuntimeFolder.OwnerOf(Path.GetDirectoryName(path)!) == user);

    /// <summary>Asks, and waits for the last reply.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="limit">How long it is waited for.</param>
    /// <returns>Null if there is none: it does not answer, or ended before.</returns>
    public ControlReply? Ask(ControlRequest request, TimeSpan limit)
    {
        try
        {
            _socket.ReceiveTimeout = (int)Math.Max(1, limit.TotalMilliseconds);
            _stream.Write([.. JsonSerializer.SerializeToUtf8Bytes(request, ControlJson.Default.ControlRequest), (byte)'\n']);
            while (_reader.ReadLine() is { } line)
            {
                if (JsonSerializer.Deserialize(line, ControlJson.Default.ControlReply) is { IsLast: true } reply) return reply;
            }
            return null;
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _reader.Dispose();
        _stream.Dispose();
        _socket.Dispose();
    }
}
