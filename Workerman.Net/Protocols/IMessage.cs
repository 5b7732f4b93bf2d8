namespace Workerman.Protocols;

/// <summary>
/// Marks what the library's protocols send besides text and bytes, so that <c>Send</c> takes it on every connection:
/// <c>Response</c>, <c>Chunk</c>, <c>ServerSentEvents</c>,
/// <c>WebSocketMessage</c>. It has no members. A message of your own needs it only where it is sent on a <c>TcpConnection</c>
/// whose type does not say what its worker receives;
/// the connections that callbacks get are typed, and send it without.
/// </summary>
public interface IMessage;
