using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Workerman;
using Workerman.Extensions.Hosting;

namespace GenericHost;

/// <summary>
/// A worker that is a class of its own, a chat over WebSockets; what its constructor asks for comes from the container.
/// </summary>
internal sealed partial class Chat : Worker<string>
{
    public Chat(IOptions<WorkermanOptions> options, Greeter greeter, ILogger<Chat> logger)
        : base(options.Value.AddressOf("chat", "websocket://127.0.0.1:8081"))
    {
        Name = "chat";
        OnConnect = connection => connection.Send(greeter.Greet($"{connection.Id}"));
        OnMessage = (connection, text) =>
        {
            Said(logger, connection.Id, text.Length);
            Broadcast($"{connection.Id}: {text}");
        };
    }

    [LoggerMessage(LogLevel.Information, "Connection {Id} says {Length} characters")]
    private static partial void Said(ILogger logger, long id, int length);
}
