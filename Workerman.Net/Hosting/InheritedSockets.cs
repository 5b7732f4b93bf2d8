using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Workerman.Events;

namespace Workerman.Hosting;

/// <summary>
/// Bound sockets that this process was given when it started, by its master or by systemd (sd_listen_fds(3)): a worker takes them
/// in place of opening its own. Each is known by the address that a worker gave, or by what it is bound to. State of the process;
/// any thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class InheritedSockets
{
    /// <summary>The first descriptor that systemd hands over.</summary>
    private const int FirstOfSystemd = 3;

    private static readonly Lock Gate = new();
    private static readonly List<(string Address, Socket Socket)> All = [];

    /// <summary>Keeps a socket for the worker that listens there.</summary>
    /// <param name="descriptor">A bound socket, and a listening one unless it is for datagrams.</param>
    /// <param name="address">The worker's address, as text; empty if only the socket tells.</param>
    public static void Add(int descriptor, string address)
    {
        // Not for programs that this one starts.
        _ = SystemCalls.fcntl(descriptor, SystemCalls.F_SETFD, SystemCalls.FD_CLOEXEC);
        var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
        lock (Gate) All.Add((address, socket));
    }

    /// <summary>Takes the socket of an address.</summary>
    /// <param name="address">The worker's, as text.</param>
    /// <param name="endPoint">What it means.</param>
    /// <param name="type">Whether it is for connections or for datagrams.</param>
    /// <returns>Null if there is none.</returns>
    public static Socket? Take(string address, EndPoint endPoint, SocketType type)
    {
        lock (Gate)
        {
            int at = All.FindIndex(one => one.Address == address && one.Socket.SocketType == type);
            if (at < 0) at = All.FindIndex(one => one.Address.Length == 0 && IsAt(one.Socket, endPoint, type));
            if (at < 0) return null;
            Socket socket = All[at].Socket;
            All.RemoveAt(at);
            return socket;
        }
    }

    /// <summary>Closes what no worker has taken: the program listens elsewhere now.</summary>
    /// <returns>Their addresses.</returns>
    public static string[] CloseRest()
    {
        lock (Gate)
        {
            string[] addresses = [.. All.Select(one => one.Address)];
            foreach ((_, Socket socket) in All) socket.Dispose();
            All.Clear();
            return addresses;
        }
    }

    /// <summary>Takes over what systemd has opened for this process (socket activation).</summary>
    public static void AddFromSystemd()
    {
        string? process = Environment.GetEnvironmentVariable("LISTEN_PID");
        string? count = Environment.GetEnvironmentVariable("LISTEN_FDS");
        // For this process alone: not for those that it starts.
        foreach (string name in (string[])["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"])
            Environment.SetEnvironmentVariable(name, null);
        if (process != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)) return;
        if (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int sockets)) return;
        for (int i = 0; i < sockets; i++) Add(FirstOfSystemd + i, "");
    }

    /// <summary>Those that wait for their worker, for a process that this one starts in its place.</summary>
    public static IReadOnlyList<(string Address, int Descriptor)> Snapshot()
    {
        lock (Gate) return [.. All.Select(one => (one.Address, (int)one.Socket.Handle))];
    }

    private static bool IsAt(Socket socket, EndPoint endPoint, SocketType type) =>
        socket.SocketType == type && socket.LocalEndPoint?.ToString() == endPoint.ToString();
}
