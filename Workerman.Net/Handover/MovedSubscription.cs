using System.Buffers;
using System.Net;
using System.Runtime.Versioning;
using Workerman.Events;

namespace Workerman.Handover;

/// <summary>Where a subscription stands. Immutable.</summary>
/// <param name="Stream">Name of its stream.</param>
/// <param name="Index">Which of the streams with that name, in the order in which they were made.</param>
/// <param name="LastSequence">The event after which it goes on, be it that those before were sent or are not wanted.</param>
/// <param name="Known">The event after which its client would resume, by the last id that it was sent.</param>
/// <param name="LastId">That id.</param>
internal sealed record MovedPlace(string Stream, int Index, long LastSequence, long Known, string LastId);

/// <summary>
/// An open event stream on its way from one process to the next: its connection, the request that it answers, and its place. The
/// connection is open and has been told nothing. It owns the descriptor until <see cref="TakeDescriptor"/>. Any thread, one at a
/// time. Linux.
/// </summary>
/// <param name="descriptor">The connection, which belongs to this object from here on.</param>
internal sealed class MovedSubscription(int descriptor) : IDisposable
{
    /// <summary>What <see cref="Encode"/> writes first.</summary>
    public const byte Version = 1;

    private int _descriptor = descriptor;

    /// <summary>The connection; -1 when it has been taken, or closed.</summary>
    public int Descriptor => Volatile.Read(ref _descriptor);

    /// <summary>Address of the worker that it came through, as that was given it.</summary>
    public required string Worker { get; init; }

    /// <summary>The head of the request as it came, from the method to the empty line.</summary>
    public required byte[] Head { get; init; }

    /// <summary>Stream and place.</summary>
    public required MovedPlace Place { get; init; }

    /// <summary>What the peer is to be sent before anything else.</summary>
    public byte[] Unsent { get; init; } = [];

    /// <summary>The client's address, where the connection's own is that of a proxy (PROXY protocol); otherwise null.</summary>
    public IPEndPoint? Remote { get; init; }

    /// <summary>The address that the client connected to, as the proxy says; otherwise null.</summary>
    public IPEndPoint? Local { get; init; }

    /// <summary>The time over which those are spread that have to connect again.</summary>
    public TimeSpan Window { get; init; }

    /// <summary>Reads what <see cref="Encode"/> has written.</summary>
    /// <param name="bytes">All of it.</param>
    /// <param name="descriptor">The connection in this process; the result owns it.</param>
    /// <exception cref="InvalidDataException">Another version has written it, or it is damaged. The descriptor stays the
    /// caller's.</exception>
    public static MovedSubscription Decode(ReadOnlySpan<byte> bytes, int descriptor)
    {
        var reader = new HandoverReader(new ReadOnlySequence<byte>(bytes.ToArray()));
        reader.ReadVersion(Version);
        return new MovedSubscription(descriptor)
        {
            Worker = reader.ReadText(),
            Head = reader.ReadBytes(),
            Place = new MovedPlace(reader.ReadText(), reader.ReadInt32(), reader.ReadInt64(), reader.ReadInt64(),
                reader.ReadText()),
            Unsent = reader.ReadBytes(),
            Remote = ReadEndPoint(ref reader),
            Local = ReadEndPoint(ref reader),
            Window = TimeSpan.FromMilliseconds(Math.Max(0, reader.ReadInt32())),
        };
    }

    /// <summary>All but the descriptor.</summary>
    public byte[] Encode()
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new HandoverWriter(output);
        writer.Write(Version);
        writer.Write(Worker);
        writer.Write(Head);
        writer.Write(Place.Stream);
        writer.Write(Place.Index);
        writer.Write(Place.LastSequence);
        writer.Write(Place.Known);
        writer.Write(Place.LastId);
        writer.Write(Unsent);
        WriteEndPoint(writer, Remote);
        WriteEndPoint(writer, Local);
        writer.Write(HandoverPlan.MillisecondsOf(Window));
        return output.WrittenSpan.ToArray();
    }

    /// <summary>The connection is the caller's from here on.</summary>
    public int TakeDescriptor() => Interlocked.Exchange(ref _descriptor, -1);

    /// <summary>
    /// Ends the stream where no worker takes it: its client is told when to connect again, if its socket has room for that
    /// behind what it has not been sent yet, and the connection is closed.
    /// </summary>
    [SupportedOSPlatform("linux")]
    public void End(ReadOnlySpan<byte> last)
    {
        byte[] all = [.. Unsent, .. last];
        // One call takes all of it or the rest is lost: a block that is cut has no effect (WHATWG HTML section 9.2.6).
        if (Descriptor is >= 0 and var open) SocketCalls.Send(open, all, out _);
        Dispose();
    }

    /// <summary>Closes the connection, unless it was taken.</summary>
    public void Dispose()
    {
        if (TakeDescriptor() is >= 0 and var open) new ConnectedSocket(open, default).Dispose();
    }

    private static void WriteEndPoint(HandoverWriter writer, IPEndPoint? endPoint)
    {
        writer.Write(endPoint?.Address.ToString());
        writer.Write(endPoint?.Port ?? 0);
    }

    private static IPEndPoint? ReadEndPoint(ref HandoverReader reader)
    {
        string? address = reader.ReadTextOrNull();
        int port = reader.ReadInt32();
        if (address is null) return null;
        return IPAddress.TryParse(address, out IPAddress? ip) && port is >= IPEndPoint.MinPort and <= IPEndPoint.MaxPort
            ? new IPEndPoint(ip, port)
            : throw HandoverReader.Damaged();
    }
}
