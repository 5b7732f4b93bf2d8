using System.Buffers;
using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>
/// What a stream sends besides events: blocks that a browser dispatches nothing for (WHATWG HTML section 9.2.6). Pure; any
/// thread.
/// </summary>
internal static class EventBlocks
{
    /// <summary>A sign of life.</summary>
    public static byte[] Heartbeat { get; } = Encode(new ServerSentEvents { Comment = "" });

    /// <summary>Sets the id that the client comes back with.</summary>
    public static byte[] Bookmark(string id) => Encode(new ServerSentEvents { Id = id });

    /// <summary>Sets how long the client waits before it comes back; nothing if there is nothing to set.</summary>
    public static byte[] Retry(TimeSpan? time) =>
        time is { } retry ? Encode(new ServerSentEvents { Retry = (int)retry.TotalMilliseconds }) : [];

    private static byte[] Encode(ServerSentEvents block)
    {
        var output = new ArrayBufferWriter<byte>();
        block.WriteTo(output);
        return output.WrittenSpan.ToArray();
    }
}
