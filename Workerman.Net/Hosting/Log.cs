using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Protocols;

namespace Workerman.Hosting;

/// <summary>Every line that the library logs. Any thread.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "Worker {Worker} listens on {Address}")]
    public static partial void Listening(ILogger logger, string worker, string address);

    [LoggerMessage(2, LogLevel.Information, "Stopping")]
    public static partial void Stopping(ILogger logger);

    [LoggerMessage(3, LogLevel.Information, "Stopped")]
    public static partial void Stopped(ILogger logger);

    [LoggerMessage(4, LogLevel.Error, "A callback of worker {Worker} failed")]
    public static partial void CallbackFailed(ILogger logger, string worker, Exception exception);

    [LoggerMessage(5, LogLevel.Error, "A callback of worker {Worker} failed for connection {Connection} from {Remote}")]
    public static partial void CallbackFailed(ILogger logger, string worker, long connection, string remote, Exception exception);

    [LoggerMessage(6, LogLevel.Error,
        "Worker {Worker} pauses accepting: {Reason}. Open connections go on, new ones wait. {Cure}")]
    public static partial void AcceptPaused(ILogger logger, string worker, string reason, string cure);

    [LoggerMessage(60, LogLevel.Warning, "{Count} times in the last second a connection, file, upload or session was refused, "
        + "because few file descriptors are left. Raise the limit of open files (ulimit -n), or find out who keeps them.")]
    public static partial void DescriptorsRefused(ILogger logger, long count);

    [LoggerMessage(7, LogLevel.Information, "Worker {Worker} accepts again")]
    public static partial void AcceptResumed(ILogger logger, string worker);

    [LoggerMessage(8, LogLevel.Debug, "Connection {Connection} from {Remote} was refused: {Status} {Reason}")]
    public static partial void Rejected(ILogger logger, long connection, string remote, int status, string? reason);

    /// <summary>
    /// What a protocol has refused. HTTP answers with a status, and scanners send so much to HTTP ports that it would fill the
    /// log: Debug. Any other protocol closes without an answer, and only the log tells why: Warning.
    /// </summary>
    public static void Rejected(ILogger logger, long connection, string remote, Verdict verdict)
    {
        if (verdict.Status != 0) Rejected(logger, connection, remote, verdict.Status, verdict.Reason);
        else Refused(logger, connection, remote, verdict.Reason);
    }

    [LoggerMessage(40, LogLevel.Warning, "Connection {Connection} from {Remote} is closed: {Reason}")]
    private static partial void Refused(ILogger logger, long connection, string remote, string? reason);

    /// <summary>Debug, like all refusals that any peer can cause as often as it likes.</summary>
    [LoggerMessage(50, LogLevel.Debug,
        "Worker {Worker}: OnWebSocketConnect refused connection {Connection} from {Remote} for {Path} with {Answer}")]
    public static partial void WebSocketRefused(ILogger logger, string worker, long connection, string remote, string path,
        string answer);

    [LoggerMessage(51, LogLevel.Debug, "Connection {Connection} from {Remote}: {Error}, {Reason}")]
    private static partial void ErrorUntold(ILogger logger, long connection, string? remote, ConnectionError error,
        string reason);

    /// <summary>
    /// An error of a connection that has no OnError. There may be one for each connection and message, so its text is made only
    /// where the log takes it.
    /// </summary>
    public static void ErrorUntold(ILogger logger, TcpConnection connection, ConnectionError error, string reason)
    {
        if (logger.IsEnabled(LogLevel.Debug))
            ErrorUntold(logger, connection.Id, connection.RemoteAddress?.ToString(), error, reason);
    }

    [LoggerMessage(41, LogLevel.Debug, "Worker {Worker} refuses a datagram from {Remote}: {Reason}")]
    public static partial void DatagramRefused(ILogger logger, string worker, string remote, string? reason);

    [LoggerMessage(42, LogLevel.Error, "A callback of worker {Worker} failed for a datagram from {Remote}")]
    public static partial void DatagramFailed(ILogger logger, string worker, string remote, Exception exception);

    [LoggerMessage(9, LogLevel.Error, "Loop {Loop} did not stop in time: a callback blocks it. It is left behind.")]
    public static partial void LoopHangs(ILogger logger, string loop);

    [LoggerMessage(62, LogLevel.Warning, "{Callback} of worker {Worker} has held its loop {Loop} for {Milliseconds} ms by now: "
        + "all its other connections and timers wait (Worker.SlowCallbackTime)")]
    public static partial void CallbackHolds(ILogger logger, string loop, string worker, string callback, long milliseconds);

    [LoggerMessage(63, LogLevel.Warning,
        "{Callback} of worker {Worker} has returned; it held its loop {Loop} for {Milliseconds} ms")]
    public static partial void CallbackReturned(ILogger logger, string loop, string worker, string callback, long milliseconds);

    [LoggerMessage(10, LogLevel.Critical, "Loop {Loop} broke")]
    public static partial void LoopBroke(ILogger logger, string loop, Exception exception);

    [LoggerMessage(11, LogLevel.Warning, "A connection of worker {Worker} could not be taken on")]
    public static partial void ConnectionLost(ILogger logger, string worker, Exception exception);

    [LoggerMessage(12, LogLevel.Error, "{Message}")]
    public static partial void StartFailed(ILogger logger, string message);

    [LoggerMessage(14, LogLevel.Debug,
        "Worker {Worker}: the TLS handshake of connection {Connection} from {Remote} failed: {Reason}")]
    public static partial void HandshakeFailed(ILogger logger, string worker, long connection, string remote, string reason);

    [LoggerMessage(15, LogLevel.Information, "Worker {Worker} uses the certificate that its files hold now")]
    public static partial void CertificateReloaded(ILogger logger, string worker);

    [LoggerMessage(16, LogLevel.Error, "Worker {Worker} goes on with its old certificate: {Reason}.")]
    public static partial void CertificateNotReloaded(ILogger logger, string worker, string reason);

    [LoggerMessage(17, LogLevel.Warning, "Worker {Worker}: connection {Connection} from proxy {Remote} is closed, "
        + "because it has to begin with a PROXY protocol header: {Reason}")]
    public static partial void ProxyRefused(ILogger logger, string worker, long connection, string remote, string reason);

    [LoggerMessage(21, LogLevel.Error, "Event streams of the old process are lost")]
    public static partial void HandoverFailed(ILogger logger, Exception exception);

    [LoggerMessage(20, LogLevel.Warning,
        "{Signal} reloads nothing: this program runs without a master that could start it again. "
        + "Start it with 'start -d' for that (Worker.RunAll(args)).")]
    public static partial void CannotReload(ILogger logger, string signal);

    [LoggerMessage(18, LogLevel.Warning,
        "Worker {Worker} ends an event stream that has moved here, connection {Connection} from {Remote}: {Reason}")]
    public static partial void MovedStreamEnded(ILogger logger, string worker, long connection, string remote, string reason);

    [LoggerMessage(19, LogLevel.Error, "Worker {Worker} has lost an event stream that was to move, from {Remote}")]
    public static partial void MoveFailed(ILogger logger, string worker, string remote, Exception exception);

    [LoggerMessage(13, LogLevel.Error, "{What}")]
    public static partial void SessionFailed(ILogger logger, string what, Exception exception);

    [LoggerMessage(61, LogLevel.Warning, "A new session is refused: more than {Limit} a second are not stored "
        + "(SessionOptions.MaxNewPerSecond)")]
    public static partial void SessionRefused(ILogger logger, int limit);

    [LoggerMessage(65, LogLevel.Warning, "A request body is refused with 503: {Reason}")]
    public static partial void BodiesFull(ILogger logger, string reason);

    [LoggerMessage(64, LogLevel.Error, "Request bodies are refused: no space is left in {Folder} (HttpOptions.UploadFolder)")]
    public static partial void DiskFull(ILogger logger, string folder, Exception reason);

    [LoggerMessage(30, LogLevel.Error, "A callback of client connection {Connection} to {Address} failed")]
    public static partial void ClientCallbackFailed(ILogger logger, long connection, string address, Exception exception);

    [LoggerMessage(31, LogLevel.Warning,
        "Client connection {Connection} to {Address} refused what it received: {Status} {Reason}")]
    public static partial void ClientRejected(ILogger logger, long connection, string address, int status, string? reason);

    [LoggerMessage(70, LogLevel.Warning, "A message to a group was dropped: for one of the loops more than {Limit} bytes wait "
        + "already (GroupsOptions.MaxQueueSize). Its callbacks are too slow for what the others send.")]
    public static partial void GroupMessageDropped(ILogger logger, int limit);

    [LoggerMessage(71, LogLevel.Warning,
        "A message to a group has not left for the other nodes: the backplane is not connected, or has no room")]
    public static partial void GroupMessageNotPublished(ILogger logger);

    [LoggerMessage(72, LogLevel.Error, "The backplane of a Groups has thrown; the message has not left for the other nodes")]
    public static partial void GroupBackplaneFailed(ILogger logger, Exception exception);

    [LoggerMessage(73, LogLevel.Warning, "A message of {Length} bytes from the backplane of a Groups was dropped: {Reason}")]
    public static partial void GroupMessageMalformed(ILogger logger, int length, string reason);
}
