using System.Diagnostics;
using System.Text;

namespace Workerman.Tests.Support;

/// <summary>The system's <c>openssl s_client</c>, as a client that is not of .NET's making.</summary>
internal static class OpenSsl
{
    /// <summary>
    /// Sends line by line, each when the one before has brought what was expected after it; returns all that it printed.
    /// </summary>
    public static async Task<string> TalkAsync(TestServer server, string[] options, params (string Line, string Expected)[] talk)
    {
        string[] arguments = ["s_client", "-connect", $"127.0.0.1:{server.EndPoint.Port}", .. options];
        var info = new ProcessStartInfo("openssl", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        using Process process = Process.Start(info)!;
        var printed = new StringBuilder();
        var errors = new StringBuilder();
        process.OutputDataReceived += (_, e) =>
        {
            lock (printed) printed.AppendLine(e.Data);
        };
        process.ErrorDataReceived += (_, e) =>
        {
            lock (errors) errors.AppendLine(e.Data);
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await Wait.Until(() => Printed(0).Contains("Verify return code", StringComparison.Ordinal), "the handshake");
        foreach ((string line, string expected) in talk)
        {
            int before = Printed(0).Length;
            await process.StandardInput.WriteLineAsync(line);
            await process.StandardInput.FlushAsync();
            await Wait.Until(() => Printed(before).Contains(expected, StringComparison.Ordinal),
                () => $"{expected} after {line}; {Printed(0)}{errors}");
        }
        process.StandardInput.Close();
        await process.WaitForExitAsync().WaitAsync(Wait.Limit);
        return Printed(0);

        string Printed(int from)
        {
            lock (printed) return printed.ToString(from, printed.Length - from);
        }
    }

    /// <summary>Connects, sends what it is given, reads until the server ends, and returns all that it printed.</summary>
    public static async Task<string> ClientAsync(TestServer server, string input, params string[] options)
    {
        string[] arguments =
            ["s_client", "-connect", $"127.0.0.1:{server.EndPoint.Port}", "-servername", "localhost", "-ign_eof", .. options];
        var info = new ProcessStartInfo("openssl", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        using Process process = Process.Start(info)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        try
        {
            string[] texts = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync())
                .WaitAsync(Wait.Limit);
            return string.Concat(texts);
        }
        catch (TimeoutException)
        {
            process.Kill();
            throw;
        }
    }
}
