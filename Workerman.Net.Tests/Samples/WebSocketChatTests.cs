using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>The chat as a program of its own, with pages of a real browser in its rooms.</summary>
internal sealed class WebSocketChatTests
{
    [Test]
    public async Task WhatOneSaysAllInTheRoomRead()
    {
        if (Chromium.Path is null)
            Assert.Ignore(
                "Chromium is not installed (Debian: apt-get install chromium), so no browser has opened the chat in this run.");
        using ServerProcess server = ServerProcess.Run("dotnet",
            Repository.ProgramOf(Path.Combine("samples", "WebSocketChat"), "WebSocketChat"), "http://127.0.0.1:0").WaitForStart();
        await using Chromium one = await Chromium.Open(new Uri($"http://{server.EndPoint}"));
        await WaitFor(one, "document.getElementById('messages').innerText.includes('guest 1has come')");
        await using Chromium away = await Chromium.Open(new Uri($"http://{server.EndPoint}/?room=caf%C3%A9"));
        await WaitFor(away, "document.getElementById('messages').innerText.includes('guest 2has come')");
        await using (Chromium two = await Chromium.Open(new Uri($"http://{server.EndPoint}/?room=lobby")))
        {
            await WaitFor(two, "state.textContent === 'connected'");
            await WaitFor(one, "document.getElementById('here').textContent === '2 here'");
            await two.Evaluate("text.value = 'größer <b>😀</b>'; form.requestSubmit()");
            foreach (Chromium page in new[] { one, two })
                await WaitFor(page, "[...messages.children].some(line => line.textContent === 'guest 3größer <b>😀</b>')");
            Assert.That(two.Errors, Is.Empty);
        }
        await WaitFor(one, "[...messages.children].some(line => line.textContent === 'guest 3has left')");
        await WaitFor(one, "document.getElementById('here').textContent === '1 here'");
        await WaitFor(away, "messages.children.length === 1 && document.getElementById('room').value === 'café'");
        Assert.That(one.Errors.Concat(away.Errors), Is.Empty);

        // A graceful stop says so to the page: 1001.
        server.Signal(15);
        await WaitFor(one, "state.textContent === 'connection closed (1001)'");
        Assert.That(server.WaitForExit(), Is.Zero);
    }

    private static async Task WaitFor(Chromium browser, string condition) =>
        await browser.Evaluate($$"""
            new Promise((resolve, reject) => {
              const end = Date.now() + 15000;
              const look = () => {
                if ({{condition}}) resolve();
                else if (Date.now() > end) reject(new Error('waited in vain: ' + document.body.innerText));
                else setTimeout(look, 10);
              };
              look();
            })
            """);
}
