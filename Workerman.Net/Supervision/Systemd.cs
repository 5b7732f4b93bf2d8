using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;

namespace Workerman.Supervision;

/// <summary>
/// What systemd is told: that the program is ready, reloads, stops, is alive (sd_notify(3)). Says nothing where systemd has not
/// started the program with a socket to say it to. Any thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class Systemd
{
    private readonly string? _path = Environment.GetEnvironmentVariable("NOTIFY_SOCKET");

    private Systemd()
    {
        // Programs that this one starts are not to speak for it.
        Environment.SetEnvironmentVariable("NOTIFY_SOCKET", null);
        if (Environment.GetEnvironmentVariable("WATCHDOG_USEC") is not { } text
            || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds)) return;
        string? process = Environment.GetEnvironmentVariable("WATCHDOG_PID");
        if (process is null || process == Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            WatchdogInterval = TimeSpan.FromMicroseconds(microseconds / 2.0);
    }

    /// <summary>That of the process.</summary>
    public static Systemd Current { get; } = new();

    /// <summary>Whether systemd has started this program, and wants to hear of it.</summary>
    public bool IsThere => _path is not null;

    /// <summary>How often it wants to hear that the program is alive; null for never.</summary>
    public TimeSpan? WatchdogInterval { get; }

    /// <summary>The program serves; also after a reload.</summary>
    public void Ready(string status) =>
        Notify(string.Create(CultureInfo.InvariantCulture, $"READY=1\nMAINPID={Environment.ProcessId}\nSTATUS={status}"));

    /// <summary>A reload begins. It ends with <see cref="Ready"/> (Type=notify-reload, systemd.service(5)).</summary>
    public void Reloading() => Notify(string.Create(CultureInfo.InvariantCulture,
        $"RELOADING=1\nMONOTONIC_USEC={(long)Stopwatch.GetElapsedTime(0).TotalMicroseconds}"));

    public void Stopping() => Notify("STOPPING=1");

    public void Alive() => Notify("WATCHDOG=1");

    private void Notify(string state)
    {
        if (_path is null) return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            // A name that begins with @ is in the abstract namespace.
            string name = _path[0] == '@' ? '\0' + _path[1..] : _path;
            socket.SendTo(Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(name));
        }
        catch (SocketException)
        {
            // Nobody listens: it was started by hand with the variable set.
        }
    }
}
