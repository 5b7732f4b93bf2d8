using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Workerman.Tests.Support;

/// <summary>
/// A real <c>redis-server</c> (or Valkey's) in a process of its own, on a port of its own at 127.0.0.1. Its files are in a folder
/// that goes with it. It keeps nothing on disk unless the settings say so. Used by one test at a time.
/// </summary>
internal sealed partial class RedisServer : IDisposable
{
    private const int SIGKILL = 9;
    private const int SIGTERM = 15;
    private const int SIGCONT = 18;
    private const int SIGSTOP = 19;

    private static readonly string? Program = Array.Find(
        ["/usr/bin/redis-server", "/usr/local/bin/redis-server", "/usr/bin/valkey-server"], File.Exists);

    private readonly TemporaryFolder _folder = new();
    private readonly string _settings;
    private readonly bool _isSentinel;
    private Process? _process;

    /// <summary>Starts it, and waits until it answers.</summary>
    /// <param name="settings">Lines of its <c>redis.conf</c>, such as <c>appendonly yes</c>; they come after those that say where
    /// it listens, and so count.</param>
    public RedisServer(params string[] settings)
        : this(isSentinel: false, ["save \"\"", "appendonly no", .. settings])
    {
    }

    private RedisServer(bool isSentinel, string[] settings)
    {
        _isSentinel = isSentinel;
        EndPoint = new IPEndPoint(IPAddress.Loopback, Peer.UnusedPort());
        _settings = _folder.Write("redis.conf", $"""
            bind {EndPoint.Address}
            port {EndPoint.Port}
            daemonize no
            dir {_folder.Path}
            logfile {_folder.PathOf("log")}
            {string.Join('\n', settings)}
            """);
        try
        {
            Start();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>A sentinel that watches a server, alone, and has a replica take its place half a second after it is
    /// gone.</summary>
    /// <param name="master">The server, whose name is <c>mymaster</c>.</param>
    public static RedisServer Sentinel(RedisServer master) => new(isSentinel: true,
    [
        $"sentinel monitor mymaster {master.EndPoint.Address} {master.EndPoint.Port} 1",
        "sentinel down-after-milliseconds mymaster 500",
        "sentinel failover-timeout mymaster 3000",
    ]);

    public static bool IsInstalled => Program is not null;

    /// <summary>Where it listens: the same after each start.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Where it keeps its files.</summary>
    public string Folder => _folder.Path;

    /// <summary>What it has logged, over all its starts.</summary>
    public string Log => File.Exists(_folder.PathOf("log")) ? File.ReadAllText(_folder.PathOf("log")) : "";

    /// <summary>Skips the test, with the reason, where there is no such program.</summary>
    public static void SkipIfMissing()
    {
        if (!IsInstalled) Assert.Ignore("redis-server is not installed.");
    }

    /// <summary>Starts it again, on the same port, with what it has kept on disk, and waits until it answers.</summary>
    public void Start()
    {
        if (_process is not null) throw new InvalidOperationException("redis-server runs; stop or kill it first.");
        _process = Process.Start(new ProcessStartInfo(Program!, _isSentinel ? [_settings, "--sentinel"] : [_settings])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true
        })!;
        Wait.For(Wait.Until(() => _process.HasExited || Answers(), () => $"redis-server to answer; it logged: {Log}"));
        Assert.That(_process.HasExited, Is.False, () => $"redis-server has ended. It said: {_process.StandardOutput.ReadToEnd()}"
            + $"{_process.StandardError.ReadToEnd()} It logged: {Log}");
    }

    /// <summary>Ends it as a crash does (kill -9): nothing is saved, and connections are reset or just end.</summary>
    public void Kill() => End(SIGKILL);

    /// <summary>Ends it in order: it saves what its settings say.</summary>
    public void Stop() => End(SIGTERM);

    /// <summary>Holds it: connections stay open, and it answers nothing until <see cref="Resume"/>.</summary>
    public void Pause() => Assert.That(kill(_process!.Id, SIGSTOP), Is.Zero);

    /// <summary>Lets it go on after <see cref="Pause"/>.</summary>
    public void Resume() => Assert.That(kill(_process!.Id, SIGCONT), Is.Zero);

    /// <summary>Removes what it has kept on disk, while it does not run: it comes back empty.</summary>
    public void Empty()
    {
        if (_process is not null) throw new InvalidOperationException("redis-server runs; stop or kill it first.");
        foreach (string file in Directory.EnumerateFiles(Folder, "*.rdb")) File.Delete(file);
        foreach (string folder in Directory.EnumerateDirectories(Folder)) Directory.Delete(folder, recursive: true);
    }

    /// <summary>Has <c>redis-cli</c> run a command.</summary>
    /// <param name="words">The command and its arguments, after options such as <c>-a password</c>.</param>
    /// <returns>The answer, each value on a line of its own; an error as its text.</returns>
    public string Cli(params string[] words)
    {
        string program = Program!.Replace("-server", "-cli", StringComparison.Ordinal);
        string port = EndPoint.Port.ToString(CultureInfo.InvariantCulture);
        using Process cli = Process.Start(
            new ProcessStartInfo(program, ["-h", EndPoint.Address.ToString(), "-p", port, "--raw", .. words])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true
            })!;
        Task<string> errors = cli.StandardError.ReadToEndAsync();
        string output = cli.StandardOutput.ReadToEnd();
        Assert.That(cli.WaitForExit(Wait.Limit), $"redis-cli {string.Join(' ', words)} does not end");
        return output.Length > 0 ? output.TrimEnd('\n') : Wait.For(errors).TrimEnd('\n');
    }

    public void Dispose()
    {
        if (_process is not null) Kill();
        _folder.Dispose();
    }

    /// <summary>Whether it answers, with whatever; while it still loads what it has kept on disk, it does not count.</summary>
    private bool Answers()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 1000 };
        try
        {
            socket.Connect(EndPoint);
            socket.Send("PING\r\n"u8);
            var answer = new byte[256];
            int count = socket.Receive(answer);
            return count > 0 && !Encoding.ASCII.GetString(answer, 0, count).StartsWith("-LOADING", StringComparison.Ordinal);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void End(int signal)
    {
        Process process = _process ?? throw new InvalidOperationException("redis-server does not run.");
        // It may end by itself meanwhile.
        if (!process.HasExited) _ = kill(process.Id, signal);
        Assert.That(process.WaitForExit(Wait.Limit), () => $"redis-server does not end; it logged: {Log}");
        process.Dispose();
        _process = null;
    }

    [LibraryImport("libc")]
    private static partial int kill(int pid, int sig);
}
