using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;

namespace Workerman.Tests.Support;

/// <summary>
/// A real PostgreSQL in a process of its own, on a port of its own at 127.0.0.1, with the superuser <c>test</c> and no password.
/// Its files are in a folder that goes with it. It refuses to be root's, so where the tests are, it is the user nobody's. Used by
/// one test at a time.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed partial class PostgresServer : IDisposable
{
    private const int SIGINT = 2;
    private const int SIGQUIT = 3;

    private static readonly string? Programs = Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").Select(version => Path.Combine(version, "bin"))
            .Where(folder => File.Exists(Path.Combine(folder, "initdb"))).Max()
        : null;

    private static readonly string[] AsNobody =
        ["/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--inh-caps=-all"];

    private readonly TemporaryFolder _folder = new();
    private Process? _process;

    /// <summary>Makes its files, starts it, and waits until it answers.</summary>
    /// <param name="start">Whether it is started, too.</param>
    public PostgresServer(bool start = true)
    {
        try
        {
            if (Environment.IsPrivilegedProcess)
            {
                // Others may pass through the folder that the suite has for temporary files.
                File.SetUnixFileMode(Path.GetDirectoryName(_folder.Path)!,
                    UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherExecute);
                Assert.That(Shell.Run("chown", "nobody:nogroup", _folder.Path), Is.Zero);
            }
            RunToEnd("initdb", "--pgdata", Data, "--username=test", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C",
                "--no-instructions");
            if (start) Start();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IPEndPoint EndPoint { get; } = new(IPAddress.Loopback, Peer.UnusedPort());

    /// <summary>What Npgsql connects with.</summary>
    public string ConnectionString => $"Host={EndPoint.Address};Port={EndPoint.Port};Username=test;Database=postgres";

    private string Port => EndPoint.Port.ToString(CultureInfo.InvariantCulture);

    private string Data => _folder.PathOf("data");

    /// <summary>Skips the test, with the reason, where it is not to be had.</summary>
    public static void SkipIfMissing()
    {
        if (Programs is null) Assert.Ignore("PostgreSQL is not installed (Debian: apt-get install postgresql).");
        if (Environment.IsPrivilegedProcess && !File.Exists(AsNobody[0]))
            Assert.Ignore("PostgreSQL does not run as root, and there is no setpriv to be somebody else with.");
    }

    /// <summary>Starts it, on the same port and with the same files each time, and waits until it answers.</summary>
    public void Start()
    {
        if (_process is not null) throw new InvalidOperationException("PostgreSQL runs; stop or kill it first.");
        _process = Run("postgres", "-D", Data, "-p", Port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
            "-c", "fsync=off", "-c", "max_connections=20", "-c", "shared_buffers=16MB");
        var said = new StringBuilder();
        _process.ErrorDataReceived += (_, e) => Note(said, e.Data);
        _process.OutputDataReceived += (_, e) => Note(said, e.Data);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        Wait.For(Wait.Until(
            () => _process.HasExited || Said(said).Contains("ready to accept connections", StringComparison.Ordinal),
            () => $"PostgreSQL to be ready; it said: {Said(said)}"));
        Assert.That(_process.HasExited, Is.False, () => $"PostgreSQL has ended; it said: {Said(said)}");
    }

    /// <summary>Ends it as a crash does: connections just end, and what it does next time is a recovery.</summary>
    public void Kill() => End(SIGQUIT);

    /// <summary>Ends it in order; open connections are told so.</summary>
    public void Stop() => End(SIGINT);

    /// <summary>Has <c>psql</c> run a command.</summary>
    /// <returns>The values, a row on a line of its own.</returns>
    public string Query(string sql) => RunToEnd("psql", "-h", "127.0.0.1", "-p", Port, "-U", "test", "-d", "postgres", "-X", "-A",
        "-t", "-c", sql).TrimEnd('\n');

    public void Dispose()
    {
        if (_process is not null) Kill();
        _folder.Dispose();
    }

    private static void Note(StringBuilder said, string? line)
    {
        lock (said) said.AppendLine(line);
    }

    private static string Said(StringBuilder said)
    {
        lock (said) return said.ToString();
    }

    private static string RunToEnd(string program, params string[] arguments)
    {
        using Process process = Run(program, arguments);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Assert.That(process.WaitForExit(Wait.Limit), $"{program} does not end");
        Assert.That(process.ExitCode, Is.Zero, () => Wait.For(output) + Wait.For(errors));
        return Wait.For(output);
    }

    private static Process Run(string program, params string[] arguments)
    {
        string[] command = [.. Environment.IsPrivilegedProcess ? AsNobody : [], Path.Combine(Programs!, program), .. arguments];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // Where everybody may be.
            WorkingDirectory = "/",
        };
        start.Environment["LC_ALL"] = "C";
        return Process.Start(start)!;
    }

    private void End(int signal)
    {
        Process process = _process ?? throw new InvalidOperationException("PostgreSQL does not run.");
        if (!process.HasExited) _ = kill(process.Id, signal);
        Assert.That(process.WaitForExit(Wait.Limit), "PostgreSQL does not end");
        process.Dispose();
        _process = null;
    }

    [LibraryImport("libc")]
    private static partial int kill(int pid, int sig);
}
