using System.Text.Json;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of the FAQ of Workerman's manual that are in no other fixture, and development/process, in C#. All keep what
/// belongs to a connection in a class of the application's, where PHP adds a property to the connection.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class FaqPageTests(Type loopType)
{
    private const string Context = "what belongs to a connection is a class, GetContext";

    /// <summary>development/process: a chat in lines of text, whose users have numbers.</summary>
    [ManualPage("development/process.md", Different = Context)]
    [Test]
    public async Task ChatInLinesOfText()
    {
        int globalUid = 0;
        // One loop, so that all are among its connections.
        var textWorker = new Worker<string>("text://127.0.0.1:0") { Count = 1 };
        textWorker.OnConnect = HandleConnection;
        textWorker.OnMessage = HandleMessage;
        textWorker.OnClose = HandleClose;
        await using TestServer server = TestServer.Start(loopType, textWorker);
        using RawClient first = server.Connect();
        Assert.That(first.Send("hello\n").ReadUntil("\n"), Is.EqualTo("user[1] said: hello\n"));
        using (RawClient second = server.Connect())
        {
            second.Send("hi\n");
            foreach (RawClient client in new[] { first, second })
                Assert.That(client.ReadUntil("\n"), Is.EqualTo("user[2] said: hi\n"));
        }
        Assert.That(first.ReadUntil("\n"), Is.EqualTo("user[2] logout\n"));

        void HandleConnection(TcpConnection connection)
        {
            connection.GetContext<User>().Uid = $"{++globalUid}";
        }

        void HandleMessage(TcpConnection connection, string data)
        {
            foreach (TcpConnection conn in textWorker.Connections)
                conn.Send($"user[{connection.GetContext<User>().Uid}] said: {data}");
        }

        void HandleClose(TcpConnection connection)
        {
            foreach (TcpConnection conn in textWorker.Connections)
            {
                // Here it is listed still.
                if (conn != connection) conn.Send($"user[{connection.GetContext<User>().Uid}] logout");
            }
        }
    }

    /// <summary>send-data-to-client: who has said its uid is told by it; the page's arrays are a dictionary.</summary>
    [ManualPage("faq/send-data-to-client.md", Different = Context)]
    [Test]
    public async Task MessageToAUidOrToAll()
    {
        var uidConnections = new Dictionary<string, TcpConnection>();
        // One loop, for what is in the dictionary; Groups is for any number of them.
        var worker = new Worker<string>("websocket://127.0.0.1:0") { Count = 1 };
        worker.OnMessage = (connection, data) =>
        {
            User user = connection.GetContext<User>();
            if (user.Uid is null)
            {
                // The first message is the uid, without a real verification.
                user.Uid = data;
                uidConnections[data] = connection;
                connection.Send($"login success, your uid is {data}");
                return;
            }
            // uid:message is for that uid, all:message for all of them.
            string[] parts = data.Split(':', 2);
            if (parts[0] == "all") Broadcast(parts[1]);
            else SendMessageByUid(parts[0], parts[1]);
        };
        worker.OnClose = connection =>
        {
            if (connection.GetContext<User>().Uid is { } uid) uidConnections.Remove(uid);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        ToldByUid(server);

        void Broadcast(string message)
        {
            foreach (TcpConnection connection in uidConnections.Values) connection.Send(message);
        }

        void SendMessageByUid(string uid, string message)
        {
            if (uidConnections.TryGetValue(uid, out TcpConnection? connection)) connection.Send(message);
        }
    }

    /// <summary>The same with <see cref="Groups"/>, on any number of loops.</summary>
    [ManualPage("faq/send-data-to-client.md", Different = "Groups needs no table of one's own, and works with any Count")]
    [Test]
    public async Task MessageToAUidOrToAllWithGroups()
    {
        var users = new Groups();
        var worker = new Worker<string>("websocket://127.0.0.1:0") { Count = 2 };
        worker.OnMessage = (connection, data) =>
        {
            User user = connection.GetContext<User>();
            if (user.Uid is null)
            {
                user.Uid = data;
                users.Join(connection, data);
                connection.Send($"login success, your uid is {data}");
                return;
            }
            string[] parts = data.Split(':', 2);
            if (parts[0] == "all") users.SendToAll(parts[1]);
            else users.Send(parts[0], parts[1]);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        ToldByUid(server);
    }

    /// <summary>
    /// worker/listen, the third: an inner worker takes lines of JSON from another program, and pushes them to the page whose uid
    /// they name.
    /// </summary>
    [ManualPage("worker/listen.md", Different = "Groups keeps who is who, on any number of loops")]
    [Test]
    public async Task AnotherProgramPushesToAUid()
    {
        var users = new Groups();
        var inner = new TaskCompletionSource<Worker<string>>();
        var worker = new Worker<string>("websocket://127.0.0.1:0") { Count = 1 };
        worker.OnWorkerStart = worker =>
        {
            // An internal port, for pushing from inside: a line of text each.
            var innerTextWorker = new Worker<string>("text://127.0.0.1:0");
            innerTextWorker.OnMessage = (connection, buffer) =>
            {
                using JsonDocument data = JsonDocument.Parse(buffer);
                string uid = data.RootElement.GetProperty("uid").GetString()!;
                bool isThere = users.Count(uid) > 0;
                users.Send(uid, buffer);
                connection.Send(isThere ? "ok" : "fail");
            };
            innerTextWorker.Listen();
            inner.SetResult(innerTextWorker);
        };
        worker.OnMessage = (connection, data) =>
        {
            users.Join(connection, data);
            connection.Send("joined");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var page = new FrameClient(server.EndPoint);
        Assert.That(page.Send(FrameClient.TextFrame("uid1")).ReadText(), Is.EqualTo("joined"));
        using var client = new RawClient(Wait.For(inner.Task).LocalEndPoint!);
        const string Data = "{\"uid\":\"uid1\",\"percent\":\"88%\"}";
        Assert.That(client.Send($"{Data}\n").ReadUntil("\n"), Is.EqualTo("ok\n"));
        Assert.That(page.ReadText(), Is.EqualTo(Data));
        Assert.That(client.Send("{\"uid\":\"uid2\"}\n").ReadUntil("\n"), Is.EqualTo("fail\n"));
    }

    /// <summary>async-task: heavy work goes to a worker of its own, whose answer comes without waiting.</summary>
    [ManualPage("faq/async-task.md")]
    [Test]
    public async Task HeavyWorkIsAnotherWorkers()
    {
        var taskWorker = new Worker<string>("text://127.0.0.1:0") { Count = 2, Name = "TaskWorker" };
        taskWorker.OnMessage = (connection, taskData) =>
        {
            using JsonDocument task = JsonDocument.Parse(taskData);
            connection.Send($"{{\"done\":\"{task.RootElement.GetProperty("function")}\"}}");
        };
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        worker.OnMessage = (wsConnection, message) =>
        {
            var taskConnection = new AsyncTcpConnection<string>($"text://{taskWorker.LocalEndPoint}");
            taskConnection.Send("""{"function":"send_mail","args":{"from":"xxx","to":"xxx","contents":"xxx"}}""");
            taskConnection.OnMessage = (taskConnection, taskResult) =>
            {
                taskConnection.Close();
                wsConnection.Send($"task complete {taskResult}");
            };
            taskConnection.Connect();
        };
        await using TestServer server = TestServer.Start(loopType, worker, taskWorker);
        using var client = new FrameClient(server.EndPoint);
        Assert.That(client.Send(FrameClient.TextFrame("go")).ReadText(), Is.EqualTo("task complete {\"done\":\"send_mail\"}"));
    }

    /// <summary>callback_methods: a lambda, a function, methods of an object, made here or there, and static ones.</summary>
    [ManualPage("faq/callback_methods.md")]
    [Test]
    public async Task WhatACallbackMayBe([Values("lambda", "function", "object", "in OnWorkerStart", "static")] string what)
    {
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        var myObject = new MyClass();
        switch (what)
        {
            case "lambda":
                worker.OnMessage = (connection, data) => connection.Send($"hello {data}");
                break;
            case "function":
                worker.OnMessage = OnMessage;
                break;
            case "object":
                worker.OnConnect = myObject.OnConnect;
                worker.OnMessage = myObject.OnMessage;
                worker.OnClose = myObject.OnClose;
                break;
            case "in OnWorkerStart":
                worker.OnWorkerStart = worker =>
                {
                    var made = new MyClass();
                    worker.OnConnect = made.OnConnect;
                    worker.OnMessage = made.OnMessage;
                };
                break;
            default:
                worker.OnMessage = MyClass.OnStaticMessage;
                break;
        }
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new FrameClient(server.EndPoint);
        Assert.That(client.Send(FrameClient.TextFrame("world")).ReadText(), Is.EqualTo("hello world"));

        static void OnMessage(TcpConnection connection, string data) => connection.Send($"hello {data}");
    }

    /// <summary>flash-843: a policy, to whoever asks.</summary>
    [ManualPage("faq/flash-843.md")]
    [Test]
    public async Task FlashPolicy()
    {
        const string Policy = "<?xml version=\"1.0\"?><cross-domain-policy>"
            + "<site-control permitted-cross-domain-policies=\"all\"/>"
            + "<allow-access-from domain=\"*\" to-ports=\"*\"/></cross-domain-policy>\0";
        var flashPolicy = new Worker<string>("tcp://127.0.0.1:0");
        flashPolicy.OnMessage = (connection, message) => connection.Send(Policy);
        await using TestServer server = TestServer.Start(loopType, flashPolicy);
        using RawClient client = server.Connect();
        Assert.That(client.Send("<policy-file-request/>\0").ReadExactly(Policy.Length), Is.EqualTo(Policy));
    }

    /// <summary>
    /// get-real-ip-from-proxy: what nginx says of the client, in OnWebSocketConnect. Where the proxy is named in the options,
    /// <c>RemoteIp</c> of the request says it by itself.
    /// </summary>
    [ManualPage("faq/get-real-ip-from-proxy.md", Different = Context)]
    [Test]
    public async Task RealIpFromTheProxy()
    {
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        worker.OnWebSocketConnect = (connection, request) =>
        {
            connection.GetContext<User>().RealIp = request.Header("x-real-ip");
        };
        worker.OnMessage = (connection, data) =>
        {
            connection.Send(connection.GetContext<User>().RealIp ?? "none");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new FrameClient(server.EndPoint, "X-Real-IP: 192.0.2.7\r\n");
        Assert.That(client.Send(FrameClient.TextFrame("a")).ReadText(), Is.EqualTo("192.0.2.7"));
    }

    /// <summary>send-recv-hexadecimal-data: bytes to digits and back.</summary>
    [ManualPage("faq/send-recv-hexadecimal-data.md",
        Different = "bytes are a type of their own, ReadOnlyMemory<byte>; a string is text")]
    [Test]
    public async Task HexadecimalData()
    {
        using var dumped = new EventQueue();
        var worker = new Worker<ReadOnlyMemory<byte>>("text://127.0.0.1:0");
        worker.OnMessage = (connection, data) =>
        {
            string hexData = Convert.ToHexString(data.Span);
            dumped.Add(hexData);
            connection.Send(Convert.FromHexString(hexData));
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        Assert.That(client.Send("\u00ff\u0000a\n").ReadUntil("\n"), Is.EqualTo("\u00ff\u0000a\n"));
        Assert.That(dumped.Next(), Is.EqualTo("FF0061"));
    }

    /// <summary>persistent-data-and-resources: what is counted from one connection to the next.</summary>
    [ManualPage("faq/persistent-data-and-resources.md",
        Different = "what is static is shared by all loops; with more than one it is counted by Interlocked")]
    [Test]
    public async Task CountOfConnections()
    {
        using var output = new EventQueue();
        int connectionCount = 0;
        var worker = new Worker<string>("tcp://127.0.0.1:0") { OnMessage = (_, _) => { } };
        worker.OnConnect = connection =>
        {
            output.Add($"now connection_count={Interlocked.Increment(ref connectionCount)}");
        };
        worker.OnClose = connection =>
        {
            output.Add($"now connection_count={Interlocked.Decrement(ref connectionCount)}");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient one = server.Connect();
        Assert.That(output.Next(), Is.EqualTo("now connection_count=1"));
        server.Connect().Dispose();
        Assert.That((output.Next(), output.Next()), Is.EqualTo(("now connection_count=2", "now connection_count=1")));
    }

    /// <summary>about-text: both messages of the page's client arrive whole.</summary>
    [ManualPage("appendices/about-text.md")]
    [Test]
    public async Task LinesOfText()
    {
        using var dumped = new EventQueue();
        var textWorker = new Worker<string>("text://127.0.0.1:0");
        textWorker.OnMessage = (connection, data) =>
        {
            dumped.Add(data);
            connection.Send("hello world");
        };
        await using TestServer server = TestServer.Start(loopType, textWorker);
        using RawClient client = server.Connect();
        client.Send("abcdefghijklmn\n").Send("{\"type\":\"say\", \"content\":\"hello\"}\n");
        Assert.That(client.ReadExactly(24), Is.EqualTo("hello world\nhello world\n"));
        Assert.That((dumped.Next(), dumped.Next()),
            Is.EqualTo(("abcdefghijklmn", "{\"type\":\"say\", \"content\":\"hello\"}")));
    }

    private static void ToldByUid(TestServer server)
    {
        using var tom = new FrameClient(server.EndPoint);
        using var jerry = new FrameClient(server.EndPoint);
        Assert.That(tom.Send(FrameClient.TextFrame("tom")).ReadText(), Is.EqualTo("login success, your uid is tom"));
        Assert.That(jerry.Send(FrameClient.TextFrame("jerry")).ReadText(), Is.EqualTo("login success, your uid is jerry"));
        tom.Send(FrameClient.TextFrame("jerry:only you"));
        Assert.That(jerry.ReadText(), Is.EqualTo("only you"));
        jerry.Send(FrameClient.TextFrame("nobody:is there"));
        jerry.Send(FrameClient.TextFrame("all:everybody"));
        foreach (FrameClient client in new[] { tom, jerry }) Assert.That(client.ReadText(), Is.EqualTo("everybody"));
        jerry.Send(FrameClient.CloseFrame(1000)).ReadClose();
        tom.Send(FrameClient.TextFrame("jerry:are you there?")).Send(FrameClient.TextFrame("all:bye"));
        Assert.That(tom.ReadText(), Is.EqualTo("bye"));
    }

    private sealed class User
    {
        public string? Uid { get; set; }

        public string? RealIp { get; set; }
    }

    /// <summary>A class whose methods are the callbacks of a worker.</summary>
    private sealed class MyClass
    {
        private readonly HashSet<TcpConnection> _greeted = [];

        public static void OnStaticMessage(TcpConnection connection, string message) => connection.Send($"hello {message}");

        public void OnConnect(TcpConnection connection) => _greeted.Add(connection);

        public void OnMessage(TcpConnection connection, string message) =>
            connection.Send($"{(_greeted.Contains(connection) ? "hello" : "who are you,")} {message}");

        public void OnClose(TcpConnection connection) => _greeted.Remove(connection);
    }
}
