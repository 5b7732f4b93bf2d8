using System.Collections.Concurrent;
using System.Net;

namespace Workerman.Connection;

/// <summary>
/// Looks host names up without keeping a loop waiting. The system's look-up cannot be cancelled and may take as long as the name
/// servers do, so there is one at most for each name: who asks meanwhile, a client that
/// tries again mostly, gets the same answer. It remembers nothing. Any thread.
/// </summary>
internal static class HostNames
{
    private static readonly ConcurrentDictionary<string, Task<IPAddress[]>> UnderWay = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>All addresses of a name, in the order that the system prefers (RFC 6724). An IPv4 address in IPv6's writing (RFC 4291 section 2.5.5.2) comes as IPv4: a socket of IPv6 need not reach it.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">The name is not known, or nobody can be asked.</exception>
    public static Task<IPAddress[]> LookUpAsync(string host) => LookUpAsync(host, static host => Dns.GetHostAddressesAsync(host));

    internal static Task<IPAddress[]> LookUpAsync(string host, Func<string, Task<IPAddress[]>> system)
    {
        var mine = new TaskCompletionSource<IPAddress[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<IPAddress[]> task = UnderWay.GetOrAdd(host, mine.Task);
        if (task == mine.Task) _ = AskAsync(host, system, mine);
        return task;
    }

    private static async Task AskAsync(string host, Func<string, Task<IPAddress[]>> system, TaskCompletionSource<IPAddress[]> answer)
    {
        try
        {
            // On the thread pool, whatever it does before its first await.
            IPAddress[] addresses = await Task.Run(() => system(host)).ConfigureAwait(false);
            UnderWay.TryRemove(host, out _);
            answer.SetResult(Array.ConvertAll(addresses, address => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address));
        }
        catch (Exception e)
        {
            UnderWay.TryRemove(host, out _);
            answer.SetException(e);
        }
    }
}
