using System.Diagnostics;

namespace Workerman.Tests.Support;

/// <summary>Programs of the system that a test needs done, and nothing of what they print.</summary>
internal static class Shell
{
    /// <summary>Runs one to its end.</summary>
    /// <returns>Its exit code; -1 if there is no such program.</returns>
    public static int Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            _ = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }
}
