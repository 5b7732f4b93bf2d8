using Workerman.Protocols.WebSocket;

namespace Workerman.Extensions.Hosting;

/// <summary>What the configuration says of <see cref="WebSocketOptions"/>. Belongs to its <see cref="WorkerSettings"/>.</summary>
public sealed class WebSocketSettings
{
    /// <inheritdoc cref="WebSocketOptions.MaxFrameSize"/>
    public long? MaxFrameSize { get; set; }

    /// <inheritdoc cref="WebSocketOptions.PingInterval"/>
    public TimeSpan? PingInterval { get; set; }

    /// <inheritdoc cref="WebSocketOptions.MessageTimeout"/>
    public TimeSpan? MessageTimeout { get; set; }

    /// <inheritdoc cref="WebSocketOptions.MinMessageRate"/>
    public int? MinMessageRate { get; set; }

    /// <inheritdoc cref="WebSocketOptions.MinMessageRateGrace"/>
    public TimeSpan? MinMessageRateGrace { get; set; }

    /// <summary>
    /// Whether messages are compressed with clients that offer it; true keeps the <see cref="WebSocketOptions.Deflate"/> of the
    /// program, or sets its defaults.
    /// </summary>
    public bool? Deflate { get; set; }

    internal void ApplyTo(WebSocketOptions options, SettingPath path)
    {
        path.Set(MaxFrameSize, value => options.MaxFrameSize = value);
        path.Set(PingInterval, value => options.PingInterval = value);
        path.Set(MessageTimeout, value => options.MessageTimeout = value);
        path.Set(MinMessageRate, value => options.MinMessageRate = value);
        path.Set(MinMessageRateGrace, value => options.MinMessageRateGrace = value);
        path.Set(Deflate, value => options.Deflate = value ? options.Deflate ?? new DeflateOptions() : null);
    }
}
