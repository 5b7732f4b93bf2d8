using System.Diagnostics;

namespace Workerman.Benchmarks;

/// <summary>The <see cref="AttackServer"/> as a process, with a folder of its own. It counts what the server logs.</summary>
internal sealed class AttackProcess : IDisposable
{
    private readonly Process _process;
    private readonly string _folder = Directory.CreateTempSubdirectory("workerman.attack.").FullName;
    private long _lines;

    public AttackProcess(string[] options)
    {
        string self = Environment.ProcessPath!;
        // Run by `dotnet x.dll` the process is dotnet's, and the program is its first argument.
        string[] program = Path.GetFileNameWithoutExtension(self) == "dotnet" ? [typeof(AttackProcess).Assembly.Location] : [];
        var start = new ProcessStartInfo(self, [.. program, "attack-server", "--folder", _folder, .. options])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = _folder,
        };
        // Sessions are in files of the temporary folder.
        start.Environment["TMPDIR"] = _folder;
        _process = Process.Start(start)!;
        Attacks = ReadEndPoints();
        foreach (StreamReader output in new[] { _process.StandardOutput, _process.StandardError })
            new Thread(() => Count(output)) { IsBackground = true }.Start();
    }

    /// <summary>What can be done to it.</summary>
    public Attacks Attacks { get; }

    /// <summary>What the attack has left: resident memory, files, and lines of the log.</summary>
    public string LeftBehind()
    {
        _process.Refresh();
        int files = Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).Count();
        return $"{_process.WorkingSet64 >> 20} MiB, {files - 1} files, {Volatile.Read(ref _lines)} lines";
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(10))) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Count(StreamReader output)
    {
        while (output.ReadLine() is not null) Interlocked.Increment(ref _lines);
    }

    private Attacks ReadEndPoints()
    {
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            if (line.StartsWith(AttackServer.Mark, StringComparison.Ordinal))
                return Attacks.Parse(line[AttackServer.Mark.Length..]);
        }
        throw new InvalidOperationException("the server ended before it listened");
    }
}
