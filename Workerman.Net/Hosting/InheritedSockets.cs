using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Workerman.Events;

namespace Workerman.Hosting;

/// <summary>A bound socket that this process was given. Immutable.</summary>
/// <param name="Address">
/// The address of its worker, as text; of one that systemd has opened a name of its own, which is no address.
/// </param>
/// <param name="Socket">The socket.</param>
[SupportedOSPlatform("linux")]
internal sealed record InheritedSocket(string Address, Socket Socket)
{
    /// <summary>What the names of those that systemd has opened begin with.</summary>
    public const string OfSystemd = "systemd:";

    /// <summary>Whether systemd has opened it, and goes on with it when the program has ended.</summary>
    public bool IsOfSystemd => Address.StartsWith(OfSystemd, StringComparison.Ordinal);
}

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
    private static readonly List<InheritedSocket> All = [];

    /// <summary>What systemd has handed over and nobody can listen on, such as a named pipe (<c>ListenFIFO=</c>).</summary>
    private static readonly List<string> Useless = [];

    /// <summary>Keeps a socket for the worker that listens there.</summary>
    /// <param name="descriptor">A bound socket, and a listening one unless it is for datagrams.</param>
    /// <param name="address">The worker's address, as text; or what <see cref="AddFromSystemd"/> has called it.</param>
    /// <exception cref="SocketException">It is no socket.</exception>
    public static void Add(int descriptor, string address)
    {
        Socket socket = Open(descriptor);
        lock (Gate) All.Add(new InheritedSocket(address, socket));
    }

    /// <summary>Takes the socket of an address.</summary>
    /// <param name="address">The worker's, as text.</param>
    /// <param name="endPoint">What it means.</param>
    /// <param name="type">Whether it is for connections or for datagrams.</param>
    /// <returns>Null if there is none.</returns>
    public static InheritedSocket? Take(string address, EndPoint endPoint, SocketType type)
    {
        lock (Gate)
        {
            int at = All.FindIndex(one => one.Address == address && one.Socket.SocketType == type);
            if (at < 0) at = All.FindIndex(one => one.IsOfSystemd && IsAt(one.Socket, endPoint, type));
            if (at < 0) return null;
            InheritedSocket found = All[at];
            All.RemoveAt(at);
            return found;
        }
    }

    /// <summary>Closes what no worker has taken: the program listens elsewhere now.</summary>
    /// <returns>Their addresses.</returns>
    public static string[] CloseRest()
    {
        lock (Gate)
        {
            string[] addresses = [.. All.Select(one => one.Address), .. Useless];
            foreach (InheritedSocket one in All) one.Socket.Dispose();
            All.Clear();
            Useless.Clear();
            return addresses;
        }
    }

    /// <summary>Takes over what systemd has opened for this process (socket activation).</summary>
    public static void AddFromSystemd()
    {
        string? process = Environment.GetEnvironmentVariable("LISTEN_PID");
        string? count = Environment.GetEnvironmentVariable("LISTEN_FDS");
        string[] names = (Environment.GetEnvironmentVariable("LISTEN_FDNAMES") ?? "").Split(':');
        // For this process alone: not for those that it starts.
        foreach (string name in (string[])["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"])
            Environment.SetEnvironmentVariable(name, null);
        if (process != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)) return;
        if (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int sockets)) return;
        for (int i = 0; i < sockets && IsOpen(FirstOfSystemd + i); i++)
            AddOfSystemd(FirstOfSystemd + i, names.Length > i ? names[i] : "");
    }

    /// <summary>Those that wait for their worker, for a process that this one starts in its place.</summary>
    public static IReadOnlyList<(string Address, int Descriptor)> Snapshot()
    {
        lock (Gate) return [.. All.Select(one => (one.Address, (int)one.Socket.Handle))];
    }

    /// <summary>Also has it closed in programs that this one starts.</summary>
    private static bool IsOpen(int descriptor) => SystemCalls.fcntl(descriptor, SystemCalls.F_SETFD, SystemCalls.FD_CLOEXEC) >= 0;

    /// <summary>A descriptor as a socket; what is none is closed.</summary>
    private static Socket Open(int descriptor)
    {
        // Not for programs that this one starts.
        _ = SystemCalls.fcntl(descriptor, SystemCalls.F_SETFD, SystemCalls.FD_CLOEXEC);
        var handle = new SafeSocketHandle(descriptor, ownsHandle: true);
        try
        {
            return new Socket(handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>It is named by its number, which is its own, and by what tells a person which one it is.</summary>
    private static void AddOfSystemd(int descriptor, string name)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{InheritedSocket.OfSystemd}{descriptor} {name}").TrimEnd();
        try
        {
            Socket socket = Open(descriptor);
            string place = socket.LocalEndPoint is { } bound ? $" at {bound}" : ", which is bound to no address";
            lock (Gate) All.Add(new InheritedSocket(text + place, socket));
        }
        catch (SocketException)
        {
            lock (Gate) Useless.Add($"{text}, which is no socket");
        }
    }

    private static bool IsAt(Socket socket, EndPoint endPoint, SocketType type) =>
        socket.SocketType == type && (type == SocketType.Dgram || IsListening(socket))
        && (socket.LocalEndPoint?.ToString() == endPoint.ToString() || IsForBothFamilies(socket, endPoint));

    /// <summary>One connection (<c>Accept=yes</c>) is no place to listen.</summary>
    private static bool IsListening(Socket socket) =>
        socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.AcceptConnection) is not 0;

    /// <summary><c>ListenStream=8080</c> is bound to [::], and takes IPv4 as well unless it says otherwise.</summary>
    private static bool IsForBothFamilies(Socket socket, EndPoint endPoint) =>
        endPoint is IPEndPoint wanted && wanted.Address.Equals(IPAddress.Any)
        && socket.LocalEndPoint is IPEndPoint bound && bound.Port == wanted.Port && bound.Address.Equals(IPAddress.IPv6Any)
        && socket.DualMode;
}
