using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>
/// The manual's example against a real browser: its JavaScript client, run in the console of the server's own page.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class BrowserTests(Type loopType)
{
    /// <summary>The client of the manual page, with a promise around it that ends with its third event.</summary>
    private const string Client = """
        new Promise((resolve, reject) => {
          var received = [];
          var source = new EventSource(location.href);
          source.addEventListener('message', function (event) {
            received.push(event.data + '/' + event.lastEventId);
            if (received.length === 3) { source.close(); resolve(received.join(' ')); }
          }, false);
          source.onerror = () => reject('error, state ' + source.readyState);
        })
        """;

    [Test]
    public async Task EventSourceReceivesTheEventsOfTheExample()
    {
        if (Chromium.Path is null)
            Assert.Ignore("Chromium is not installed (Debian: apt-get install chromium), "
                + "so no browser has read an event stream in this run.");
        var closed = new TaskCompletionSource();
        await using TestServer server = TestServer.Http(loopType, OnMessage, worker => worker.OnClose = connection =>
        {
            if (connection.Context is "stream") closed.TrySetResult();
        });
        await using Chromium browser = await Chromium.Open(server.Uri);
        Assert.That(await browser.Evaluate("document.body.innerText"), Is.EqualTo("ok"));
        Assert.That(await browser.Evaluate(Client), Is.EqualTo("hello/1 hello/1 hello/1"));
        Wait.For(closed.Task);
    }

    [Test]
    public async Task EventSourceReadsWhatIsHardToRead()
    {
        if (Chromium.Path is null)
            Assert.Ignore("Chromium is not installed (Debian: apt-get install chromium), "
                + "so no browser has read an event stream in this run.");
        int connections = 0;
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Header("accept") != "text/event-stream")
            {
                connection.Send("ok");
                return;
            }
            connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }));
            if (connections++ == 0)
            {
                connection.Send(new ServerSentEvents { Comment = "hidden", Data = "a\r\nb\rc\n\u043f", Id = "42", Retry = 10 });
                // Cut off: the browser comes back and says where it was.
                connection.Close();
                return;
            }
            connection.Send(new ServerSentEvents { Event = "resumed", Data = request.Header("last-event-id") });
        });
        await using Chromium browser = await Chromium.Open(server.Uri);
        string? seen = await browser.Evaluate("""
            new Promise(resolve => {
              var seen = [];
              var source = new EventSource(location.href);
              source.onmessage = e => seen.push(e.data);
              source.addEventListener('resumed', e => { source.close(); resolve(JSON.stringify([seen, e.data])); });
            })
            """);
        Assert.That(seen, Is.EqualTo("[[\"a\\nb\\nc\\n\u043f\"],\"42\"]"));
    }

    /// <summary>The example of the manual, ten times as fast.</summary>
    private static void OnMessage(TcpConnection connection, Request request)
    {
        if (request.Header("accept") == "text/event-stream")
        {
            connection.Context = "stream";
            connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }, "\r\n"));
            long timerId = 0;
            timerId = Timer.Add(0.2, () =>
            {
                if (connection.Status != ConnectionStatus.Established)
                {
                    Timer.Del(timerId);
                    return;
                }
                connection.Send(new ServerSentEvents { Event = "message", Data = "hello", Id = "1" });
            });
            return;
        }
        connection.Send("ok");
    }
}
