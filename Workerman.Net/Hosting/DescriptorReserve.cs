using System.Net.Sockets;

namespace Workerman.Hosting;

/// <summary>
/// A few descriptors kept for the moment when no other is left. They are given back then, and connections do not get them:
/// the runtime opens files to load what it has not needed before, and a type that fails to load fails for good. Any thread.
/// </summary>
internal static class DescriptorReserve
{
    private const int Size = 16;

    private static readonly Lock Gate = new();
    private static readonly List<Socket> Reserve = [];

    /// <summary>Sets the descriptors aside.</summary>
    /// <returns>False if there are not that many left.</returns>
    public static bool TryFill()
    {
        lock (Gate)
        {
            try
            {
                while (Reserve.Count < Size) Reserve.Add(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
                return true;
            }
            catch (SocketException)
            {
                Empty();
                return false;
            }
        }
    }

    /// <summary>Gives them back to the process.</summary>
    public static void Release()
    {
        lock (Gate) Empty();
    }

    private static void Empty()
    {
        foreach (Socket socket in Reserve) socket.Dispose();
        Reserve.Clear();
    }
}
