using Workerman.Connection;

namespace Workerman.Extensions.Hosting;

/// <summary>What the configuration says of <see cref="WorkerOptions.KeepAlive"/>. Belongs to its <see cref="WorkerSettings"/>.
/// </summary>
public sealed class KeepAliveSettings
{
    /// <summary>Whether vanished peers are looked for; true.</summary>
    public bool? Enabled { get; set; }

    /// <inheritdoc cref="TcpKeepAlive.Idle"/>
    public TimeSpan? Idle { get; set; }

    /// <inheritdoc cref="TcpKeepAlive.Interval"/>
    public TimeSpan? Interval { get; set; }

    /// <inheritdoc cref="TcpKeepAlive.Probes"/>
    public int? Probes { get; set; }

    internal void ApplyTo(WorkerOptions options, SettingPath path)
    {
        TcpKeepAlive keepAlive = options.KeepAlive ?? new TcpKeepAlive();
        path.Set(Idle, value => keepAlive = keepAlive with { Idle = value });
        path.Set(Interval, value => keepAlive = keepAlive with { Interval = value });
        path.Set(Probes, value => keepAlive = keepAlive with { Probes = value });
        options.KeepAlive = Enabled ?? true ? keepAlive : null;
    }
}
