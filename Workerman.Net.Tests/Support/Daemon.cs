using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.Versioning;
using System.Text.Json;
using Workerman.Supervision;

namespace Workerman.Tests.Support;

/// <summary>What a command has printed, and its exit code.</summary>
internal sealed record CommandResult(int Code, string Output, string Error);

/// <summary>
/// A program (<c>DaemonProgram</c>) with its folder, pid file and port, and the commands that it is given. Nothing of it
/// is left when the test is over.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class Daemon(string? form = null) : IDisposable
{
    private readonly HashSet<int> _processes = [];

    public TemporaryFolder Folder { get; } = new();

    public string PidFile =>
        File.Exists(Folder.PathOf("pidfile")) ? File.ReadAllText(Folder.PathOf("pidfile")) : Folder.PathOf("daemon.pid");

    public string Log => File.Exists(Folder.PathOf("log")) ? File.ReadAllText(Folder.PathOf("log")) : "";

    /// <summary>What the program has noted, line by line.</summary>
    public string[] Events => File.Exists(Folder.PathOf("events")) ? File.ReadAllLines(Folder.PathOf("events")) : [];

    /// <summary>What is run, without the command.</summary>
    public string[] CommandLine => Program.EndsWith(".dll", StringComparison.Ordinal)
        ? ["dotnet", Program, Folder.Path, "0"]
        : [Program, Folder.Path, "0"];

    /// <summary>What is run: a native program, or what <c>dotnet</c> runs.</summary>
    public string Program { get; init; } = (form ?? Forms[0]) == "native" ? Native : OfFramework;

    /// <summary>The program that <c>dotnet</c> runs.</summary>
    public static string OfFramework { get; } = Repository.ProgramOf("Workerman.Net.Tests/DaemonProgram", "DaemonProgram");

    /// <summary>How the program can be run. Native, where the build has made that, takes a tenth of the time to start.</summary>
    public static string[] Forms { get; } = File.Exists(Native) ? ["native", "framework"] : ["framework"];

    private static string Native => Path.Combine(Path.GetDirectoryName(OfFramework)!, "linux-x64", "publish", "DaemonProgram");

    /// <summary>Runs a command to its end.</summary>
    public CommandResult Run(params string[] command)
    {
        using Process process = Begin(command);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        Assert.That(process.WaitForExit(TimeSpan.FromSeconds(60)), $"{string.Join(' ', command)} does not end");
        return new CommandResult(process.ExitCode, Wait.For(output), Wait.For(error));
    }

    /// <summary>Runs a command that is to be done.</summary>
    public CommandResult Do(params string[] command)
    {
        CommandResult result = Run(command);
        Assert.That(result.Code, Is.Zero, $"{string.Join(' ', command)}: {result}");
        return result;
    }

    /// <summary>Starts a command whose end is not waited for.</summary>
    public Process Begin(params string[] command)
    {
        var start = new ProcessStartInfo(CommandLine[0], [.. CommandLine[1..], .. command])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        return Process.Start(start)!;
    }

    public Daemon Start(params string[] options)
    {
        Do(["start", "-d", .. options]);
        Status();
        return this;
    }

    /// <summary>What <c>status --json</c> says, asked without starting a process for it.</summary>
    public JsonElement Status()
    {
        ControlReply reply = Ask(new ControlRequest { Command = "status" })!;
        JsonElement status = JsonSerializer.SerializeToElement(reply.Status!, ControlJson.Default.StatusReport);
        if (status.TryGetProperty("master", out JsonElement master)) _processes.Add(master.GetInt32());
        foreach (JsonElement process in status.GetProperty("processes").EnumerateArray())
            _processes.Add(process.GetProperty("id").GetInt32());
        return status;
    }

    public int Master => Status().GetProperty("master").GetInt32();

    /// <summary>The process that serves.</summary>
    public int Worker => Look(static status => status.GetProperty("processes").EnumerateArray()
        .Where(process => process.GetProperty("state").GetString() == "running")
        .Select(process => (int?)process.GetProperty("id").GetInt32()).SingleOrDefault())!.Value;

    /// <summary>Where a worker listens.</summary>
    public IPEndPoint EndPointOf(string worker)
    {
        string listening = Look(status => status.GetProperty("processes").EnumerateArray().SelectMany(process =>
            process.TryGetProperty("loops", out JsonElement loops) ? loops.EnumerateArray().ToArray() : [])
            .Where(loop => loop.GetProperty("worker").GetString() == worker)
            .Select(loop => loop.GetProperty("listening").GetString()).FirstOrDefault());
        return IPEndPoint.Parse(listening[(listening.IndexOf("//", StringComparison.Ordinal) + 2)..]);
    }

    /// <summary>Asks for the status until it has something: a busy machine may keep a process from answering in time.</summary>
    private TResult Look<TResult>(Func<JsonElement, TResult?> find)
    {
        TResult? found = default;
        Wait.For(Wait.Until(() => (found = find(Status())) is not null, "what the status is to say"));
        return found!;
    }

    /// <summary>A client of its HTTP worker.</summary>
    public HttpClient Client(IPEndPoint? endPoint = null) =>
        new() { BaseAddress = new Uri($"http://{endPoint ?? EndPointOf("serve")}"), Timeout = Wait.Limit };

    /// <summary>Whether a process is there, and no zombie.</summary>
    public static bool IsAlive(int process)
    {
        try
        {
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat"));
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    public static void Signal(int process, int signal) => Process.Start("kill", $"-{signal} {process}").WaitForExit();

    /// <summary>Asks the running program.</summary>
    /// <returns>Null if there is no answer.</returns>
    public ControlReply? Ask(ControlRequest request)
    {
        using ControlClient? client = ControlClient.Connect(Path.ChangeExtension(PidFile, ".control"));
        return client?.Ask(request, Wait.Limit);
    }

    public void Dispose()
    {
        Ask(new ControlRequest { Command = "stop" });
        Wait.For(
            Wait.Until(() => Workerman.Supervision.PidFile.Read(PidFile) is not { IsLocked: true }, "the end of the program"));
        foreach (int process in _processes.Where(IsAlive)) Signal(process, 9);
        TestContext.Out.WriteLine($"the daemon noted:\n{string.Join('\n', Events)}");
        if (File.Exists(Folder.PathOf("log")))
            TestContext.Out.WriteLine($"and logged:\n{File.ReadAllText(Folder.PathOf("log"))}");
        Folder.Dispose();
    }
}
