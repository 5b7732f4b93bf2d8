using System.Net;
using System.Net.Sockets;
using Workerman.Events;

namespace Workerman.Hosting;

/// <summary>Says in one line why an address cannot be listened on and what helps. Pure.</summary>
internal static class ListenFailure
{
    /// <param name="address">Where a worker was to listen.</param>
    /// <param name="error">The system's error.</param>
    /// <param name="message">The system's text for it.</param>
    /// <param name="isOwn">Whether a worker of this program has the port.</param>
    public static string Explain(ListenAddress address, SocketError error, string message, bool isOwn)
    {
        var endPoint = (IPEndPoint)address.EndPoint;
        int port = endPoint.Port;
        (string cause, string cure) = error switch
        {
            SocketError.AddressAlreadyInUse when isOwn => ($"port {port} is in use by another worker of this program",
                "Set ReusePort of both to share it, as a worker that is made on each of several loops has to, "
                + "or choose another port"),
            SocketError.AddressAlreadyInUse => ($"port {port} is in use by another program",
                $"Stop that program (find it with 'ss -lntup sport = :{port}' or 'lsof -i :{port}') or choose another port"),
            SocketError.AccessDenied => ($"the system does not let this user listen on port {port}",
                "Ports below 1024 need a privilege: choose a higher port, or run with it"),
            SocketError.AddressNotAvailable =>
                ($"{endPoint.Address} is no address of this machine", "Use one that is, or 0.0.0.0 for all"),
            SocketError.AddressFamilyNotSupported =>
                ("this machine does not speak that IP version", "Use an address of the other one"),
            SocketError.TooManyOpenSockets => (DescriptorHeadroom.Shortage, "Raise the limit of open files (ulimit -n)"),
            _ => (message, "Check the address and what Options.ConfigureSocket sets"),
        };
        return $"Cannot listen on {address.Text}: {cause}. Cure: {cure}.";
    }
}
