using System.Net.Sockets;
using Workerman.Events;

namespace Workerman.Tests.Support;

/// <summary>A socket handler made of lambdas.</summary>
internal sealed class RecordingHandler : ISocketHandler
{
    public Action? Readable { get; set; }

    public Action<int, SocketError>? Sent { get; set; }

    public Action? Hangup { get; set; }

    public void OnReadable() => Readable?.Invoke();

    public void OnSent(int count, SocketError error) => Sent?.Invoke(count, error);

    public void OnHangup() => Hangup?.Invoke();
}
