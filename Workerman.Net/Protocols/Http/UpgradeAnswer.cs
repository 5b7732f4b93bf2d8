namespace Workerman.Protocols.Http;

/// <summary>
/// The answer after which the connection speaks another protocol: a 101 with its Upgrade field (RFC 9110 section 7.8). A message
/// of <see cref="HttpProtocol"/>, its last on the connection.
/// </summary>
/// <param name="Response">The answer; its Connection field is written with it.</param>
internal sealed record UpgradeAnswer(Response Response);
