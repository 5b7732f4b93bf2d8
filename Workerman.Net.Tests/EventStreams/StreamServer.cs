using System.Net.Sockets;
using System.Reflection;
using Workerman.Connection;
using Workerman.Events;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>
/// A worker that subscribes whoever asks to one stream, as the options in its hands say, and keeps the subscriptions.
/// </summary>
internal sealed class StreamServer : IAsyncDisposable
{
    private readonly TestServer _server;
    private readonly List<Subscription> _subscriptions = [];

    public StreamServer(Type loopType, EventStreamOptions? options = null, Func<Request, SubscribeOptions>? choose = null,
        int count = 1, string name = "test", StreamGroup? group = null, Action<Worker>? setUp = null)
    {
        Group = group ?? StreamGroup.Process;
        Stream = new EventStream(name, options, Group);
        _server = TestServer.Http(loopType, (connection, request) =>
        {
            // So that a client that does not read stalls after kilobytes instead of megabytes.
            if (request.Header("x-tight") is not null) SocketOf(connection).SendBufferSize = 16 * 1024;
            Connected?.Invoke(connection);
            SubscribeOptions chosen = choose?.Invoke(request)
                ?? new() { Topics = [.. request.GetValues("topic")], TopicPatterns = [.. request.GetValues("pattern")] };
            Subscription subscription = Stream.Subscribe(connection, request, chosen);
            lock (_subscriptions) _subscriptions.Add(subscription);
        }, worker =>
        {
            worker.Count = count;
            setUp?.Invoke(worker);
        });
    }

    /// <summary>The streams that would be handed over together with this one.</summary>
    public StreamGroup Group { get; }

    public EventStream Stream { get; }

    public TestServer Server => _server;

    /// <summary>Called on the loop before a request is subscribed.</summary>
    public Action<TcpConnection>? Connected { get; set; }

    /// <summary>The subscriptions so far, in the order of the requests.</summary>
    public Subscription[] Subscriptions
    {
        get
        {
            lock (_subscriptions) return [.. _subscriptions];
        }
    }

    /// <summary>The server's side of a connection, as the system has it.</summary>
    public static Socket SocketOf(TcpConnection connection)
    {
        object watch = FieldOf(typeof(TcpConnection), connection, "_socket");
        return watch is SocketLoopSocket
            ? (Socket)FieldOf(watch.GetType(), watch, "_socket")
            : new Socket(new SafeSocketHandle((int)FieldOf(watch.GetType(), watch, "_fd"), ownsHandle: false));

        static object FieldOf(Type type, object owner, string name) =>
            type.GetField(name, BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(owner)!;
    }

    /// <summary>A client that has the head of its answer and is a subscriber.</summary>
    public async Task<EventClient> Subscribe(string? lastEventId = null, string query = "", int receiveBufferSize = 0)
    {
        int before = Subscriptions.Length;
        var client = new EventClient(_server.EndPoint, lastEventId, query, receiveBufferSize);
        client.ReadHead();
        await Wait.Until(() => Subscriptions.Length > before, "the subscription");
        return client;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
