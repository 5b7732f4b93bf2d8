using System.Net;
using System.Net.Sockets;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>All that is to be known for one attempt to connect. Immutable.</summary>
/// <param name="Target">Where to.</param>
/// <param name="Proxy">Through whom; null for directly.</param>
/// <param name="BindTo">Where from; null for what the system chooses.</param>
/// <param name="Timeout">How long it may take, look-up and proxy included, or
/// <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>.</param>
/// <param name="LookUp">Looks a host name up without blocking.</param>
internal sealed record ConnectPlan(ClientAddress Target, ProxyAddress? Proxy, IPEndPoint? BindTo, TimeSpan Timeout,
    Func<string, Task<IPAddress[]>> LookUp)
{
    /// <summary>
    /// How long one of several addresses may be silent before the next is tried beside it, or
    /// <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>.
    /// </summary>
    public TimeSpan AttemptDelay { get; init; }

    /// <summary>Keep-alive of a TCP connection; null for none.</summary>
    public TcpKeepAlive? KeepAlive { get; init; }

    /// <summary>The application's own options of the socket, set after the library's.</summary>
    public Action<Socket>? ConfigureSocket { get; init; }

    /// <summary>What is looked up and connected to.</summary>
    public HostAndPort Server => Proxy?.Server ?? Target.Server;

    /// <summary>Sets the options of a socket before it connects.</summary>
    /// <exception cref="InvalidOperationException">The application's part failed.</exception>
    public void Prepare(ConnectedSocket socket)
    {
        if (!Target.IsUnix)
        {
            socket.SetNoDelay();
            KeepAlive?.ApplyTo(socket);
        }
        if (ConfigureSocket is null) return;
        try
        {
            socket.Configure(ConfigureSocket);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"ConfigureSocket failed with {e.GetType().Name}: {e.Message}", e);
        }
    }

    public override string ToString() => Proxy is null ? $"{Target}" : $"{Target} through {Proxy}";
}
