namespace Workerman.Protocols;

/// <summary>
/// Whether the body of a message comes too slowly: after a grace, on average fewer bytes than a least rate. What came faster than
/// that counts for no longer than half a minute, so that a peer that has sent much does not hold it for hours. It has no clock:
/// it is asked about once a second, and only while the peer is read from, so that a busy loop, or an application that has paused
/// reading, is not held against the peer. Owned by what reads the body, on the loop's thread.
/// </summary>
internal sealed class LeastRate
{
    private const int CreditSeconds = 30;

    private int _seconds;

    /// <summary>Bytes that have to be there by now.</summary>
    private long _wanted;

    /// <summary>A second has passed.</summary>
    /// <param name="received">Bytes of the body that have come so far.</param>
    /// <param name="bytesPerSecond">The least rate.</param>
    /// <param name="grace">How long a body may be slower at its beginning.</param>
    public bool IsMissed(long received, int bytesPerSecond, TimeSpan grace)
    {
        _wanted = Math.Max(_wanted + bytesPerSecond, received - (long)CreditSeconds * bytesPerSecond);
        return ++_seconds > grace.TotalSeconds && received < _wanted;
    }
}
