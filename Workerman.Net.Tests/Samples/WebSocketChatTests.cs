using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>The chat as a program of its own, with two pages of a real browser in it.</summary>
internal sealed class WebSocketChatTests
{
    [Test]
    public async Task WhatOneSaysAllRead()
    {
        if (Chromium.Path is null)
            Assert.Ignore(
                "Chromium is not installed (Debian: apt-get install chromium), so no browser has opened the chat in this run.");
        using ServerProcess server = ServerProcess.Run("dotnet",
            Repository.ProgramOf(Path.Combine("samples", "WebSocketChat"), "WebSocketChat"), "http://127.0.0.1:0").WaitForStart();
        await using Chromium one = await Chromium.Open(new Uri($"http://{server.EndPoint}"));
        await WaitFor(one, "document.getElementById('messages').innerText.includes('guest 1has come')");
        await using (Chromium two = await Chromium.Open(new Uri($"http://{server.EndPoint}")))
        {
            await WaitFor(two, "state.textContent === 'connected'");
            await two.Evaluate("text.value = 'größer <b>😀</b>'; form.requestSubmit()");
            foreach (Chromium page in new[] { one, two })
                await WaitFor(page, "[...messages.children].some(line => line.textContent === 'guest 2größer <b>😀</b>')");
            Assert.That(two.Errors, Is.Empty);
        }
        await WaitFor(one, "[...messages.children].some(line => line.textContent === 'guest 2has left')");
        Assert.That(one.Errors, Is.Empty);

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
