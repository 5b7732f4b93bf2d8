using Workerman.Events;

namespace Workerman.Tests.Support;

/// <summary>The event loops that run on this system: the argument of every fixture that needs one.</summary>
internal static class Loops
{
    public static Type[] Available => OperatingSystem.IsLinux() ? [typeof(EpollLoop), typeof(SocketLoop)] : [typeof(SocketLoop)];
}
