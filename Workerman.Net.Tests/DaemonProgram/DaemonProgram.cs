using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Workerman.EventStreams;
using Workerman.Protocols;
using Workerman.Protocols.Http;

namespace Workerman.Tests;

/// <summary>
/// <c>DaemonProgram FOLDER PORT [command]</c>: what a user's program looks like that is run by <c>Worker.RunAll(args)</c>. Files
/// in its folder say how it behaves: <c>version</c> is what it answers, <c>fail</c> makes its <c>OnWorkerStart</c> throw,
/// <c>hang</c> makes it hang, <c>impatient</c> gives it little time, <c>fixed</c> keeps its HTTP worker out of reloads,
/// <c>users</c> names user and group, <c>unix</c> has its other worker listen on <c>lines.sock</c>, <c>pidfile</c>,
/// <c>logfile</c> and <c>stdoutfile</c> are paths of these, <c>requests</c>, <c>memory</c> and <c>lifetime</c> are limits,
/// <c>host</c> is where its HTTP worker listens, <c>plain</c> has it call <c>Worker.RunAll()</c>, <c>again</c> has the processes
/// of a daemon call it once more; it writes what happens to <c>events</c>.
/// </summary>
internal static class DaemonProgram
{
    /// <summary>EWOULDBLOCK, of Linux: another has the file.</summary>
    private const int TryAgain = 11;

    private static readonly List<byte[]> Taken = [];

    public static int Main(string[] args)
    {
        string folder = args[0], port = args[1];
        args = args[2..];
        string PathOf(string name) => Path.Combine(folder, name);
        // What a master says to its processes.
        bool isOfDaemon = Environment.GetEnvironmentVariable("WORKERMAN_ROLE") is not null;
        // Another user may not write there.
        bool isSilent = File.Exists(PathOf("users"));
        void Note(string what)
        {
            if (isSilent) return;
            Append(PathOf("events"), $"{what}\n");
        }

        string? Said(string name) => File.Exists(PathOf(name)) ? File.ReadAllText(PathOf(name)) : null;
        if (Said("logfile") is { } log) Worker.LogFile = log;
        else if (!isSilent) Worker.Logger = new FileLines(PathOf("log"));
        Worker.PidFile = Said("pidfile") ?? PathOf("daemon.pid");
        if (Said("stdoutfile") is { } output) Worker.StdoutFile = output;
        if (Said("requests") is { } requests) Worker.MaxRequests = int.Parse(requests, CultureInfo.InvariantCulture);
        if (Said("memory") is { } memory) Worker.MemoryLimit = long.Parse(memory, CultureInfo.InvariantCulture);
        if (Said("lifetime") is { } life) Worker.MaxLifetime = TimeSpan.Parse($"0:0:{life}", CultureInfo.InvariantCulture);
        Worker.StartTimeout = TimeSpan.FromSeconds(File.Exists(PathOf("hang")) || File.Exists(PathOf("impatient")) ? 5 : 30);
        Worker.OnMasterReload = () => Note("master reload");
        Worker.OnMasterStop = () => Note("master stop");
        Worker.OnWorkerExit = status => Note($"worker exit {status}");
        string version = File.Exists(PathOf("version")) ? File.ReadAllText(PathOf("version")) : "1";
        var stream = new EventStream("orders", new EventStreamOptions { ReplayCount = 100_000 });
        var worker = new Worker($"http://{Said("host") ?? "127.0.0.1"}:{port}") { Name = "serve", Count = 2 };
        worker.Reloadable = !File.Exists(PathOf("fixed"));
        if (isSilent) (worker.User, worker.Group) = ("nobody", "nogroup");
        worker.OnWorkerStart = _ =>
        {
            if (File.Exists(PathOf("fail"))) throw new InvalidOperationException("as asked for");
            if (File.Exists(PathOf("hang"))) Thread.Sleep(Timeout.Infinite);
            if (worker.Id == 0) Note("start");
        };
        worker.OnWorkerReload = _ =>
        {
            if (worker.Id == 0) Note("reload");
        };
        worker.OnWorkerStop = _ =>
        {
            if (worker.Id == 0) Note("stop");
        };
        worker.OnMessage = (connection, request) =>
        {
            switch (request.Path)
            {
                case "/pid":
                    connection.Send($"{Environment.ProcessId}");
                    break;
                case "/user":
                    connection.Send(Environment.UserName);
                    break;
                case "/print":
                    Console.WriteLine("printed");
                    connection.Send("done");
                    break;
                case "/exit":
                    Environment.Exit(3);
                    break;
                case "/throw":
                    new Thread(() => throw new InvalidOperationException("as asked for")).Start();
                    break;
                case "/block":
                    Thread.Sleep(int.Parse(request.Get("ms")!, CultureInfo.InvariantCulture));
                    connection.Send("done");
                    break;
                case "/hang":
                    Thread.Sleep(Timeout.Infinite);
                    break;
                case "/never":
                    break;
                case "/take":
                    Taken.Add(new byte[int.Parse(request.Get("bytes")!, CultureInfo.InvariantCulture)]);
                    Array.Fill(Taken[^1], (byte)1);
                    connection.Send("taken");
                    break;
                case "/environment":
                    using (var child = Process.Start(new ProcessStartInfo("env") { RedirectStandardOutput = true })!)
                        connection.Send(child.StandardOutput.ReadToEnd());
                    break;
                case "/slow":
                    Timer.Add(double.Parse(request.Get("ms")!, CultureInfo.InvariantCulture) / 1000,
                        () => connection.Send("done"),
                        persistent: false);
                    break;
                case "/events":
                    stream.Subscribe(connection, request);
                    break;
                case "/publish":
                    connection.Send(stream.Publish(request.Get("data")!));
                    break;
                case "/reload":
                    Worker.Reload();
                    connection.Send("asked");
                    break;
                case "/stop":
                    connection.Send("asked");
                    Worker.StopAll();
                    break;
                default:
                    connection.Send(version);
                    break;
            }
        };
        Worker<string> lines = Said("unix") is null
            ? new Worker<string>("text://127.0.0.1:0") { Name = "lines" }
            : new Worker<string>($"unix://{PathOf("lines.sock")}") { Name = "lines", Protocol = () => new TextProtocol() };
        lines.OnMessage = (connection, line) => connection.Send(line);
        // Options of its own, as programs have.
        if (Said("plain") is null)
            Worker.RunAll([.. args.Where(argument => !argument.StartsWith("--own", StringComparison.Ordinal))]);
        else Worker.RunAll();
        if (isOfDaemon && Said("again") is not null) Worker.RunAll(args);
        return Environment.ExitCode;
    }

    /// <summary>
    /// Adds to a file that several processes write to: each in its turn, because .NET looks for the end of the file first and
    /// writes there then.
    /// </summary>
    public static void Append(string file, string text)
    {
        using FileStream turn = TakeTurn($"{file}.turn");
        File.AppendAllText(file, text);
    }

    private static FileStream TakeTurn(string file)
    {
        while (true)
        {
            try
            {
                return new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
            }
            catch (IOException fault) when (fault.HResult == TryAgain)
            {
                Thread.Sleep(1);
            }
        }
    }
}

/// <summary>Lines in a file, which several processes write to.</summary>
internal sealed class FileLines(string path) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        DaemonProgram.Append(path, $"{Environment.ProcessId} {logLevel} {formatter(state, exception)} {exception}\n");
    }
}
