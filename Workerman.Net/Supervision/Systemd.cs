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
    /// <summary>systemd takes messages of 4,096 bytes, and a person reads a line.</summary>
    private const int MaxStatus = 500;

    /// <summary>systemd hangs if it has not read by then; the program goes on without it.</summary>
    private static readonly TimeSpan SendTime = TimeSpan.FromSeconds(5);

    private readonly UnixDomainSocketEndPoint? _socket;

    private Systemd()
    {
        _socket = EndPointOf(Take("NOTIFY_SOCKET"));
        string? text = Take("WATCHDOG_USEC"), process = Take("WATCHDOG_PID");
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds) || microseconds == 0)
            return;
        if (process is null || process == Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            WatchdogTime = TimeSpan.FromMicroseconds(Math.Min(microseconds, TimeSpan.FromDays(24).TotalMicroseconds));
    }

    /// <summary>That of the process. What its environment says is removed from there with the first use.</summary>
    public static Systemd Current { get; } = new();

    /// <summary>Whether systemd has started this program, and wants to hear of it.</summary>
    public bool IsThere => _socket is not null;

    /// <summary>For how long it may hear nothing before it takes the program for dead; null for any time.</summary>
    public TimeSpan? WatchdogTime { get; }

    /// <summary>How often it is told that the program is alive (sd_watchdog_enabled(3)); null for never.</summary>
    public TimeSpan? WatchdogInterval => WatchdogTime / 2;

    /// <summary>The program serves; also after a reload.</summary>
    public void Ready(string status) => Notify(
        string.Create(CultureInfo.InvariantCulture, $"READY=1\nMAINPID={Environment.ProcessId}\nSTATUS={StatusOf(status)}"));

    /// <summary>A reload begins. It ends with <see cref="Ready"/> (Type=notify-reload, systemd.service(5)).</summary>
    public void Reloading() => Notify(string.Create(CultureInfo.InvariantCulture,
        $"RELOADING=1\nMONOTONIC_USEC={(long)Stopwatch.GetElapsedTime(0).TotalMicroseconds}"));

    public void Stopping() => Notify("STOPPING=1");

    public void Alive() => Notify("WATCHDOG=1");

    /// <summary>A text as a status: a line feed would begin another assignment.</summary>
    internal static string StatusOf(string text)
    {
        string line = string.Concat(text.Select(static c => char.IsControl(c) ? ' ' : c));
        return line.Length <= MaxStatus ? line : line[..(MaxStatus - 1)] + "…";
    }

    /// <summary>Programs that this one starts are not to speak for it.</summary>
    private static string? Take(string variable)
    {
        string? value = Environment.GetEnvironmentVariable(variable);
        Environment.SetEnvironmentVariable(variable, null);
        return value;
    }

    /// <summary>A path, or a name of the abstract namespace, which begins with @. Other kinds are not for this system.</summary>
    private static UnixDomainSocketEndPoint? EndPointOf(string? name)
    {
        if (name is null || name.Length < 2 || name[0] is not ('@' or '/')) return null;
        try
        {
            return new UnixDomainSocketEndPoint(name[0] == '@' ? '\0' + name[1..] : name);
        }
        catch (ArgumentException)
        {
            // Longer than a socket's name can be.
            return null;
        }
    }

    private void Notify(string state)
    {
        if (_socket is null) return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
            {
                SendTimeout = (int)SendTime.TotalMilliseconds,
            };
            socket.SendTo(Encoding.UTF8.GetBytes(state), _socket);
        }
        catch (SocketException)
        {
            // Nobody listens: it was started by hand with the variable set.
        }
    }
}
