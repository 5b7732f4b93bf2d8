using System.Collections;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Workerman.Tests.Support;

/// <summary>
/// The tests as a program, <c>activate NAMES OWNER SOCKETS PROGRAM…</c>: opens sockets as systemd does for a unit with sockets,
/// and becomes the program, which has them from descriptor 3 on. <c>OWNER</c> is <c>self</c>, or the process that is said to be
/// meant; a socket is an address with port, or the path of a Unix socket.
/// </summary>
[SupportedOSPlatform("linux")]
internal static partial class SystemdActivation
{
    public static int Run(string names, string owner, string sockets, string[] program)
    {
        Socket[] open = [.. sockets.Split(',').Select(Open)];
        Dictionary<string, string> environment = [];
        foreach (DictionaryEntry one in Environment.GetEnvironmentVariables()) environment[(string)one.Key] = (string)one.Value!;
        environment["LISTEN_PID"] = owner == "self" ? Environment.ProcessId.ToString(CultureInfo.InvariantCulture) : owner;
        environment["LISTEN_FDS"] = open.Length.ToString(CultureInfo.InvariantCulture);
        environment["LISTEN_FDNAMES"] = names;
        string file = Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(folder => Path.Combine(folder, program[0]))
            .First(File.Exists);
        // The last that this process does: its runtime has descriptors there, too.
        for (int i = 0; i < open.Length; i++) _ = dup2((int)open[i].Handle, 3 + i);
        return execve(file, [.. program, null], [.. environment.Select(one => $"{one.Key}={one.Value}"), null]);
    }

    private static Socket Open(string address)
    {
        EndPoint endPoint =
            address[0] == '/' ? new UnixDomainSocketEndPoint(address) : IPEndPoint.Parse(address);
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        if (endPoint.AddressFamily == AddressFamily.InterNetworkV6) socket.DualMode = true;
        socket.Bind(endPoint);
        socket.Listen();
        return socket;
    }

    [LibraryImport("libc")]
    private static partial int dup2(int oldfd, int newfd);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int execve(string path, string?[] argv, string?[] envp);
}
