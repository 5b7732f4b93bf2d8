using Workerman.Events;

namespace Workerman.Tests.Support;

/// <summary>The ways in which a loop does its work here: each event loop, and epoll once without io_uring.</summary>
internal static class Drivers
{
    public static object[][] Available => OperatingSystem.IsLinux()
        ? [[typeof(EpollLoop), true], [typeof(EpollLoop), false], [typeof(SocketLoop), true]]
        : [[typeof(SocketLoop), true]];
}
