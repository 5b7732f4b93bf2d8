namespace Workerman.Protocols.WebSocket;

/// <summary>
/// The codes with which a WebSocket ends (RFC 6455 section 7.4.1). Applications have 3000 to 4999 for themselves.
/// </summary>
public static class CloseCode
{
    /// <summary>All that was to be said has been said.</summary>
    public const int Normal = 1000;

    /// <summary>The server stops, or the page was left.</summary>
    public const int GoingAway = 1001;

    /// <summary>The peer broke the protocol.</summary>
    public const int ProtocolError = 1002;

    /// <summary>The peer sent a kind of message that is not taken here: bytes to one who reads text.</summary>
    public const int UnsupportedData = 1003;

    /// <summary>The peer's close frame had no code. Never sent.</summary>
    public const int NoStatus = 1005;

    /// <summary>The connection ended without a close frame. Never sent.</summary>
    public const int Abnormal = 1006;

    /// <summary>Text that is not UTF-8, or data that cannot be inflated.</summary>
    public const int InvalidData = 1007;

    /// <summary>The peer did what is not allowed here, and there is no better code.</summary>
    public const int PolicyViolation = 1008;

    /// <summary>A message or frame above the limit.</summary>
    public const int MessageTooBig = 1009;

    /// <summary>The server failed.</summary>
    public const int InternalError = 1011;

    /// <summary>Whether a code may be sent, and so may come (section 7.4; the registry has 1012 to 1014 besides).</summary>
    public static bool CanBeSent(int code) => code is >= 1000 and <= 1003 or >= 1007 and <= 1014 or >= 3000 and <= 4999;
}
