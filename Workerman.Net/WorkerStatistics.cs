using Workerman.Diagnostics;

namespace Workerman;

/// <summary>
/// What workers have had to do since they began: of one worker, or of all (PHP: the columns of <c>status</c>). What has ended
/// still counts. Client connections and timers count for the worker whose loop they are on. A snapshot that never changes, of
/// figures that are read one after another; any thread.
/// </summary>
public class WorkerStatistics
{
    internal WorkerStatistics(in FigureTotals totals)
    {
        Connections = totals.Connections;
        TotalConnections = totals.TotalConnections;
        Requests = totals.Requests;
        Exceptions = totals.Exceptions;
        SendFailures = totals.SendFailures;
        Timers = totals.Timers;
        BytesRead = totals.BytesRead;
        BytesWritten = totals.BytesWritten;
        LoopLag = totals.Lag;
    }

    /// <summary>
    /// Connections that are open now, in the handshake of TLS, or coming to their end (PHP: <c>connections</c>). A worker of
    /// datagrams has none.
    /// </summary>
    public long Connections { get; }

    /// <summary>Connections that there have been, the open ones included.</summary>
    public long TotalConnections { get; }

    /// <summary>
    /// Messages that were handed to the application, whatever the protocol: requests, handshakes of WebSockets and their
    /// messages, datagrams, what clients have received (PHP: <c>total_request</c>). What a pipe hands on is none.
    /// </summary>
    public long Requests { get; }

    /// <summary>
    /// Exceptions that callbacks, timers or posted work have not caught; the library has logged them (PHP:
    /// <c>throw_exception</c>). A <c>BadRequestException</c> is the client's mistake, and none.
    /// </summary>
    public long Exceptions { get; }

    /// <summary>
    /// Sends that failed, or were dropped because a buffer was full: as often as <c>OnError</c> was called with
    /// <c>SendFail</c> (PHP: <c>send_fail</c>).
    /// </summary>
    public long SendFailures { get; }

    /// <summary>Timers that are armed now, those of the library's event streams included (PHP: <c>timers</c>).</summary>
    public int Timers { get; }

    /// <summary>Bytes received, of connections and datagrams; over TLS those of the wire.</summary>
    public long BytesRead { get; }

    /// <summary>Bytes that the system has taken, of connections and datagrams; over TLS those of the wire.</summary>
    public long BytesWritten { get; }

    /// <summary>
    /// The longest turn of a loop in about the last second, the present one included: so long has what became ready waited for
    /// its loop. Of several loops the longest.
    /// </summary>
    public TimeSpan LoopLag { get; }
}
