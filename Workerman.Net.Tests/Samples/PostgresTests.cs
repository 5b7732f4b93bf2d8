using System.Net;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>Notes in a table of a real PostgreSQL, by the sample as a program of its own.</summary>
[SupportedOSPlatform("linux")]
[Platform("Linux")]
internal sealed class PostgresTests
{
    private PostgresServer _database = null!;

    [OneTimeSetUp]
    public void MakeDatabase()
    {
        PostgresServer.SkipIfMissing();
        _database = new PostgresServer(start: false);
    }

    [OneTimeTearDown]
    public void RemoveDatabase() => _database?.Dispose();

    [SetUp]
    public void StartDatabase() => _database.Start();

    [TearDown]
    public void StopDatabase() => _database.Kill();

    [Test]
    public async Task NotesAreAddedListedAndTold()
    {
        using var sample = new Sample(_database);
        await sample.WaitFor("the database tells of notes");
        using RawClient page = sample.OpenEvents();
        const string Text = "größer '); drop table notes; --";
        (HttpStatusCode status, string body) = await sample.Ask("POST", "/notes", JsonSerializer.Serialize(new { text = Text }));
        Assert.That(status, Is.EqualTo(HttpStatusCode.Created), body);
        using JsonDocument note = JsonDocument.Parse(body);
        long id = note.RootElement.GetProperty("id").GetInt64();
        Assert.That(note.RootElement.GetProperty("text").GetString(), Is.EqualTo(Text));
        Assert.That(await sample.Ask("GET", $"/notes/{id}"), Is.EqualTo((HttpStatusCode.OK, body)));
        page.ReadUntil($"data: {{\"id\":{id},");

        // What another program adds, which knows nothing of telling.
        string added = _database.Query("insert into notes (text) values ('psql') returning id").Split('\n')[0];
        page.ReadUntil($"data: {{\"id\":{added},\"text\":\"psql\",");
        Assert.That((await sample.Ask("GET", $"/notes?after={id}")).Body, Does.Contain("\"psql\"").And.Not.Contain("drop table"));
    }

    [Test]
    public async Task WhatIsWrongIsAnswered()
    {
        using var sample = new Sample(_database);
        await sample.WaitFor("the database tells of notes");
        foreach ((string method, string target, string body, int expected) in new (string, string, string, int)[]
        {
            ("POST", "/notes", "no JSON", 400),
            ("POST", "/notes", "null", 400),
            ("POST", "/notes", "{}", 400),
            ("POST", "/notes", """{"text":""}""", 400),
            ("POST", "/notes", """{"text":"a\u0000b"}""", 400),
            ("POST", "/notes", """{"text":"\ud800"}""", 400),
            ("GET", "/notes?after=x", "", 400),
            ("GET", "/notes/x", "", 404),
            ("GET", "/notes/999999999", "", 404),
            ("GET", "/notes/99999999999999999999", "", 404),
            ("GET", "/elsewhere", "", 404),
            ("DELETE", "/notes", "", 405),
        })
            Assert.That((int)(await sample.Ask(method, target, body)).Status, Is.EqualTo(expected), $"{method} {target} {body}");
    }

    [Test]
    public async Task WhatTheDatabaseRefusesIsAnErrorAndNoOutage()
    {
        using var sample = new Sample(_database);
        await sample.WaitFor("the database tells of notes");
        using RawClient page = sample.OpenEvents();
        _database.Query("alter table notes rename column text to body");
        Assert.That((await sample.Ask("GET", "/notes")).Status, Is.EqualTo(HttpStatusCode.InternalServerError));
        await sample.WaitFor("42703");

        // A table that is gone is made again, and tells again.
        _database.Query("drop table notes");
        (HttpStatusCode status, string body) = await sample.Ask("GET", "/notes");
        Assert.That(status, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(body, Does.Contain("the table was gone"));
        Assert.That(await sample.Ask("GET", "/notes"), Is.EqualTo((HttpStatusCode.OK, "[]")));
        _database.Query("insert into notes (text) values ('again')");
        page.ReadUntil("\"text\":\"again\"");
    }

    [Test]
    public async Task DatabaseMayBeAwayAtTheStartAndInBetween([Values] bool crashes)
    {
        _database.Stop();
        using var sample = new Sample(_database);
        using RawClient page = sample.OpenEvents();
        for (int i = 1; i <= 2; i++)
        {
            await sample.WaitFor("the database is away, ", i);
            Assert.That(await sample.Ask("GET", "/notes"),
                Is.EqualTo((HttpStatusCode.ServiceUnavailable, "the database is away")));
            _database.Start();
            await sample.WaitFor("the database tells of notes", i);
            // Pages are told that something may have been added meanwhile.
            page.ReadUntil("event: reread\n");
            Assert.That((await sample.Ask("POST", "/notes", """{"text":"back"}""")).Status, Is.EqualTo(HttpStatusCode.Created));
            page.ReadUntil("\"text\":\"back\"");
            if (crashes) _database.Kill();
            else _database.Stop();
        }
        // For what ends each test.
        _database.Start();
    }

    /// <summary>The program, and what is asked of it. Belongs to the test.</summary>
    private sealed class Sample : IDisposable
    {
        private readonly ServerProcess _process;
        private readonly HttpClient _client;

        public Sample(PostgresServer database)
        {
            _process = ServerProcess.Run("dotnet", Repository.ProgramOf(Path.Combine("samples", "Postgres"), "Postgres"),
                "http://127.0.0.1:0", database.ConnectionString).WaitForStart();
            _client = new HttpClient { BaseAddress = new Uri($"http://{_process.EndPoint}"), Timeout = Wait.Limit };
        }

        public async Task<(HttpStatusCode Status, string Body)> Ask(string method, string target, string body = "")
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), target);
            if (method == "POST") request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            using HttpResponseMessage answer = await _client.SendAsync(request);
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }

        public RawClient OpenEvents()
        {
            var client = new RawClient(_process.EndPoint);
            client.Send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
            return client;
        }

        /// <summary>Until it has said that, so many times.</summary>
        public Task WaitFor(string said, int times = 1) => Wait.Until(
            () => _process.Output.Split(said).Length > times, () => $"{said}, {times} times, in: {_process.Output}");

        public void Dispose()
        {
            _client.Dispose();
            _process.Dispose();
        }
    }
}
