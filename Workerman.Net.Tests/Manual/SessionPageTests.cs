using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Sessions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of Workerman's manual page http/session, and the session's one of http/request, in C#, with a client that keeps
/// its cookies.
/// </summary>
[ManualPage("http/session.md", Different = "values are JSON and are read as the type that they have")]
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class SessionPageTests(Type loopType)
{
    [Test]
    public async Task GetTheSessionObject()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            Session session = request.Session;
            session.Set("name", "tome");
            connection.Send(session.Get("name")!);
        });
        using var browser = new Browser(server.Uri);
        Assert.That(await browser.Get(), Is.EqualTo("tome"));
        Assert.That(browser.SessionId, Is.Not.Null);
    }

    /// <summary>The page's note: by default a session is a file on the disk.</summary>
    [Test]
    public async Task ByDefaultTheSessionIsAFile()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            int visits = request.Session.Get("visits", 0) + 1;
            request.Session.Set("visits", visits);
            connection.Send($"{visits}");
        });
        using var browser = new Browser(server.Uri);
        Assert.That((await browser.Get(), await browser.Get()), Is.EqualTo(("1", "2")));
        string file =
            Path.Combine(((FileSessionHandler)server.Main.Options.Http.Session.Handler).Folder, "session_" + browser.SessionId);
        Assert.That(await File.ReadAllTextAsync(file), Is.EqualTo("""{"visits":2}"""));
        // The folder stays: it is that of all who choose none.
        File.Delete(file);
    }

    [Test]
    public async Task GetAllSessionData()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            Session session = request.Session;
            if (request.Path == "/set") session.Set("name", "tom");
            connection.Send(string.Join(", ", session.All().Select(entry => $"{entry.Key} => {entry.Value}")));
        });
        using var browser = new Browser(server.Uri);
        Assert.That((await browser.Get(), await browser.Get("set"), await browser.Get()),
            Is.EqualTo(("", "name => tom", "name => tom")));
    }

    [Test]
    public async Task GetAValue()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            Session session = request.Session;
            string? name = session.Get("name");
            connection.Send(name ?? "null");
        });
        using var browser = new Browser(server.Uri);
        Assert.That(await browser.Get(), Is.EqualTo("null"));
    }

    [Test]
    public async Task GetAValueWithADefault()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            Session session = request.Session;
            connection.Send(session.Get("name", "tom"));
        });
        using var browser = new Browser(server.Uri);
        Assert.That(await browser.Get(), Is.EqualTo("tom"));
    }

    [Test]
    public async Task StoreData()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            Session session = request.Session;
            if (request.Path == "/set") session.Set("name", "tom");
            connection.Send(session.Get("name", "nobody"));
        });
        using var browser = new Browser(server.Uri);
        using var other = new Browser(server.Uri);
        Assert.That((await browser.Get("set"), await browser.Get(), await other.Get()), Is.EqualTo(("tom", "tom", "nobody")));
    }

    [Test]
    public async Task StoreSeveralValues()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            Session session = request.Session;
            if (request.Path == "/put") session.Put(new() { ["name"] = "tom", ["age"] = 12 });
            connection.Send($"{session.Get("name")} {session.Get("age", 0) + 1}");
        });
        using var browser = new Browser(server.Uri);
        Assert.That((await browser.Get("put"), await browser.Get()), Is.EqualTo(("tom 13", "tom 13")));
    }

    [Test]
    public async Task DeleteData()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            Session session = request.Session;
            switch (request.Path)
            {
                case "/put": session.Put(new() { ["name"] = "tom", ["age"] = 12, ["sex"] = "m" }); break;
                // One value.
                case "/one": session.Forget("name"); break;
                // Several values.
                case "/several": session.Forget("name", "age"); break;
                // The same as session.Forget("name").
                case "/delete": session.Delete("name"); break;
            }
            connection.Send(string.Join(',', session.All().Keys.Order()));
        });
        using var browser = new Browser(server.Uri);
        foreach ((string path, string left) in new[] { ("one", "age,sex"), ("several", "sex"), ("delete", "age,sex") })
            Assert.That((await browser.Get("put"), await browser.Get(path), await browser.Get()),
                Is.EqualTo(("age,name,sex", left, left)));
    }

    [Test]
    public async Task GetAndDelete()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            if (request.Path == "/set") request.Session.Set("name", "tom");
            connection.Send(request.Path == "/set" ? "set" : request.Session.Pull("name") ?? "null");
        });
        using var browser = new Browser(server.Uri);
        Assert.That((await browser.Get("set"), await browser.Get("pull"), await browser.Get("pull")),
            Is.EqualTo(("set", "tom", "null")));
    }

    [Test]
    public async Task DeleteAllData()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            switch (request.Path)
            {
                case "/put": request.Session.Put(new() { ["name"] = "tom", ["age"] = 12 }); break;
                case "/flush": request.Session.Flush(); break;
            }
            connection.Send($"{request.Session.All().Count}");
        });
        using var browser = new Browser(server.Uri);
        Assert.That((await browser.Get("put"), await browser.Get("flush"), await browser.Get()), Is.EqualTo(("2", "0", "0")));
    }

    [Test]
    public async Task HasAndExists()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            Session session = request.Session;
            if (request.Path == "/null") session.Set("name", null);
            if (request.Path == "/set") session.Set("name", "tom");
            connection.Send($"{session.Has("name")} {session.Exists("name")}");
        });
        using var browser = new Browser(server.Uri);
        Assert.That((await browser.Get(), await browser.Get("null"), await browser.Get(), await browser.Get("set")),
            Is.EqualTo(("False False", "False True", "False True", "True True")));
    }

    /// <summary>Get request sessionId, of the page http/request.</summary>
    [Test]
    public async Task GetRequestSessionId()
    {
        await using TestServer server = Serve((connection, request) => connection.Send(request.SessionId));
        using var browser = new Browser(server.Uri);
        string id = await browser.Get();
        Assert.That((await browser.Get(), browser.SessionId), Is.EqualTo((id, id)));
    }

    private TestServer Serve(Action<TcpConnection, Request> onMessage) =>
        TestServer.Http(loopType, onMessage, worker => worker.Options.Http.Session.Handler = new MemorySessionHandler());
}
