using System.Collections.Concurrent;
using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Workerman.Events;
using Workerman.Hosting;

namespace Workerman.Supervision;

/// <summary>What takes commands over a <see cref="ControlServer"/>.</summary>
internal interface IControlled
{
    /// <summary>Does what is asked. Any thread; it does not block.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="reply">Sends a reply, on any thread; the last one ends the command.</param>
    void Handle(ControlRequest request, Action<ControlReply> reply);
}

/// <summary>
/// The Unix socket over which a running program takes commands: a line of JSON each way. Its file has mode 0600, and whoever
/// connects is asked for by its user, too: it has to be the program's, or root. On threads of the thread pool, because there may
/// be no loop; a command that says nothing, or does not read, holds nobody up. One in its process.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class ControlServer : IDisposable
{
    private const int MaxLine = 64 * 1024;

    private const int MaxClients = 32;

    /// <summary>For so long the end of the program waits for one who does not read its answer.</summary>
    private static readonly TimeSpan LastAnswerTime = TimeSpan.FromSeconds(1);

    /// <summary>What a command may take to say what it wants, however it is cut into pieces.</summary>
    private static readonly TimeSpan RequestTime = TimeSpan.FromSeconds(3);

    /// <summary>What it may take to read one reply.</summary>
    private static readonly TimeSpan ReplyTime = TimeSpan.FromSeconds(30);

    private readonly string _path;
    private readonly IControlled _controlled;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private volatile Socket _socket;
    private UnixFileIdentity? _identity;
    private readonly SemaphoreSlim _room = new(MaxClients);
    private volatile bool _disposed;

    /// <summary>Commands that have an answer which is not sent yet.</summary>
    private readonly CountdownEvent _answering = new(1);

    /// <exception cref="WorkerStartException">The socket cannot be made.</exception>
    public ControlServer(string path, IControlled controlled, ILogger logger)
    {
        _path = path;
        _controlled = controlled;
        _logger = logger;
        _socket = Open(path);
        _identity = UnixFileIdentity.Of(path);
        new Thread(Accept) { IsBackground = true, Name = "workerman control" }.Start();
    }

    /// <summary>
    /// Makes it anew where somebody has removed it, as what cleans folders does: without it nobody can stop the program in order.
    /// About once a second.
    /// </summary>
    public void Keep()
    {
        if (File.Exists(_path)) return;
        lock (_gate)
        {
            if (_disposed) return;
            try
            {
                Socket removed = _socket;
                _socket = Open(_path);
                _identity = UnixFileIdentity.Of(_path);
                removed.Dispose();
            }
            catch (WorkerStartException)
            {
                // Not now; the next second may have room.
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            try
            {
                // Only what this server has made: somebody may have put another file there.
                if (UnixFileIdentity.Of(_path) == _identity) File.Delete(_path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Its folder is gone, or another user's than this process has become: it stays, nobody listens there, and the
                // next start removes it.
            }
            _socket.Dispose();
        }
        // What was answered last is the end of the program.
        _answering.Signal();
        _answering.Wait(LastAnswerTime);
    }

    private static Socket Open(string path)
    {
        try
        {
            // Whoever holds the pid file may remove what a process that was killed has left, and nothing else.
            if (UnixFileIdentity.Of(path) is { IsSocket: false }) throw new IOException("it is there, and is no socket");
            File.Delete(path);
            // Not .NET's Bind, which has no words for a full disk, and removes whatever is there when it is disposed of.
            Socket socket = UnixSocketFile.Bind(path, static _ => { });
            try
            {
                // Before it listens: until then nobody is let in.
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                socket.Listen(MaxClients);
                return socket;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is SocketException or Win32Exception or IOException or UnauthorizedAccessException
            or ArgumentException)
        {
            throw new WorkerStartException(
                $"Cannot make the control socket {path}: {ReasonOf(e)}. Cure: make room on that disk if it is "
                + "full, or set Worker.PidFile to a path of at most 100 bytes in a folder that this user may write.", e);
        }
    }

    /// <summary>In one line; .NET's for a path that is too long has several.</summary>
    private static string ReasonOf(Exception e) => e is ArgumentException ? "its path is too long" : e.Message.TrimEnd('.');

    private void Accept()
    {
        while (true)
        {
            _room.Wait();
            try
            {
                Socket client = _socket.Accept();
                new Thread(() => Serve(client)) { IsBackground = true, Name = "workerman command" }.Start();
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException)
            {
                if (_disposed) return;
                // Without descriptors for a moment, or the socket is another one now.
                _room.Release();
                Thread.Sleep(100);
            }
        }
    }

    private void Serve(Socket client)
    {
        try
        {
            using (client)
            {
                uint user = UserOf(client);
                if (user != 0 && user != SystemCalls.geteuid())
                    SupervisionLog.ControlRefused(_logger, _path, user);
                else
                    Answer(client);
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or Win32Exception)
        {
            // It has gone, or said nothing for too long.
        }
        finally
        {
            _room.Release();
        }
    }

    private void Answer(Socket client)
    {
        if (ReadLine(client) is not { } line) return;
        using var replies = new BlockingCollection<ControlReply>();
        Handle(line, reply =>
        {
            if (replies.IsAddingCompleted || !_answering.TryAddCount()) return;
            replies.Add(reply);
        });
        while (true)
        {
            ControlReply reply = replies.Take();
            try
            {
                SendAll(client, [.. JsonSerializer.SerializeToUtf8Bytes(reply, ControlJson.Default.ControlReply), (byte)'\n']);
            }
            finally
            {
                _answering.Signal();
            }
            if (!reply.IsLast) continue;
            replies.CompleteAdding();
            return;
        }
    }

    /// <summary>One call may send a part: of 100,000 connections there is much to say.</summary>
    private static void SendAll(Socket client, ReadOnlySpan<byte> bytes)
    {
        long end = Environment.TickCount64 + (long)ReplyTime.TotalMilliseconds;
        while (!bytes.IsEmpty)
        {
            client.SendTimeout = Left(end);
            bytes = bytes[client.Send(bytes)..];
        }
    }

    private void Handle(string line, Action<ControlReply> reply)
    {
        ControlRequest? request = null;
        string? reason = null;
        try
        {
            request = JsonSerializer.Deserialize(line, ControlJson.Default.ControlRequest);
        }
        catch (JsonException e)
        {
            reason = $"This is no request: {e.Message}";
        }
        reason ??= request?.Check();
        if (reason is null && request is not null) Guard(_logger, () => _controlled.Handle(request, reply), reply);
        else reply(new ControlReply { Ok = false, Message = reason ?? "This is no request." });
    }

    /// <summary>A command that fails is told so, and takes nothing with it.</summary>
    public static void Guard(ILogger logger, Action handle, Action<ControlReply> reply)
    {
        try
        {
            handle();
        }
        catch (Exception e)
        {
            SupervisionLog.CommandFailed(logger, e);
            reply(new ControlReply { Ok = false, Message = $"The command has failed with {e.GetType().Name}: {e.Message}" });
        }
    }

    /// <summary>How many milliseconds are left; a byte now and then buys no more.</summary>
    /// <exception cref="SocketException">Nothing is left.</exception>
    private static int Left(long end) => end - Environment.TickCount64 is > 0 and var left
        ? (int)left
        : throw new SocketException((int)SocketError.TimedOut);

    private static string? ReadLine(Socket client)
    {
        byte[] buffer = new byte[MaxLine];
        long end = Environment.TickCount64 + (long)RequestTime.TotalMilliseconds;
        for (int length = 0; length < MaxLine;)
        {
            client.ReceiveTimeout = Left(end);
            int count = client.Receive(buffer.AsSpan(length));
            if (count == 0) return null;
            length += count;
            if (buffer[length - 1] == '\n') return Encoding.UTF8.GetString(buffer, 0, length);
        }
        return null;
    }

    /// <summary>The user of the process at the other end (SO_PEERCRED, unix(7)).</summary>
    public static unsafe uint UserOf(Socket client)
    {
        ProcessCalls.PeerCredentials peer;
        int length = sizeof(ProcessCalls.PeerCredentials);
        return SystemCalls.getsockopt((int)client.Handle, ProcessCalls.SOL_SOCKET, ProcessCalls.SO_PEERCRED, (byte*)&peer,
            &length) == 0
            ? peer.User
            : throw new Win32Exception();
    }
}
