namespace Workerman.Protocols;

/// <summary>What a message in one piece may have at most, whatever <c>MaxPackageSize</c> says.</summary>
internal static class MessageSize
{
    /// <summary>Bytes that every text and every array can hold: characters of the longest string.</summary>
    public const int Most = 0x3FFFFFDF;
}
