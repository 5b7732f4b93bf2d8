using System.Text;
using System.Text.Json;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>The chat in the manner of workerman-chat as a program of its own: its messages, and its page in a browser.</summary>
internal sealed class ChatTests
{
    [Test]
    public void RoomsWithNamesAndAListOfWhoIsThere()
    {
        using ServerProcess server = Start();
        using var ann = new Guest(server, "Ann", "lobby");
        Assert.That(ann.Told.GetProperty("client_list").EnumerateObject().Select(each => each.Value.GetString()),
            Is.EqualTo(new[] { "Ann" }));
        string annsId = ann.Told.GetProperty("client_id").GetString()!;
        string bobsId;
        using (var bob = new Guest(server, "Bob", "lobby"))
        {
            bobsId = bob.Told.GetProperty("client_id").GetString()!;
            Assert.That(bob.Told.GetProperty("client_list").EnumerateObject().Select(each => (each.Name, each.Value.GetString())),
                Is.EquivalentTo(new[] { (annsId, "Ann"), (bobsId, "Bob") }));
            Assert.That(ann.Hear("type", "client_id", "client_name"), Is.EqualTo(new[] { "login", bobsId, "Bob" }));
            Assert.That(ann.Told.TryGetProperty("client_list", out _), Is.False);

            // To all of the room, and to nobody else; those of another room may have the same name.
            using var other = new Guest(server, "Ann", "elsewhere");
            bob.Say("""{"type":"say","to_client_id":"all","content":"<b>größer</b>"}""");
            foreach (Guest each in new[] { ann, bob })
            {
                Assert.That(each.Hear("type", "from_client_id", "from_client_name", "to_client_id", "content"),
                    Is.EqualTo(new[] { "say", bobsId, "Bob", "all", "<b>größer</b>" }));
            }
            // To one: who says it has it too. Nobody in between has heard anything.
            ann.Say($$"""{"type":"say","to_client_id":"{{bobsId}}","content":"psst"}""");
            foreach (Guest each in new[] { ann, bob })
                Assert.That(each.Hear("from_client_id", "to_client_id", "content"), Is.EqualTo(new[] { annsId, bobsId, "psst" }));
            other.Say($$"""{"type":"say","to_client_id":"{{bobsId}}","content":"let me in"}""");
            Assert.That(other.Hear("type", "message"), Is.EqualTo(new[] { "error", "nobody of that id is in this room" }));
        }
        Assert.That(ann.Hear("type", "from_client_id", "from_client_name"), Is.EqualTo(new[] { "logout", bobsId, "Bob" }));
        // The name is free again.
        using var again = new Guest(server, "Bob", "lobby");
        Assert.That(again.Told.GetProperty("type").GetString(), Is.EqualTo("login"));
    }

    [Test]
    public void WhatIsWrongIsAnsweredAndTheRestGoesOn()
    {
        using ServerProcess server = Start();
        using var ann = new Guest(server, "Ann", "lobby");
        foreach ((string message, string complaint) in new (string, string)[]
        {
            ("no JSON", "this is no message as JSON"),
            ("""{"type":"say","content":["a"]}""", "this is no message as JSON"),
            ("""{"type":"say","to_client_id":["a"],"content":"a"}""", "this is no message as JSON"),
            ("""{"type":"say","to_client_id":1,"content":"a"}""", "nobody of that id is in this room"),
            ("""{"type":"say","content":"\ud800"}""", "this is no message as JSON"),
            ("null", "there is no such type of message"),
            ("""{"content":"a"}""", "there is no such type of message"),
            ("""{"type":"shout"}""", "there is no such type of message"),
            ("""{"type":"say"}""", "a message has 1 to 2000 characters"),
            ("""{"type":"say","to_client_id":"nobody","content":"a"}""", "nobody of that id is in this room"),
            ("""{"type":"login","client_name":"Bob","room_id":"lobby"}""", "you are logged in already"),
        })
        {
            ann.Say(message);
            Assert.That(ann.Hear("type", "message"), Is.EqualTo(new[] { "error", complaint }), message);
        }
        ann.Say("""{"type":"pong"}""");
        ann.Say("""{"type":"say","content":"still here"}""");
        Assert.That(ann.Hear("content"), Is.EqualTo(new[] { "still here" }));
    }

    [Test]
    public void LoginsThatCannotBeAreRefusedAndMayBeTriedAgain()
    {
        using ServerProcess server = Start();
        using var ann = new Guest(server, "Ann", "lobby");
        using var other = new Guest(server, "Ann", "lobby");
        Assert.That(other.Told.GetProperty("message").GetString(), Is.EqualTo("somebody else in this room has that name"));
        other.Say("""{"type":"say","content":"a"}""");
        Assert.That(other.Hear("message"), Is.EqualTo(new[] { "log in first" }));
        other.Say("""{"type":"login","client_name":"Bob"}""");
        Assert.That(other.Hear("message"), Is.EqualTo(new[] { "a name and a room have 1 to 40 characters" }));
        other.Say("""{"type":"login","client_name":"Bob","room_id":"lobby"}""");
        Assert.That(other.Hear("type", "client_name"), Is.EqualTo(new[] { "login", "Bob" }));
    }

    [Test]
    public void RoomMayBeANumberAsWorkermanChatsPageSendsIt()
    {
        using ServerProcess server = Start();
        using var ann = new Guest(server, "Ann", "1");
        using var bob = new Guest(server, "", "");
        bob.Say("""{"type":"login","client_name":"Bob","room_id":1}""");
        Assert.That(bob.Hear("type", "client_name"), Is.EqualTo(new[] { "login", "Bob" }));
        Assert.That(ann.Hear("type", "client_name"), Is.EqualTo(new[] { "login", "Bob" }));
    }

    [Test]
    public void WhoDoesNotAnswerPingsIsClosed()
    {
        using ServerProcess server = Start("0.1");
        using var client = new FrameClient(server.EndPoint, path: "/chat");
        Assert.That(client.ReadText(), Does.StartWith("""{"type":"ping","""));
        (int first, byte[] payload) = client.ReadFrame();
        Assert.That((first, Encoding.UTF8.GetString(payload[2..])),
            Is.EqualTo((0x80 | FrameClient.Close, "no answer to a ping")));
    }

    [Test]
    public void WhoAnswersPingsStays()
    {
        using ServerProcess server = Start("2");
        using var client = new FrameClient(server.EndPoint, path: "/chat");
        for (int i = 0; i < 2; i++)
        {
            Assert.That(client.ReadText(), Does.StartWith("""{"type":"ping","""));
            client.Send(FrameClient.TextFrame("""{"type":"pong"}"""));
        }
        Assert.That(client.ReadText(), Does.StartWith("""{"type":"ping","""));
    }

    [Test]
    public async Task PageLogsInListsAndTalks()
    {
        if (Chromium.Path is null)
            Assert.Ignore("Chromium is not installed (Debian: apt-get install chromium), so no browser has opened the chat.");
        using ServerProcess server = Start();
        await using Chromium page = await Chromium.Open(new Uri($"http://{server.EndPoint}/?room=caf%C3%A9"));
        using var ann = new Guest(server, "Ann", "café");
        await page.Evaluate("document.getElementById('name').value = 'Ann'; document.getElementById('login').requestSubmit()");
        await WaitFor(page, "complaint.textContent === 'somebody else in this room has that name'");
        await page.Evaluate("document.getElementById('name').value = '<i>Bob'; document.getElementById('login').requestSubmit()");
        await WaitFor(page, "people.innerText === '<i>Bob (you)\\nAnn'");
        Assert.That(ann.Hear("type", "client_name"), Is.EqualTo(new[] { "login", "<i>Bob" }));
        string id = ann.Told.GetProperty("client_id").GetString()!;

        ann.Say($$"""{"type":"say","to_client_id":"{{id}}","content":"<b>psst</b>"}""");
        await WaitFor(page, "messages.innerText.includes('Ann to <i>Bob<b>psst</b>')");
        await WaitFor(page, "messages.lastChild.className === 'whisper'");
        await page.Evaluate("text.value = 'hello'; document.getElementById('say').requestSubmit()");
        Assert.That(ann.Hear("content"), Is.EqualTo(new[] { "<b>psst</b>" }));
        Assert.That(ann.Hear("from_client_name", "content"), Is.EqualTo(new[] { "<i>Bob", "hello" }));
        ann.Dispose();
        await WaitFor(page, "people.innerText === '<i>Bob (you)' && messages.lastChild.innerText === 'Annhas left'");
        Assert.That(page.Errors, Is.Empty);
    }

    private static ServerProcess Start(params string[] more) => ServerProcess.Run(["dotnet",
        Repository.ProgramOf(Path.Combine("samples", "Chat"), "Chat"), "http://127.0.0.1:0", .. more]).WaitForStart();

    /// <summary>Looks in the page until it is so; the elements of the page go by their ids.</summary>
    private static async Task WaitFor(Chromium browser, string condition) =>
        await browser.Evaluate($$"""
            new Promise((resolve, reject) => {
              const [people, messages, complaint] = ['people', 'messages', 'complaint'].map(id => document.getElementById(id));
              const end = Date.now() + 15000;
              const look = () => {
                if ({{condition}}) resolve();
                else if (Date.now() > end) reject(new Error('waited in vain: ' + document.body.innerText));
                else setTimeout(look, 10);
              };
              look();
            })
            """);

    /// <summary>Somebody who has asked to be logged in, with what was told last. Belongs to the test.</summary>
    private sealed class Guest : IDisposable
    {
        private readonly FrameClient _client;

        public Guest(ServerProcess server, string name, string room)
        {
            _client = new FrameClient(server.EndPoint, path: "/chat");
            Say(JsonSerializer.Serialize(new { type = "login", client_name = name, room_id = room }));
            Hear("type");
        }

        public JsonElement Told { get; private set; }

        public void Say(string message) => _client.Send(FrameClient.TextFrame(message));

        /// <summary>The next message: those of its fields.</summary>
        public string?[] Hear(params string[] fields)
        {
            using JsonDocument document = JsonDocument.Parse(_client.ReadText());
            Told = document.RootElement.Clone();
            return [.. fields.Select(field => Told.TryGetProperty(field, out JsonElement value) ? value.ToString() : null)];
        }

        public void Dispose() => _client.Dispose();
    }
}
