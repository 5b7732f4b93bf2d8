using System.Diagnostics;

namespace Workerman.Tests.Support;

/// <summary>A script of the folder Peers, run by Node and ended with the test.</summary>
internal sealed class NodePeer : IDisposable
{
    private static readonly string Folder = Repository.PathOf("Workerman.Net.Tests", "Peers");

    private readonly Process _process;
    private readonly Task<string> _errors;

    public NodePeer(string script, params string[] arguments)
    {
        _process = Process.Start(new ProcessStartInfo("node", [Path.Combine(Folder, script), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true
        })!;
        _errors = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Whether the package that the scripts use is there.</summary>
    public static bool IsInstalled => Directory.Exists(Path.Combine(Folder, "node_modules", "ws"));

    public string ReadLine() => Wait.For(_process.StandardOutput.ReadLineAsync()) ?? $"it ended: {Wait.For(_errors)}";

    /// <summary>All that it prints until its end, with what it complained of.</summary>
    public string ReadToEnd() => Wait.For(_process.StandardOutput.ReadToEndAsync()) + Wait.For(_errors);

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
