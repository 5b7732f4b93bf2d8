using System.Text;
using Workerman.Connection;

namespace Workerman.Tests.Support;

/// <summary>Client connections whose callbacks tell an <see cref="EventQueue"/> all that happens.</summary>
internal static class Clients
{
    public static AsyncTcpConnection<ReadOnlyMemory<byte>> Raw(string address, EventQueue events) => new(address)
    {
        OnConnect = connection => events.Add($"connect {connection.Status}"),
        OnMessage = (_, bytes) => events.Add(Encoding.Latin1.GetString(bytes.Span)),
        OnError = (connection, error, reason) => events.Add($"error {error} {connection.Status} {reason}"),
        OnClose = connection => events.Add($"close {connection.Status}"),
    };

    /// <summary>Makes one on the loop and connects it.</summary>
    public static AsyncTcpConnection<ReadOnlyMemory<byte>> Connect(LoopRunner loop, string address, EventQueue events,
        Action<AsyncTcpConnection<ReadOnlyMemory<byte>>>? setUp = null) => loop.Ask(() =>
        {
            AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Raw(address, events);
            setUp?.Invoke(connection);
            connection.Connect();
            Assert.That(connection.Status, Is.EqualTo(ConnectionStatus.Connecting));
            return connection;
        });
}
