namespace Workerman.Protocols.WebSocket;

/// <summary>
/// The codes with which a WebSocket ends (RFC 6455 section 7.4.1). Applications have 3000 to 4999 for themselves.
/// </summary>
public static class CloseCode
{
    /// <summary>The purpose of the connection has been fulfilled.</summary>
    public const int Normal = 1000;

    /// <summary>The server stops, or the browser has left the page.</summary>
    public const int GoingAway = 1001;

    /// <summary>The peer broke the protocol.</summary>
    public const int ProtocolError = 1002;

    /// <summary>The peer sent a kind of message that is not accepted here: bytes, where only text is read.</summary>
    public const int UnsupportedData = 1003;

    /// <summary>The peer's close frame had no code. Never sent.</summary>
    public const int NoStatus = 1005;

    /// <summary>The connection ended without a close frame. Never sent.</summary>
    public const int Abnormal = 1006;

    /// <summary>Text that is not UTF-8, or compressed data that cannot be decompressed.</summary>
    public const int InvalidData = 1007;

    /// <summary>The peer did something that is not allowed here, and no other code fits.</summary>
    public const int PolicyViolation = 1008;

    /// <summary>A message or frame above the limit.</summary>
    public const int MessageTooBig = 1009;

    /// <summary>The server has failed on an error of its own.</summary>
    public const int InternalError = 1011;

    /// <summary>The server restarts: connect again, after a random time (the registry's meaning of 1012).</summary>
    public const int ServiceRestart = 1012;

    /// <summary>Whether a code may be sent, and so may come (section 7.4; the registry has 1012 to 1014 besides).</summary>
    public static bool CanBeSent(int code) => code is >= 1000 and <= 1003 or >= 1007 and <= 1014 or >= 3000 and <= 4999;
}
