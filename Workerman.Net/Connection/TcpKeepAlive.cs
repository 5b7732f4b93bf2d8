using System.Net.Sockets;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// How the system finds out that a peer vanished without closing (SO_KEEPALIVE, RFC 1122 section 4.2.3.6): after
/// <see cref="Idle"/> without anything received it sends <see cref="Probes"/> probes, an <see cref="Interval"/> apart, and
/// without an answer closes the connection. By default after 55 + 55 seconds, as in PHP. It does not probe while sent bytes are
/// not acknowledged: it repeats these (on Linux for about 15 minutes), unless TCP_USER_TIMEOUT is set. Immutable.
/// </summary>
public sealed record TcpKeepAlive
{
    /// <summary>
    /// Time without anything received before the first question; 55 seconds. Whole seconds, 1 to 32,767 (TCP_KEEPIDLE).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is another time.</exception>
    public TimeSpan Idle { get; init => field = WholeSeconds(value); } = TimeSpan.FromSeconds(55);

    /// <summary>Time for each answer; 55 seconds. Whole seconds, 1 to 32,767 (TCP_KEEPINTVL).</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is another time.</exception>
    public TimeSpan Interval { get; init => field = WholeSeconds(value); } = TimeSpan.FromSeconds(55);

    /// <summary>How many questions may go without an answer; 1, up to 127 (TCP_KEEPCNT).</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is another number.</exception>
    public int Probes
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 127);
            field = value;
        }
    } = 1;

    /// <summary>Sets the options of a TCP socket.</summary>
    internal void ApplyTo(ConnectedSocket socket) =>
        socket.SetKeepAlive((int)Idle.TotalSeconds, (int)Interval.TotalSeconds, Probes);

    private static TimeSpan WholeSeconds(TimeSpan value) =>
        value.Ticks % TimeSpan.TicksPerSecond == 0 && value.TotalSeconds is >= 1 and <= 32_767
        ? value
        : throw new ArgumentOutOfRangeException(nameof(value), value,
            "Keep-alive takes whole seconds, 1 to 32,767, which is what systems take. To switch it off set KeepAlive to null.");
}
