namespace Workerman.Protocols;

/// <summary>
/// Marks a message of the library that some connections of a port send and others do not, because there a connection may change
/// its protocol, as from HTTP to WebSocket: sent on one that cannot, it is dropped and not a mistake. See
/// <see cref="ConnectionProtocol.HasRelatives"/>.
/// </summary>
internal interface IRelativesMessage;
