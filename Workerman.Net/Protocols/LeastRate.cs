namespace Workerman.Protocols;

/// <summary>How fast the messages of a protocol without limits of its own have to come. Immutable; any thread.</summary>
/// <param name="BytesPerSecond">The least rate; 0 for none.</param>
/// <param name="Grace">How long a message may be slower at its beginning.</param>
internal readonly record struct MessageRate(int BytesPerSecond, TimeSpan Grace)
{
    /// <summary>
    /// Bytes that may wait for the rest of their message for any time: a person types slowly, and so little costs nobody much.
    /// </summary>
    public const int FreeSize = 16 * 1024;
}

/// <summary>
/// Whether the body of a message comes too slowly: after a grace, on average fewer bytes than a least rate. What came faster than
/// that counts for no longer than half a minute, so that a peer that has sent much does not hold it for hours. It is asked about
/// once a second, and only while the peer is read from; what lies between two questions counts for two seconds at most, so that
/// a busy loop, or an application that has paused reading, is not held against the peer. Owned by what reads the body, on the
/// loop's thread.
/// </summary>
/// <param name="countsFirst">
/// Whether what has come before the first question counts as what comes later does; otherwise the body begins there.
/// </param>
internal sealed class LeastRate(bool countsFirst)
{
    private const long LongestStep = 2000;
    private const long Credit = 30_000;

    private long _before = -1;

    /// <summary>Milliseconds that count.</summary>
    private long _time;

    /// <summary>Bytes that have to be there by now, in thousandths.</summary>
    private long _wanted;

    /// <param name="now">The loop's clock.</param>
    /// <param name="received">Bytes of the body that have come so far.</param>
    /// <param name="bytesPerSecond">The least rate.</param>
    /// <param name="grace">How long a body may be slower at its beginning.</param>
    public bool IsMissed(long now, long received, int bytesPerSecond, TimeSpan grace)
    {
        long step = _before < 0 ? 0 : Math.Min(now - _before, LongestStep);
        // The first question comes within a second of the beginning: what is owed for a second is no credit.
        if (_before < 0) _wanted = (countsFirst ? Math.Min(received, bytesPerSecond) : received) * 1000;
        else _wanted += step * bytesPerSecond;
        _wanted = Math.Max(_wanted, received * 1000 - Credit * bytesPerSecond);
        _before = now;
        _time += step;
        return _time > grace.TotalMilliseconds && received * 1000 < _wanted;
    }
}
