namespace Workerman.Protocols.WebSocket;

/// <summary>What a frame is (RFC 6455 section 5.2).</summary>
internal enum Opcode : byte
{
    /// <summary>Another fragment of a message.</summary>
    Continuation = 0x0,

    /// <summary>UTF-8, or the first fragment of it.</summary>
    Text = 0x1,

    /// <summary>Bytes, or the first fragment of them.</summary>
    Binary = 0x2,

    /// <summary>The end, with a code and a reason.</summary>
    Close = 0x8,

    /// <summary>A question whether somebody is there.</summary>
    Ping = 0x9,

    /// <summary>The answer to it.</summary>
    Pong = 0xA,
}
