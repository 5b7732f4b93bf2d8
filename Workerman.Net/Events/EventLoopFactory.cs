namespace Workerman.Events;

/// <summary>The one place that chooses a driver: the asked-for one, else the best that the system has. Any thread.</summary>
internal static class EventLoopFactory
{
    /// <exception cref="ArgumentException">The type is no <see cref="EventLoop"/>.</exception>
    public static EventLoop Create(Type? type)
    {
        if (type == typeof(SocketLoop)) return new SocketLoop();
        if (type is null || type == typeof(EpollLoop))
        {
            if (OperatingSystem.IsLinux()) return new EpollLoop();
            return type is null ? new SocketLoop() : throw new PlatformNotSupportedException(
                "EpollLoop needs Linux; leave Worker.EventLoopClass null, or use SocketLoop.");
        }
        throw new ArgumentException($"{type} is no event loop of this library; use EpollLoop or SocketLoop.", nameof(type));
    }
}
