using Workerman.Events;
using Workerman.Hosting;

namespace Workerman.Extensions.Hosting;

/// <summary>
/// What the configuration section <c>Workerman</c> holds, and what <c>services.Configure&lt;WorkermanOptions&gt;(…)</c> may
/// set: how the workers of a host run. Times are written as <c>hh:mm:ss</c>. Belongs to the container.
/// </summary>
public sealed class WorkermanOptions
{
    /// <summary>
    /// How long stopping may take before open connections are cut off; null, the default, for as long as the host lets it
    /// (<c>HostOptions.ShutdownTimeout</c>), which bounds it in any case.
    /// </summary>
    public TimeSpan? StopTimeout { get; set; }

    /// <summary>
    /// The event loop: <c>EpollLoop</c>, <c>SocketLoop</c>, or null for <see cref="Worker.EventLoopClass"/>.
    /// </summary>
    public string? EventLoopClass { get; set; }

    /// <summary>Settings of single workers, by the names that they were added with. Upper and lower case do not matter.</summary>
    public IDictionary<string, WorkerSettings> Workers { get; } =
        new Dictionary<string, WorkerSettings>(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Where a worker is to listen: what the settings of its name say, or what the program says. For the constructors of workers
    /// that are classes of their own.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="address">Where it listens when the configuration says nothing.</param>
    public string AddressOf(string name, string address)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(address);
        return Workers.TryGetValue(name, out WorkerSettings? settings) ? settings.Address ?? address : address;
    }

    /// <summary>What a run of the core takes.</summary>
    /// <exception cref="WorkerStartException">A value cannot be used; the message says where it stands.</exception>
    internal RunOptions ToRunOptions(SettingPath path)
    {
        // The host decides, by the token that it stops its services with.
        var options = new RunOptions { StopTimeout = TimeSpan.FromMilliseconds(int.MaxValue) };
        path.Set(StopTimeout, value => options.StopTimeout = value);
        path.Set(EventLoopClass, value => options.EventLoopClass = LoopOf(value));
        return options;
    }

    private static Type LoopOf(string name) => name switch
    {
        nameof(EpollLoop) when OperatingSystem.IsLinux() => typeof(EpollLoop),
        nameof(EpollLoop) => throw new ArgumentException("EpollLoop needs Linux. Cure: use SocketLoop, or leave it out."),
        nameof(SocketLoop) => typeof(SocketLoop),
        _ => throw new ArgumentException($"'{name}' is no event loop. Cure: use EpollLoop or SocketLoop, or leave it out."),
    };
}
