using System.Diagnostics;
using System.Net;
using System.Text.Json;

namespace Workerman.Benchmarks;

/// <summary>The server of <see cref="Soak"/> as a process: started, asked for its figures, stopped in order.</summary>
internal sealed class SoakProcess : IDisposable
{
    private readonly Process _process;
    private readonly HttpClient _http;
    private readonly string _uploads = Directory.CreateTempSubdirectory("workerman.soak.").FullName;

    public SoakProcess(string[] options)
    {
        string self = Environment.ProcessPath!;
        // Run by `dotnet x.dll` the process is dotnet's, and the program is its first argument.
        string[] program = Path.GetFileNameWithoutExtension(self) == "dotnet" ? [typeof(SoakProcess).Assembly.Location] : [];
        var start = new ProcessStartInfo(self, [.. program, "soak-server", "--uploads", _uploads, .. options])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true
        };
        _process = Process.Start(start)!;
        EndPoint = IPEndPoint.Parse(ReadAfter(SoakServer.ListeningMark));
        Attacks = Attacks.Parse(ReadAfter(AttackServer.Mark));
        new Thread(ShowOutput) { IsBackground = true }.Start();
        _http = new HttpClient { BaseAddress = new Uri($"http://{EndPoint}"), Timeout = TimeSpan.FromSeconds(30) };
    }

    public IPEndPoint EndPoint { get; }

    /// <summary>What hostile clients can do to it.</summary>
    public Attacks Attacks { get; }

    /// <summary>What the server says of itself, after a full collection.</summary>
    public async Task<SoakFigures> Ask() => JsonSerializer.Deserialize<SoakFigures>(await _http.GetStringAsync("/figures"))!;

    /// <summary>Ends it, and tells its exit code; -1 if it had to be killed.</summary>
    public int Stop()
    {
        _process.StandardInput.Close();
        if (_process.WaitForExit(TimeSpan.FromSeconds(10))) return _process.ExitCode;
        _process.Kill();
        return -1;
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _http.Dispose();
        Directory.Delete(_uploads, recursive: true);
    }

    /// <summary>What the server logs, without the banner that it starts with.</summary>
    private void ShowOutput()
    {
        bool started = false;
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            if (started) Console.Error.WriteLine($"server: {line}");
            else started = line.Contains("Start success", StringComparison.Ordinal);
        }
    }

    private string ReadAfter(string mark)
    {
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            if (line.StartsWith(mark, StringComparison.Ordinal)) return line[mark.Length..];
        }
        throw new InvalidOperationException("the server ended before it listened");
    }
}
