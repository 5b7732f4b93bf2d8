using System.Text.Json;
using Mqtt;
using MQTTnet;
using MQTTnet.Exceptions;
using MQTTnet.Protocol;
using Workerman;
using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Protocols.Http;

// Mqtt [address] [--broker host:port] [--topic filter]: what a broker's topics say becomes events in the browser. Pages ask for
// topics by MQTT's filters, and resume after the last event they have seen; a POST publishes. It needs a broker (mosquitto):
//   mosquitto -p 1883
//   dotnet run --project samples/Mqtt -- http://127.0.0.1:8080 --broker 127.0.0.1:1883
//   curl -N 'http://127.0.0.1:8080/events?filter=home/%2B/temperature'
//   curl -d 21.5 'http://127.0.0.1:8080/publish?topic=home/kitchen/temperature'
Dictionary<string, string> settings = Arguments.Options(args, "Mqtt [address] [--broker host:port] [--topic filter]", null,
    ("address", "http://127.0.0.1:8080"), ("broker", "127.0.0.1:1883"), ("topic", "#"));
Uri broker = Arguments.HostAndPort("mqtt", settings["broker"]);
string everything = settings["topic"];
if (!IsFilter(everything)) Arguments.Refuse($"'{everything}' is no filter of MQTT");
TimeSpan limit = TimeSpan.FromSeconds(5);

var page = new StaticFiles(Path.Combine(AppContext.BaseDirectory, "wwwroot")) { CacheControl = "no-cache" };
// The newest event of each topic is kept for pages that come later, beside the last thousand for those that resume.
var stream = new EventStream("mqtt", new EventStreamOptions { ReplayCount = 1000, LatestPerKey = true });
using IMqttClient client = new MqttClientFactory().CreateMqttClient();
MqttClientOptions options = new MqttClientOptionsBuilder()
    .WithTcpServer(broker.DnsSafeHost, broker.Port).WithTimeout(limit).Build();
bool isSubscribed = false, isAway = false;

// On a thread of the client's; Publish is for any.
client.ApplicationMessageReceivedAsync += received =>
{
    MqttApplicationMessage message = received.ApplicationMessage;
    try
    {
        string data = JsonSerializer.Serialize(Reading.Of(message), MqttJson.Default.Reading);
        stream.Publish(new ServerSentEvents { Data = data }, message.Topic, key: message.Topic);
    }
    catch (ArgumentException e)
    {
        Console.Error.WriteLine($"{message.Topic} has a message that is no event: {e.Message}");
    }
    return Task.CompletedTask;
};

var worker = Arguments.Check(() => new Worker(settings["address"]) { Name = "MQTT", Count = 2 });
worker.OnWorkerStart = own =>
{
    // On one of the two loops; it is not called while its last run has not ended.
    if (own.Id == 0) Timer.AddAsync(1, KeepConnected);
};
worker.OnMessageAsync = async (connection, request) =>
{
    switch (request.Method, request.Path)
    {
        case ("GET", "/events"):
            Subscribe(connection, request);
            break;
        case ("POST", "/publish"):
            connection.Send(await Publish(request));
            break;
        default:
            connection.Send(page.Serve(request));
            break;
    }
};
Worker.RunAll();

async Task KeepConnected()
{
    if (client.IsConnected && isSubscribed) return;
    using var end = new CancellationTokenSource(limit);
    try
    {
        isSubscribed = false;
        if (!client.IsConnected) await client.ConnectAsync(options, end.Token);
        await client.SubscribeAsync(everything, MqttQualityOfServiceLevel.AtLeastOnce, end.Token);
        isSubscribed = true;
        isAway = false;
        Console.WriteLine($"connected to {broker}");
    }
    catch (Exception e) when (IsAway(e))
    {
        if (!isAway) Console.Error.WriteLine($"{broker} is away, and tried again every second: {e.Message}");
        isAway = true;
    }
}

void Subscribe(TcpConnection connection, Request request)
{
    string filter = request.Get("filter", "#");
    if (!IsFilter(filter))
    {
        connection.Send(Response.Text("that is no filter of MQTT", 400));
        return;
    }
    stream.Subscribe(connection, request, new SubscribeOptions
    {
        FromLatestPerKey = true,
        Filter = one => MqttTopicFilterComparer.Compare(one.Topic, filter) == MqttTopicFilterCompareResult.IsMatch
    });
}

async Task<Response> Publish(Request request)
{
    string topic = request.Get("topic", "");
    if (topic.Length is 0 or > 1000 || topic.AsSpan().ContainsAny('+', '#', '\0'))
        return Response.Text("a topic has 1 to 1000 characters, and neither + nor #", 400);
    using var end = new CancellationTokenSource(limit);
    try
    {
        MqttApplicationMessage message = new MqttApplicationMessageBuilder().WithTopic(topic)
            .WithPayload(request.RawBody.ToArray()).WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce).Build();
        MqttClientPublishResult result = await client.PublishAsync(message, end.Token);
        return result.IsSuccess ? new Response(204) : Response.Text($"the broker refuses it: {result.ReasonCode}", 502);
    }
    catch (Exception e) when (IsAway(e))
    {
        return Response.Text("the broker is away", 503);
    }
}

static bool IsAway(Exception e) => e is MqttCommunicationException or MqttClientNotConnectedException
    or MqttProtocolViolationException or OperationCanceledException;

// MQTT 5.0 section 4.7.1: wildcards stand for whole levels, and # is the last.
static bool IsFilter(string text) => text.Length is > 0 and <= 1000 && text.Split('/') is var levels
    && levels.All(level => level is "+" or "#" || level.AsSpan().IndexOfAny('+', '#', '\0') < 0)
    && !levels.SkipLast(1).Contains("#");
