using System.Net;
using System.Net.Sockets;
using Workerman.Connection;

namespace Workerman.Hosting;

/// <summary>
/// An address to listen on, <c>scheme://host:port</c> or <c>unix://path</c>, taken apart. Pure but for the look-up of host names.
/// </summary>
/// <param name="Text">As it was given.</param>
/// <param name="Scheme">In lower case.</param>
/// <param name="EndPoint">Where to listen: an <see cref="IPEndPoint"/>, or a <see cref="UnixDomainSocketEndPoint"/>.</param>
internal sealed record ListenAddress(string Text, string Scheme, EndPoint EndPoint)
{
    private const string Form = "write it as scheme://host:port, for example http://0.0.0.0:8080 or http://[::1]:8080";

    private static readonly AddressParser Parser = new(lowestPort: 0, Bad);

    /// <exception cref="WorkerStartException">It is no address, or its host is unknown.</exception>
    public static ListenAddress Parse(string text)
    {
        (string scheme, string rest) = Parser.Split(text);
        if (scheme == "unix") return new ListenAddress(text, scheme, UnixPath.EndPointOf(text));
        string authority = rest.TrimEnd('/');
        if (AddressParser.HasUser(authority, rest)) throw User(scheme);
        HostAndPort own = Parser.ParseAuthority(text, authority);
        return new ListenAddress(text, scheme, new IPEndPoint(own.Address ?? LookUp(text, own.Host), own.Port));
    }

    /// <summary>The address that the system prefers of those that a name has.</summary>
    private static IPAddress LookUp(string text, string host)
    {
        try
        {
            return HostNames.LookUpAsync(host).GetAwaiter().GetResult() is [var first, ..]
                ? first
                : throw new SocketException((int)SocketError.HostNotFound);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            throw new WorkerStartException(
                $"Cannot listen on {text}: the host name {host} is not known. Cure: check it, or use an IP address.", e);
        }
    }

    /// <summary>It quotes nothing of the address: the password may be anywhere in it.</summary>
    private static WorkerStartException User(string scheme) => new(
        $"Cannot listen on {scheme}://...: it has a user name or a password before an @, and who may connect is not said there. "
        + $"Cure: {Form}.");

    private static WorkerStartException Bad(string text, string cause) => new($"Cannot listen on {text}: {cause}. Cure: {Form}.");
}
