using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.Http;

namespace Workerman;

/// <summary>
/// Sending what has one meaning only where the types say so: a message of the type that the connection's worker receives, and a
/// number, which is sent as its text in invariant form, <c>-1.5</c> for example (PHP: <c>send($data)</c>, which makes a text of
/// anything). What has none, a <c>bool</c> or a dictionary on an HTTP connection, does not compile. Any thread; from another
/// than the loop's, do not change a message afterwards.
/// </summary>
public static class SendExtensions
{
    /// <summary>Sends a message of the connection's own protocol.</summary>
    /// <exception cref="InvalidOperationException">The protocol does not send such a message: HTTP receives a <c>Request</c>, and
    /// sends a <c>Response</c>.</exception>
    public static SendResult Send<T>(this TcpConnection<T> connection, T message) => connection.SendMessage(message);

    /// <inheritdoc cref="Send{T}(TcpConnection{T}, T)"/>
    public static SendResult Send<T>(this AsyncTcpConnection<T> connection, T message) => connection.SendMessage(message);

    /// <summary>Sends a message of the connection's own protocol as one datagram.</summary>
    public static SendResult Send<T>(this UdpConnection<T> connection, T message) => connection.SendMessage(message);

    /// <summary>Sends a last message of the connection's own protocol and closes.</summary>
    public static void Close<T>(this TcpConnection<T> connection, T message) => connection.CloseWith(message);

    /// <inheritdoc cref="Close{T}(TcpConnection{T}, T)"/>
    public static void Close<T>(this AsyncTcpConnection<T> connection, T message) => connection.CloseWith(message);

    /// <summary>Sends a last message of the connection's own protocol as one datagram, then closes.</summary>
    public static void Close<T>(this UdpConnection<T> connection, T message)
    {
        connection.SendMessage(message);
        connection.Close();
    }

    /// <summary>
    /// Sends a last message of the connection's own protocol, then ends as <see cref="TcpConnection.End()"/> does.
    /// </summary>
    public static void End<T>(this TcpConnection<T> connection, T message) => connection.EndWith(message);

    /// <inheritdoc cref="End{T}(TcpConnection{T}, T)"/>
    public static void End<T>(this AsyncTcpConnection<T> connection, T message) => connection.EndWith(message);

    /// <summary>Sends a message of the worker's own protocol to all its connections.</summary>
    public static void Broadcast<T>(this Worker<T> worker, T message) => worker.BroadcastMessage(message);

    /// <summary>Sends a number as its text; where the protocol has a message of that type, as that.</summary>
    [OverloadResolutionPriority(-1)]
    public static SendResult Send<TNumber>(this TcpConnection connection, TNumber number)
        where TNumber : struct, INumber<TNumber> =>
        connection.Protocol is IEncoder<TNumber> ? connection.SendMessage(number) : connection.Send(TextOf(number));

    /// <summary>Sends a number as a datagram of its text; where the protocol has a message of that type, as that.</summary>
    [OverloadResolutionPriority(-1)]
    public static SendResult Send<TNumber>(this UdpConnection connection, TNumber number)
        where TNumber : struct, INumber<TNumber> =>
            connection.Encodes<TNumber>() ? connection.SendMessage(number) : connection.Send(TextOf(number));

    /// <summary>Sends a last number, as <c>Send</c> does, and closes.</summary>
    [OverloadResolutionPriority(-1)]
    public static void Close<TNumber>(this TcpConnection connection, TNumber number)
        where TNumber : struct, INumber<TNumber>
    {
        if (connection.Protocol is IEncoder<TNumber>) connection.CloseWith(number);
        else connection.Close(TextOf(number));
    }

    /// <summary>Sends a last number, as <c>Send</c> does, then ends as <see cref="TcpConnection.End()"/> does.</summary>
    [OverloadResolutionPriority(-1)]
    public static void End<TNumber>(this TcpConnection connection, TNumber number)
        where TNumber : struct, INumber<TNumber>
    {
        if (connection.Protocol is IEncoder<TNumber>) connection.EndWith(number);
        else connection.End(TextOf(number));
    }

    /// <summary>Sends a last number as a datagram of its text, as <c>Send</c> does, then closes.</summary>
    [OverloadResolutionPriority(-1)]
    public static void Close<TNumber>(this UdpConnection connection, TNumber number)
        where TNumber : struct, INumber<TNumber>
    {
        connection.Send(number);
        connection.Close();
    }

    /// <summary>
    /// Sends a number to all connections of a worker, as its text; where the worker has messages of that type, as that.
    /// </summary>
    [OverloadResolutionPriority(-1)]
    public static void Broadcast<TNumber>(this StreamWorker worker, TNumber number)
        where TNumber : struct, INumber<TNumber>
    {
        if (worker is Worker<TNumber>) worker.BroadcastMessage(number);
        else worker.BroadcastMessage(TextOf(number));
    }

    /// <summary>Does not compile: HTTP receives requests, and sends responses.</summary>
    [Obsolete("A request is no answer. Send a text, bytes or a Response.", error: true)]
    public static SendResult Send(this TcpConnection<Request> connection, Request message) => throw new NotSupportedException();

    /// <inheritdoc cref="Send(TcpConnection{Request}, Request)"/>
    [Obsolete("A request is no answer. Broadcast a ServerSentEvents, which reaches all open event streams.", error: true)]
    public static void Broadcast(this Worker<Request> worker, Request message) => throw new NotSupportedException();

    private static string TextOf<TNumber>(TNumber number)
        where TNumber : struct, INumber<TNumber> => number.ToString(null, CultureInfo.InvariantCulture);
}
