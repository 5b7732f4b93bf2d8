using System.Globalization;
using System.Net.Sockets;
using System.Text;

/// <summary>
/// The command <c>--health</c> of the samples: a program asks one like itself that runs whether it is well, for containers that
/// have neither a shell nor curl. Not the health check itself. Any thread, without state.
/// </summary>
internal static class Health
{
    private const int Seconds = 3;

    /// <summary>Whether that was the command; then it is done, and the exit code set: 0, or 1.</summary>
    public static bool IsAsked(string[] args, string address, string path)
    {
        if (!args.Contains("--health")) return false;
        Environment.ExitCode = IsWell(Arguments.Check(() => new Uri(address)), path) ? 0 : 1;
        return true;
    }

    private static bool IsWell(Uri address, string path)
    {
        // What listens on every address listens on the loopback one.
        string host = address.Host == "0.0.0.0" ? "127.0.0.1" : address.DnsSafeHost;
        try
        {
            using var client = new TcpClient { ReceiveTimeout = Seconds * 1000, SendTimeout = Seconds * 1000 };
            client.Connect(host, address.Port);
            using NetworkStream stream = client.GetStream();
            stream.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
                $"GET {path} HTTP/1.1\r\nHost: {host}:{address.Port}\r\nConnection: close\r\n\r\n")));
            Span<byte> head = stackalloc byte["HTTP/1.1 200".Length];
            return stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length
                && head.SequenceEqual("HTTP/1.1 200"u8);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            Console.Error.WriteLine(e.Message);
            return false;
        }
    }
}
