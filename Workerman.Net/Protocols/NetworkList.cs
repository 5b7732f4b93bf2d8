using System.Buffers;
using System.Collections;
using System.Net;
using System.Net.Sockets;

namespace Workerman.Protocols;

/// <summary>
/// Peers that are trusted, by address: networks (<c>10.0.0.0/8</c>), single addresses, and <c>unix:</c> for all peers on a Unix
/// socket. IPv4 addresses and those that IPv6 maps them to are the same. Set it up before the worker listens; from then on any
/// thread may ask it.
/// </summary>
public sealed class NetworkList : IEnumerable<IPNetwork>
{
    private const string Unix = "unix:";

    private readonly List<IPNetwork> _networks = [];

    /// <summary>Whether it is empty: nobody is trusted.</summary>
    public bool IsEmpty => _networks.Count == 0 && !HasUnixSockets;

    /// <summary>
    /// Whether peers on Unix sockets are in it. They have no address: the mode of the socket's file decides who may connect.
    /// </summary>
    public bool HasUnixSockets { get; private set; }

    /// <summary>Adds a network.</summary>
    public void Add(IPNetwork network) => _networks.Add(Unmap(network));

    /// <summary>Adds one address.</summary>
    public void Add(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Add(new IPNetwork(WithoutScope(address), address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128));
    }

    /// <summary>Adds an address (<c>192.0.2.1</c>, <c>2001:db8::1</c>), a network (<c>10.0.0.0/8</c>, <c>fd00::/8</c>), or
    /// <c>unix:</c>.</summary>
    /// <exception cref="ArgumentException">It is none of these.</exception>
    public void Add(string network)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (network == Unix) HasUnixSockets = true;
        else if (IPNetwork.TryParse(network, out IPNetwork parsed)) Add(parsed);
        else if (AddressText.TryRead(network, out IPAddress? address)) Add(address!);
        else
            throw new ArgumentException($"'{network}' is no network; write an address (192.0.2.1), a network (10.0.0.0/8, "
                + "fd00::/8), or unix: for Unix sockets.", nameof(network));
    }

    /// <summary>Whether an address is in one of the networks.</summary>
    public bool Contains(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        IPAddress plain = Unmap(address);
        foreach (IPNetwork network in _networks)
        {
            if (network.Contains(plain)) return true;
        }
        return false;
    }

    /// <summary>The networks, in the order in which they were added; a single address is a network of one.</summary>
    public IEnumerator<IPNetwork> GetEnumerator() => _networks.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The IPv4 address that an IPv6 address stands for (RFC 4291 section 2.5.5.2), or the address itself.</summary>
    internal static IPAddress Unmap(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static IPNetwork Unmap(IPNetwork network)
    {
        const int MappedPrefix = 96;
        return network.BaseAddress.IsIPv4MappedToIPv6 && network.PrefixLength >= MappedPrefix
            ? new IPNetwork(network.BaseAddress.MapToIPv4(), network.PrefixLength - MappedPrefix)
            : network;
    }

    private static IPAddress WithoutScope(IPAddress address) =>
        address is { AddressFamily: AddressFamily.InterNetworkV6, ScopeId: not 0 }
        ? new IPAddress(address.GetAddressBytes())
        : address;
}

/// <summary>
/// IP addresses as they are usually written: four decimal numbers, or IPv6 without brackets and scope. .NET reads <c>127.1</c>,
/// <c>017.0.0.1</c> and <c>[::1]:80</c> as addresses too, which other programs read as other addresses or as none. Pure.
/// </summary>
internal static class AddressText
{
    private static readonly SearchValues<char> Characters = SearchValues.Create("0123456789abcdefABCDEF:.");

    public static bool TryRead(ReadOnlySpan<char> text, out IPAddress? address)
    {
        address = null;
        if (text.ContainsAnyExcept(Characters) || !IPAddress.TryParse(text, out IPAddress? parsed)) return false;
        if (parsed.AddressFamily == AddressFamily.InterNetwork && !text.SequenceEqual(parsed.ToString())) return false;
        address = parsed;
        return true;
    }
}
