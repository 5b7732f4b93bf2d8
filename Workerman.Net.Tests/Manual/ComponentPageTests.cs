using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// What takes the place of the packages Channel, GlobalData, react/child-process and react/dns of Workerman's manual, with their
/// examples. Channel carries events between processes, and GlobalData values; here the loops are in one process, and what is
/// between machines is in the tests of the package for Redis.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ComponentPageTests(Type loopType)
{
    private const string Channel =
        "no server between processes: Broadcast and Groups reach all loops, RedisGroupBackplane all nodes";
    private const string Data = "values that loops share are a ConcurrentDictionary; between machines they are Redis's";

    /// <summary>channel-client-on, connect, publish and channel-server: what one says, all on all loops hear.</summary>
    [ManualPage("components/channel-client-on.md", Different = Channel)]
    [ManualPage("components/channel-client-connect.md", Different = Channel)]
    [ManualPage("components/channel-server.md", Different = Channel)]
    [Test]
    public async Task BroadcastToAllLoops()
    {
        var worker = new Worker<string>("websocket://127.0.0.1:0") { Name = "websocket", Count = 6 };
        worker.OnMessage = (connection, data) =>
        {
            worker.Broadcast(data);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        FrameClient[] clients = [.. Enumerable.Range(0, 12).Select(_ => new FrameClient(server.EndPoint))];
        clients[3].Send(FrameClient.TextFrame("to all"));
        foreach (FrameClient client in clients)
        {
            Assert.That(client.ReadText(), Is.EqualTo("to all"));
            client.Dispose();
        }
    }

    /// <summary>
    /// channel-client-publish and unsubscribe: an event with data goes to who has asked for its name, and no more when it has
    /// taken that back. A name is a group.
    /// </summary>
    [ManualPage("components/channel-client-publish.md", Different = Channel)]
    [ManualPage("components/channel-client-unsubsribe.md", Different = Channel)]
    [Test]
    public async Task EventsByTheirName()
    {
        var events = new Groups();
        var listeners = new Worker<string>("text://127.0.0.1:0") { Count = 2 };
        listeners.OnMessage = (connection, command) =>
        {
            if (command == "on") events.Join(connection, "user_login");
            else events.Leave(connection, "user_login");
            connection.Send(command);
        };
        var httpWorker = new Worker("http://127.0.0.1:0");
        httpWorker.OnMessage = (connection, request) =>
        {
            events.Send("user_login", JsonSerializer.Serialize(new { uid = 123, uname = "tom" }));
            connection.Send("ok");
        };
        await using TestServer server = TestServer.Start(loopType, httpWorker, listeners);
        using var listener = new RawClient(listeners.LocalEndPoint!);
        Assert.That(listener.Send("on\n").ReadUntil("\n"), Is.EqualTo("on\n"));
        using var client = new HttpClient();
        Assert.That(await client.GetStringAsync(server.Uri), Is.EqualTo("ok"));
        Assert.That(listener.ReadUntil("\n"), Is.EqualTo("{\"uid\":123,\"uname\":\"tom\"}\n"));
        Assert.That(listener.Send("unsubscribe\n").ReadUntil("\n"), Is.EqualTo("unsubscribe\n"));
        Assert.That(await client.GetStringAsync(server.Uri), Is.EqualTo("ok"));
        Assert.That(listener.Send("on\n").ReadUntil("\n"), Is.EqualTo("on\n"), "nothing came in between");
    }

    /// <summary>
    /// channel-examples: an HTTP request pushes to one connection, or to all. PHP names a connection by its process and its id;
    /// here the id is enough.
    /// </summary>
    [ManualPage("components/channel-examples.md", Different = Channel)]
    [Test]
    public async Task HttpPushesToOneOrToAll()
    {
        var clients = new Groups();
        var pusher = new Worker<string>("websocket://127.0.0.1:0") { Count = 2, Name = "pusher", OnMessage = (_, _) => { } };
        pusher.OnConnect = connection =>
        {
            clients.Join(connection, $"{connection.Id}");
            connection.Send($"connectionID:{connection.Id} connected");
        };
        var httpWorker = new Worker("http://127.0.0.1:0") { Name = "publisher" };
        httpWorker.OnMessage = (connection, request) =>
        {
            connection.Send("ok");
            if (request.Get("content") is not { } content) return;
            if (request.Get("to_connection_id") is { } id) clients.Send(id, content);
            else clients.SendToAll(content);
        };
        await using TestServer server = TestServer.Start(loopType, httpWorker, pusher);
        using var one = new FrameClient(pusher.LocalEndPoint!);
        using var two = new FrameClient(pusher.LocalEndPoint!);
        string id = one.ReadText()[13..^10];
        Assert.That(two.ReadText(), Does.EndWith(" connected"));
        using var http = new HttpClient();
        Assert.That(await http.GetStringAsync(new Uri(server.Uri, $"?to_connection_id={id}&content=only+you")), Is.EqualTo("ok"));
        Assert.That(await http.GetStringAsync(new Uri(server.Uri, "?content=all+of+you")), Is.EqualTo("ok"));
        Assert.That(one.ReadText(), Is.EqualTo("only you"));
        foreach (FrameClient client in new[] { one, two }) Assert.That(client.ReadText(), Is.EqualTo("all of you"));
    }

    /// <summary>channel-examples2: groups that span processes; who closes has left by itself.</summary>
    [ManualPage("components/channel-examples2.md", Different = Channel)]
    [Test]
    public async Task GroupsOverAllLoops()
    {
        var groups = new Groups();
        var worker = new Worker<string>("websocket://127.0.0.1:0") { Count = 8 };
        worker.OnMessage = (con, text) =>
        {
            // {"cmd":"add_group", "group_id":"123"} or {"cmd":"send_to_group", "group_id":"123", "message":"…"}
            using JsonDocument data = JsonDocument.Parse(text);
            string groupId = data.RootElement.GetProperty("group_id").GetString()!;
            switch (data.RootElement.GetProperty("cmd").GetString())
            {
                case "add_group":
                    groups.Join(con, groupId);
                    con.Send("added");
                    break;
                case "send_to_group":
                    groups.Send(groupId, data.RootElement.GetProperty("message").GetString()!);
                    break;
            }
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var member = new FrameClient(server.EndPoint);
        using var stranger = new FrameClient(server.EndPoint);
        using (var second = new FrameClient(server.EndPoint))
        {
            Add(member, "123");
            Add(second, "123");
            Add(stranger, "124");
            stranger.Send(FrameClient.TextFrame("""{"cmd":"send_to_group","group_id":"123","message":"这个是消息"}"""));
            foreach (FrameClient client in new[] { member, second }) Assert.That(client.ReadText(), Is.EqualTo("这个是消息"));
            stranger.Send(FrameClient.TextFrame("""{"cmd":"send_to_group","group_id":"124","message":"mine"}"""));
            Assert.That(stranger.ReadText(), Is.EqualTo("mine"));
        }
        await Wait.Until(() => groups.Count("123") == 1, "the one that has closed to have left");

        static void Add(FrameClient client, string group) => Assert.That(
            client.Send(FrameClient.TextFrame($"{{\"cmd\":\"add_group\",\"group_id\":\"{group}\"}}")).ReadText(),
            Is.EqualTo("added"));
    }

    /// <summary>global-data-client, global-data-server: a value that all loops see.</summary>
    [ManualPage("components/global-data-client.md", Different = Data)]
    [ManualPage("components/global-data-server.md", Different = Data)]
    [Test]
    public async Task ValueThatAllLoopsSee()
    {
        var global = new ConcurrentDictionary<string, string>();
        var worker = new Worker<string>("text://127.0.0.1:0") { Count = 4 };
        worker.OnMessage = (connection, data) =>
        {
            string before = global.GetValueOrDefault("somedata", "null");
            global["somedata"] = data;
            connection.Send($"now global->somedata={before}");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        string expected = "null";
        for (int i = 0; i < 8; i++)
        {
            using RawClient client = server.Connect();
            Assert.That(client.Send($"{i}\n").ReadUntil("\n"), Is.EqualTo($"now global->somedata={expected}\n"));
            expected = $"{i}";
        }
    }

    /// <summary>global-data, and the operations of its client: isset, unset, add, increment, cas.</summary>
    [ManualPage("components/global-data.md", Different = Data)]
    [ManualPage("components/global-data-client.md", Different = Data)]
    [ManualPage("components/global-data-client-add.md", Different = Data)]
    [ManualPage("components/global-data-client-increment.md", Different = Data)]
    [ManualPage("components/global-data-client-cas.md", Different = Data)]
    [Test]
    public void OperationsOnSharedValues()
    {
        var global = new ConcurrentDictionary<string, object>();
        Assert.That(global.ContainsKey("abc"), Is.False, "isset");
        global["abc"] = new[] { 1, 2, 3 };
        Assert.That(global["abc"], Is.EqualTo(new[] { 1, 2, 3 }));
        Assert.That(global.TryRemove("abc", out _), "unset");
        Assert.That((global.TryAdd("abc", 10), global.TryAdd("abc", 11)), Is.EqualTo((true, false)), "add");
        Assert.That(global.AddOrUpdate("abc", 2, (_, value) => (int)value + 2), Is.EqualTo(12), "increment");
        Assert.That((global.TryUpdate("abc", 18, 12), global.TryUpdate("abc", 20, 12)), Is.EqualTo((true, false)), "cas");

        // A value is added to a list by several at a time, without one being lost.
        var lists = new ConcurrentDictionary<string, int[]> { ["user_list"] = [] };
        Parallel.For(0, 100, i =>
        {
            int[] oldValue;
            do oldValue = lists["user_list"];
            while (!lists.TryUpdate("user_list", [.. oldValue, i], oldValue));
        });
        Assert.That(lists["user_list"], Is.EquivalentTo(Enumerable.Range(0, 100)));
    }

    /// <summary>react/child-process: a command, whose output and end are told.</summary>
    [ManualPage("component/react-child-process.md", Different = "Process of .NET, awaited")]
    [Test]
    public async Task ChildProcess()
    {
        if (OperatingSystem.IsWindows()) Assert.Ignore("there is no program echo");
        using var output = new EventQueue();
        var worker = new Worker();
        worker.OnWorkerStart = worker => Timer.DelayAsync(0, async () =>
        {
            using Process process =
                Process.Start(new ProcessStartInfo("echo", "hello") { RedirectStandardOutput = true })!;
            while (await process.StandardOutput.ReadLineAsync() is { } line) output.Add(line);
            await process.WaitForExitAsync();
            output.Add("cmd complete");
        });
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That((output.Next(), output.Next()), Is.EqualTo(("hello", "cmd complete")));
    }

    /// <summary>react/dns: a name's address, while the loop goes on.</summary>
    [ManualPage("component/react-dns.md", Different = "Dns of .NET, awaited; it asks the system's resolver")]
    [Test]
    public async Task ResolveAName()
    {
        var worker = new Worker<string>("text://127.0.0.1:0");
        worker.OnMessageAsync = async (connection, host) =>
        {
            try
            {
                IPAddress[] addresses = await Dns.GetHostAddressesAsync(host, AddressFamily.InterNetwork);
                connection.Send($"{host}: {addresses[0]}");
            }
            catch (SocketException e)
            {
                connection.Send($"{host}: {e.SocketErrorCode}");
            }
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        Assert.That(client.Send("localhost\n").ReadUntil("\n"), Is.EqualTo("localhost: 127.0.0.1\n"));
        Assert.That(client.Send("a..b\n").ReadUntil("\n"), Does.StartWith("a..b: "));
    }
}
