using System.Collections.Concurrent;
using System.Net;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// The one look-up of host names, for TCP and UDP clients and for workers that listen on a name, without keeping a loop waiting.
/// The system's look-up cannot be cancelled and may take as long as the name servers do, so there is one at most for each name:
/// who asks meanwhile, mostly a client that tries again, gets the same answer. It keeps no answers. Any thread.
/// </summary>
/// <remarks>
/// All take the addresses in the order of the system, which is that of RFC 6724: addresses that cannot be reached from here come
/// last, and of the others mostly IPv6 first. A TCP client connects to them in turns (<see cref="ConnectRace"/>, RFC 8305), a UDP
/// client takes the first for which a socket opens, a worker listens on the first.
/// </remarks>
internal static class HostNames
{
    private static readonly ConcurrentDictionary<string, Task<IPAddress[]>> UnderWay = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// All addresses of a name, in their order. An IPv4-mapped IPv6 address comes as IPv4: a socket of IPv6 does not always reach
    /// it.
    /// </summary>
    /// <exception cref="System.Net.Sockets.SocketException">The name is not known, or nobody can be asked.</exception>
    public static Task<IPAddress[]> LookUpAsync(string host) => LookUpAsync(host, static host => Dns.GetHostAddressesAsync(host));

    internal static Task<IPAddress[]> LookUpAsync(string host, Func<string, Task<IPAddress[]>> system)
    {
        var mine = new TaskCompletionSource<IPAddress[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<IPAddress[]> task = UnderWay.GetOrAdd(host, mine.Task);
        if (task == mine.Task) _ = AskAsync(host, system, mine);
        return task;
    }

    private static async Task AskAsync(string host, Func<string, Task<IPAddress[]>> system,
        TaskCompletionSource<IPAddress[]> answer)
    {
        try
        {
            // On the thread pool, whatever it does before its first await.
            IPAddress[] addresses = await Task.Run(() => system(host)).ConfigureAwait(false);
            UnderWay.TryRemove(host, out _);
            answer.SetResult(Array.ConvertAll(addresses, static address => address.Unmapped()));
        }
        catch (Exception e)
        {
            UnderWay.TryRemove(host, out _);
            answer.SetException(e);
        }
    }
}
