using System.Collections.Concurrent;
using System.Diagnostics;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Diagnostics;

/// <summary>The activities of requests: what they belong to and say, and where they are the current one.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class RequestTracingTests(Type loopType) : IDisposable
{
    private const string Trace = "0af7651916cd43dd8448eb211c80319c";
    private const string Parent = $"00-{Trace}-b7ad6b7169203331-01";

    private readonly string _name = MeasuredRequests.NewName();
    private readonly ConcurrentQueue<Activity> _stopped = new();
    private ActivityListener? _listener;

    [SetUp]
    public void Listen()
    {
        _stopped.Clear();
        _listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == "Workerman",
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                if (activity.GetTagItem("worker") as string == _name) _stopped.Enqueue(activity);
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    [TearDown]
    public void Dispose() => _listener?.Dispose();

    [Test]
    public async Task ActivitySaysWhatTheConventionsAskFor()
    {
        await using TestServer server = Start((connection, request) =>
        {
            request.Route = "/a/{b}";
            connection.Send(new Response(404));
        });
        using RawClient client = server.Connect();
        client.Send($"GET /a/c?token=secret&x HTTP/1.1\r\nHost: example.org:81\r\nUser-Agent: test\r\ntraceparent: {Parent}\r\n"
            + "tracestate: a=b\r\ntracestate: c=d\r\n\r\n").ReadResponse();
        Activity activity = await Stopped();
        Assert.That((activity.DisplayName, activity.Kind, activity.Status),
            Is.EqualTo(("GET /a/{b}", ActivityKind.Server, ActivityStatusCode.Unset)));
        Assert.That((activity.TraceId.ToString(), activity.ParentSpanId.ToString(), activity.HasRemoteParent),
            Is.EqualTo((Trace, "b7ad6b7169203331", true)));
        Assert.That(activity.TraceStateString, Is.EqualTo("a=b, c=d"));
        Assert.That(activity.TagObjects.ToDictionary(), Is.EquivalentTo(new Dictionary<string, object?>
        {
            ["http.request.method"] = "GET",
            ["http.response.status_code"] = 404,
            ["http.route"] = "/a/{b}",
            ["url.scheme"] = "http",
            ["url.path"] = "/a/c",
            ["url.query"] = "token=Redacted&x",
            ["server.address"] = "example.org",
            ["server.port"] = 81,
            ["client.address"] = "127.0.0.1",
            ["network.peer.address"] = "127.0.0.1",
            ["network.peer.port"] = ((System.Net.IPEndPoint)client.Socket.LocalEndPoint!).Port,
            ["network.protocol.version"] = "1.1",
            ["user_agent.original"] = "test",
            ["worker"] = _name,
        }));
    }

    [Test]
    public async Task FaultIsAnError()
    {
        await using TestServer server = Start((_, _) => throw new FormatException("why"));
        using RawClient client = server.Connect();
        client.Send("PURGE / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        Activity activity = await Stopped();
        Assert.That((activity.DisplayName, activity.Status, activity.StatusDescription, activity.GetTagItem("error.type"),
                activity.GetTagItem("http.request.method_original")),
            Is.EqualTo(("HTTP", ActivityStatusCode.Error, "why", "System.FormatException", "PURGE")));
    }

    [Test]
    public async Task WithoutAValidParentItBeginsATrace()
    {
        await using TestServer server = Start((connection, _) => connection.Send("ok"));
        using RawClient client = server.Connect();
        client.Send($"GET / HTTP/1.1\r\nHost: a\r\ntraceparent: {Parent}\r\ntraceparent: {Parent}\r\n\r\n").ReadResponse();
        Activity activity = await Stopped();
        Assert.That((activity.ParentSpanId, activity.HasRemoteParent), Is.EqualTo((default(ActivitySpanId), false)));
        Assert.That(activity.TraceId.ToString(), Is.Not.EqualTo(Trace));
    }

    /// <summary>Within the callbacks of the request, those before the body included, and after each await; nowhere
    /// else.</summary>
    [Test]
    public async Task ItIsTheCurrentOneForItsRequestAlone()
    {
        var seen = new ConcurrentQueue<string>();
        string Now() => Activity.Current is { } activity ? $"{activity.GetTagItem("url.path")}" : "none";
        void See(string where) => seen.Enqueue($"{where} {Now()}");
        var worker = new Worker("http://127.0.0.1:0") { Name = _name };
        worker.OnWorkerStart = _ => See("start");
        worker.OnConnect = connection =>
        {
            See("connect");
            connection.OnClose = _ => See("close");
        };
        worker.OnHeaders = (_, request) => See($"headers {request.Path}");
        worker.OnMessageAsync = async (connection, request) =>
        {
            See($"message {request.Path}");
            Timer.Delay(0, () => See("timer"));
            if (request.Path == "/sync")
            {
                connection.Send("ok");
                See($"sent {request.Path}");
                return;
            }
            await Task.Yield();
            See($"yielded {request.Path}");
            await Timer.Sleep(0.001);
            See($"slept {request.Path}");
            connection.Send("ok");
            See($"sent {request.Path}");
        };
        await using (TestServer server = TestServer.Start(loopType, worker))
        {
            using RawClient client = server.Connect();
            client.Send("PUT /one HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
                + "GET /sync HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\n");
            for (int i = 0; i < 3; i++) client.ReadResponse();
        }
        Assert.That(seen.Where(line => !line.StartsWith("timer", StringComparison.Ordinal)), Is.EqualTo(new[]
        {
            "start none", "connect none",
            "headers /one /one", "message /one /one", "yielded /one /one", "slept /one /one", "sent /one /one",
            "message /sync /sync", "sent /sync /sync",
            "message /two /two", "yielded /two /two", "slept /two /two", "sent /two /two",
            "close none",
        }));
        Assert.That(seen.Where(line => line.StartsWith("timer", StringComparison.Ordinal)),
            Is.EqualTo(Enumerable.Repeat("timer none", 3)));
    }

    /// <summary>Long polling: the answer to one request is sent by the handler of another.</summary>
    [Test]
    public async Task AnswerOfAnotherRequestLeavesTheCurrentOneAsItIs()
    {
        TcpConnection? waiting = null;
        string? current = null;
        await using TestServer server = Start((connection, request) =>
        {
            if (request.Path == "/wait")
            {
                waiting = connection;
                return;
            }
            waiting!.Send("here");
            current = Activity.Current?.GetTagItem("url.path") as string;
            connection.Send("told");
        });
        using RawClient first = server.Connect();
        first.Send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
        await Wait.Until(() => server.Main.Connections.Count > 0, "the first");
        await LoopTurns.Pass(server);
        using RawClient second = server.Connect();
        second.Send("GET /tell HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        first.ReadResponse();
        await Wait.Until(() => _stopped.Count == 2, "both ends");
        Assert.That(current, Is.EqualTo("/tell"));
        Assert.That(_stopped.Select(activity => activity.GetTagItem("url.path")), Is.EqualTo(new[] { "/wait", "/tell" }));
    }

    /// <summary>A send that fills a buffer calls back at once, for another connection perhaps.</summary>
    [Test]
    public async Task CallbackThatAnAnswerCausesIsNotTheRequests()
    {
        var seen = new TaskCompletionSource<Activity?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestServer server = Start((connection, _) =>
        {
            connection.OnError = (_, _, _) => seen.TrySetResult(Activity.Current);
            connection.Send("ok");
            connection.Send("once more: nobody has asked");
        });
        using RawClient client = server.Connect();
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        Assert.That(await seen.Task.WaitAsync(Wait.Limit), Is.Null);
    }

    /// <summary>What is current where the program starts is not what its requests belong to.</summary>
    [Test]
    public async Task ActivityAroundTheServerIsNoParent()
    {
        using var around = new Activity("around");
        around.Start();
        await using TestServer server = Start((connection, _) => connection.Send("ok"));
        using RawClient client = server.Connect();
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        Assert.That((await Stopped()).TraceId, Is.Not.EqualTo(around.TraceId));
    }

    private TestServer Start(Action<TcpConnection, Request> onMessage) =>
        TestServer.Http(loopType, onMessage, worker => worker.Name = _name);

    private async Task<Activity> Stopped()
    {
        await Wait.Until(() => !_stopped.IsEmpty, "the end of the activity");
        return _stopped.Single();
    }
}
