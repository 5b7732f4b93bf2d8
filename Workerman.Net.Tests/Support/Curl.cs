using System.Diagnostics;

namespace Workerman.Tests.Support;

/// <summary>The system's curl, as a client that is not of .NET's making.</summary>
internal static class Curl
{
    /// <summary>Runs it and returns what it printed.</summary>
    public static async Task<string> RunAsync(params string[] arguments)
    {
        var info = new ProcessStartInfo("curl", ["--max-time", $"{(int)Wait.Limit.TotalSeconds}", .. arguments])
        {
            RedirectStandardOutput = true
        };
        using Process process = Process.Start(info)!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.That(process.ExitCode, Is.Zero, output);
        return output;
    }
}
