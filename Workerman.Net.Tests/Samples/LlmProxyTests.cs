using System.Text.Json;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>The proxy for a language model as a program of its own, in front of a model that the test plays.</summary>
internal sealed class LlmProxyTests
{
    private const string Get = "GET /?q=say+%22hi%22 HTTP/1.1\r\nHost: a\r\n";

    [Test]
    public async Task WordsAreHandedOnAsTheyCome([Values] bool asEvents)
    {
        using var model = new Model();
        await using TestServer upstream = model.Start();
        using ServerProcess proxy = Start(upstream);
        using var client = new RawClient(proxy.EndPoint);
        client.Send(Get + (asEvents ? "Accept: text/event-stream\r\n\r\n" : "\r\n"));
        Assert.That(client.ReadUntil("\r\n\r\n"), Does.StartWith("HTTP/1.1 200 "));
        string first = asEvents ? "data: Hello\n\n" : "5\r\nHello\r\n";
        // Before the model has gone on.
        Assert.That(client.ReadUntil(first), Is.EqualTo(first));
        Assert.That(model.Asked.Next(), Is.EqualTo("say \"hi\" true"));
        model.GoOn.Release();
        if (asEvents) Assert.That(client.ReadToEnd(), Is.EqualTo("data:  world\n\nevent: done\ndata: \n\n"));
        else Assert.That(client.ReadUntil("0\r\n\r\n"), Is.EqualTo("6\r\n world\r\n0\r\n\r\n"));
    }

    [Test]
    public async Task RequestEndsWithItsClient()
    {
        using var model = new Model { IsEndless = true };
        await using TestServer upstream = model.Start();
        using ServerProcess proxy = Start(upstream);
        using (var client = new RawClient(proxy.EndPoint))
        {
            client.Send($"{Get}\r\n").ReadUntil("Hello\r\n");
            model.Asked.Next();
        }
        Assert.That(model.Asked.Next(), Is.EqualTo("closed"));
    }

    [Test]
    public async Task WhatIsWrongIsAnswered()
    {
        await using TestServer upstream =
            TestServer.Http(Loops.Available[0], (connection, _) => connection.Send(new Response(429, [], "slowly")));
        using ServerProcess proxy = Start(upstream);
        using var client = new RawClient(proxy.EndPoint);
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Status, Is.EqualTo(400));
        (int status, _, string body) = client.Send($"{Get}\r\n").ReadResponse();
        Assert.That((status, body), Is.EqualTo((502, "the model answers 429")));
        upstream.Main.Unlisten();
        upstream.Main.Stop();
        await Wait.Until(() => upstream.Main.Connections.Count == 0, "the connection that the proxy has kept is closed");
        (status, _, body) = client.Send($"{Get}\r\n").ReadResponse();
        Assert.That(status, Is.EqualTo(502));
        Assert.That(body, Does.StartWith("the model does not answer: "));
    }

    private static ServerProcess Start(TestServer upstream) => ServerProcess.Run("dotnet",
        Repository.ProgramOf(Path.Combine("samples", "LlmProxy"), "LlmProxy"), "http://127.0.0.1:0",
        $"{upstream.Uri}v1/chat/completions").WaitForStart();

    /// <summary>A model that says a word, waits until the test lets it go on, and says another.</summary>
    private sealed class Model : IDisposable
    {
        public EventQueue Asked { get; } = new();

        public SemaphoreSlim GoOn { get; } = new(0);

        /// <summary>Whether it says its word again and again.</summary>
        public bool IsEndless { get; init; }

        public TestServer Start() => TestServer.Start(Loops.Available[0], new Worker("http://127.0.0.1:0")
        {
            OnClose = _ => Asked.Add("closed"),
            OnMessageAsync = async (connection, request) =>
            {
                using JsonDocument asked = JsonDocument.Parse(request.RawBody);
                JsonElement question = asked.RootElement.GetProperty("messages")[0].GetProperty("content");
                Asked.Add($"{question} {(asked.RootElement.GetProperty("stream").GetBoolean() ? "true" : "false")}");
                connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }, ""));
                connection.Send(Word("Hello"));
                while (IsEndless && connection.Status == ConnectionStatus.Established)
                {
                    connection.Send(Word("Hello"));
                    await Timer.Sleep(0.005);
                }
                if (IsEndless) return;
                await GoOn.WaitAsync();
                connection.Send(Word(" world"));
                connection.Close(new ServerSentEvents { Data = "[DONE]" });
            },
        });

        public void Dispose()
        {
            Asked.Dispose();
            GoOn.Dispose();
        }

        private static ServerSentEvents Word(string word) =>
            new() { Data = $$$"""{"choices":[{"delta":{"content":"{{{word}}}"}}]}""" };
    }
}
