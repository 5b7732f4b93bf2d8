using System.Net;
using System.Text;
using System.Text.Json;
using MQTTnet;
using MQTTnet.Server;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>
/// A broker's topics as events, by the sample as a program of its own and MQTTnet's broker in this process. Nothing of MQTTnet is
/// waited for without a limit.
/// </summary>
internal sealed class MqttTests
{
    [Test]
    public async Task MessagesBecomeEventsThatPagesResumeAfter()
    {
        await using var broker = new Broker();
        using var sample = new Sample(broker);
        await sample.WaitFor("connected to ");
        await sample.Publish("home/kitchen/temperature", "21");
        using var kitchen = new Page(sample, "?filter=home/kitchen/%23");
        using var temperatures = new Page(sample, "?filter=home/%2B/temperature");
        // The newest message of a topic comes first to who comes later.
        foreach (Page page in new[] { kitchen, temperatures })
            Assert.That(page.Next().Data, Is.EqualTo(("home/kitchen/temperature", "21")));
        await broker.Say("home/kitchen/door", "größer"u8.ToArray());
        await broker.Say("home/bath/temperature", "24"u8.ToArray());
        Assert.That(kitchen.Next().Data, Is.EqualTo(("home/kitchen/door", "größer")));
        (string id, (string, string) data) = temperatures.Next();
        Assert.That(data, Is.EqualTo(("home/bath/temperature", "24")));

        await broker.Say("home/bath/temperature", [0xFF, 0]);
        await broker.Say("home/attic/temperature", "30"u8.ToArray());
        using var resumed = new Page(sample, "?filter=home/%2B/temperature", id);
        foreach (Page page in new[] { temperatures, resumed })
        {
            Assert.That(page.Next().Data, Is.EqualTo(("home/bath/temperature", "/wA=")));
            Assert.That(page.Next().Data, Is.EqualTo(("home/attic/temperature", "30")));
        }
    }

    [Test]
    public async Task WhatIsWrongIsAnswered()
    {
        await using var broker = new Broker();
        using var sample = new Sample(broker);
        await sample.WaitFor("connected to ");
        foreach (string topic in new[] { "", "a/%23", "%2B", "a%00", new string('a', 1001) })
            Assert.That(await sample.Post($"/publish?topic={topic}"), Is.EqualTo(HttpStatusCode.BadRequest), topic);
        foreach (string filter in new[] { "a/%23/b", "a%2B" })
        {
            using HttpResponseMessage answer =
                await sample.Client.GetAsync(new Uri($"/events?filter={filter}", UriKind.Relative));
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), filter);
        }
        // A message that is too large for an event, and a topic that is too long, are left out; what follows comes.
        using var page = new Page(sample, "");
        await broker.Say("large", new byte[2 * 1024 * 1024]);
        await broker.Say(new string('a', 2000), "long"u8.ToArray());
        await broker.Say("small", "well"u8.ToArray());
        Assert.That(page.Next().Data, Is.EqualTo(("small", "well")));
    }

    [Test]
    public async Task BrokerMayBeAwayAtTheStartAndInBetween()
    {
        await using var broker = new Broker(start: false);
        using var sample = new Sample(broker);
        for (int i = 1; i <= 2; i++)
        {
            await sample.WaitFor(" is away, ", i);
            Assert.That(await sample.Post("/publish?topic=a"), Is.EqualTo(HttpStatusCode.ServiceUnavailable));
            await broker.Start();
            await sample.WaitFor("connected to ", i);
            using var page = new Page(sample, $"?filter=round/{i}");
            await sample.Publish($"round/{i}", "well");
            Assert.That(page.Next().Data, Is.EqualTo(($"round/{i}", "well")));
            await broker.Stop();
        }
    }

    /// <summary>MQTTnet's broker on a port of its own. Belongs to the test.</summary>
    private sealed class Broker : IAsyncDisposable
    {
        private MqttServer? _server;

        public Broker(bool start = true)
        {
            if (start) Wait.For(Start());
        }

        public int Port { get; } = Peer.UnusedPort();

        public async Task Start()
        {
            MqttServerOptions options = new MqttServerOptionsBuilder().WithDefaultEndpoint()
                .WithDefaultEndpointBoundIPAddress(IPAddress.Loopback).WithDefaultEndpointBoundIPV6Address(IPAddress.None)
                .WithDefaultEndpointPort(Port).Build();
            _server = new MqttServerFactory().CreateMqttServer(options);
            await _server.StartAsync().WaitAsync(Wait.Limit);
        }

        public Task Say(string topic, byte[] payload)
        {
            MqttApplicationMessage message = new MqttApplicationMessageBuilder().WithTopic(topic).WithPayload(payload)
                .WithQualityOfServiceLevel(MQTTnet.Protocol.MqttQualityOfServiceLevel.AtLeastOnce).Build();
            return _server!.InjectApplicationMessage(new InjectedMqttApplicationMessage(message) { SenderClientId = "test" })
                .WaitAsync(Wait.Limit);
        }

        public async Task Stop()
        {
            await _server!.StopAsync(new MqttServerStopOptionsBuilder().Build()).WaitAsync(Wait.Limit);
            _server.Dispose();
            _server = null;
        }

        public async ValueTask DisposeAsync()
        {
            if (_server is not null) await Stop();
        }
    }

    /// <summary>The program, and what is asked of it. Belongs to the test.</summary>
    private sealed class Sample : IDisposable
    {
        private readonly ServerProcess _process;

        public Sample(Broker broker)
        {
            _process = ServerProcess.Run("dotnet", Repository.ProgramOf(Path.Combine("samples", "Mqtt"), "Mqtt"),
                "http://127.0.0.1:0", "--broker", $"127.0.0.1:{broker.Port}").WaitForStart();
            Client = new HttpClient { BaseAddress = new Uri($"http://{_process.EndPoint}"), Timeout = Wait.Limit };
        }

        public HttpClient Client { get; }

        public IPEndPoint EndPoint => _process.EndPoint;

        public async Task<HttpStatusCode> Post(string target, string body = "")
        {
            using var content = new StringContent(body);
            using HttpResponseMessage answer = await Client.PostAsync(new Uri(target, UriKind.Relative), content);
            return answer.StatusCode;
        }

        public async Task Publish(string topic, string body) =>
            Assert.That(await Post($"/publish?topic={topic}", body), Is.EqualTo(HttpStatusCode.NoContent));

        /// <summary>Until it has said that it has subscribed, or that the broker is away, so many times.</summary>
        public Task WaitFor(string said, int times = 1) => Wait.Until(
            () => _process.Output.Split(said).Length > times, () => $"{said}, {times} times, in: {_process.Output}");

        public void Dispose()
        {
            Client.Dispose();
            _process.Dispose();
        }
    }

    /// <summary>An open event stream. Belongs to the test.</summary>
    private sealed class Page : IDisposable
    {
        private readonly RawClient _client;

        public Page(Sample sample, string query, string? lastId = null)
        {
            _client = new RawClient(sample.EndPoint);
            string resume = lastId is null ? "" : $"Last-Event-ID: {lastId}\r\n";
            Assert.That(_client.Send($"GET /events{query} HTTP/1.1\r\nHost: a\r\n{resume}\r\n").ReadUntil("\r\n\r\n"),
                Does.StartWith("HTTP/1.1 200 "));
        }

        /// <summary>The id of the next event, and its topic with the payload: as text, or as Base64.</summary>
        public (string Id, (string Topic, string Payload) Data) Next()
        {
            string id = "", data = "";
            while (data == "")
            {
                foreach (string line in _client.ReadUntil("\n\n").Split('\n'))
                {
                    if (line.StartsWith("id: ", StringComparison.Ordinal)) id = line[4..];
                    if (line.StartsWith("data: ", StringComparison.Ordinal)) data = line[6..];
                }
            }
            using JsonDocument reading = JsonDocument.Parse(Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(data)));
            JsonElement payload = reading.RootElement.TryGetProperty("text", out JsonElement text)
                ? text : reading.RootElement.GetProperty("bytes");
            return (id, (reading.RootElement.GetProperty("topic").GetString()!, payload.GetString()!));
        }

        public void Dispose() => _client.Dispose();
    }
}
