using System.Net;

namespace Workerman.Connection;

/// <summary>All that is to be known for one attempt to connect. Immutable.</summary>
/// <param name="Target">Where to.</param>
/// <param name="Proxy">Through whom; null for directly.</param>
/// <param name="BindTo">Where from; null for what the system chooses.</param>
/// <param name="Timeout">How long it may take, look-up and proxy included, or <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>.</param>
/// <param name="LookUp">Looks a host name up without blocking.</param>
internal sealed record ConnectPlan(ClientAddress Target, ProxyAddress? Proxy, IPEndPoint? BindTo, TimeSpan Timeout, Func<string, Task<IPAddress[]>> LookUp)
{
    /// <summary>What is looked up and connected to.</summary>
    public string Host => Proxy?.Host ?? Target.Host;

    public int Port => Proxy?.Port ?? Target.Port;

    /// <summary>The host's address, where no look-up is needed.</summary>
    public IPAddress? Address => Proxy is null ? Target.Address : Proxy.Address;

    public override string ToString() => Proxy is null ? $"{Target}" : $"{Target} through {Proxy}";
}
