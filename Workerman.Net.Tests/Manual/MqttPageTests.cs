using MQTTnet;
using MQTTnet.Server;
using Workerman.EventStreams;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of the page components/workerman-mqtt of Workerman's manual, in C#, by the package MQTTnet, whose broker runs in
/// the test; what comes goes on to pages, by an event stream.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class MqttPageTests(Type loopType)
{
    [ManualPage("components/workerman-mqtt.md",
        Different = "the package MQTTnet, awaited; its callbacks come on other threads, from which Publish may be called")]
    [Test]
    public async Task MessagesOfABrokerAreEventsOfAStream()
    {
        int port = Peer.UnusedPort();
        using MqttServer broker = new MqttServerFactory().CreateMqttServer(new MqttServerOptionsBuilder()
            .WithDefaultEndpoint().WithDefaultEndpointBoundIPAddress(System.Net.IPAddress.Loopback)
            .WithDefaultEndpointBoundIPV6Address(System.Net.IPAddress.None).WithDefaultEndpointPort(port).Build());
        await broker.StartAsync();
        MqttClientOptions options = new MqttClientOptionsBuilder().WithTcpServer("127.0.0.1", port).Build();
        var stream = new EventStream("mqtt");
        using IMqttClient mqtt = new MqttClientFactory().CreateMqttClient();
        var subscribed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnWorkerStart = worker => Timer.DelayAsync(0, async () =>
        {
            mqtt.ApplicationMessageReceivedAsync += message =>
            {
                stream.Publish($"{message.ApplicationMessage.Topic}: {message.ApplicationMessage.ConvertPayloadToString()}");
                return Task.CompletedTask;
            };
            await mqtt.ConnectAsync(options);
            await mqtt.SubscribeAsync("test");
            subscribed.SetResult();
        });
        worker.OnMessage = (connection, request) => stream.Subscribe(connection, request);
        await using (TestServer server = TestServer.Start(loopType, worker))
        {
            using RawClient page = server.Connect();
            page.Send("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n").ReadUntil("\r\n\r\n");
            Wait.For(subscribed.Task);

            // The second example: another client publishes.
            using IMqttClient publisher = new MqttClientFactory().CreateMqttClient();
            await publisher.ConnectAsync(options);
            await publisher.PublishStringAsync("test", "hello workerman mqtt");
            Assert.That(page.ReadUntil("hello workerman mqtt\n\n"), Does.EndWith("data: test: hello workerman mqtt\n\n"));
        }
        await broker.StopAsync();
    }
}
