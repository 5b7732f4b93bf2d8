using System.Collections.Concurrent;
using System.Security.Cryptography;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Bodies that come after their handler was called, and that it waits for (<c>ReadBodyAsync</c>): what it may ask for before, and
/// what afterwards.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class GatheredBodyTests(Type loopType)
{
    [Test]
    public async Task WhatNeedsTheWholeBodySaysHowToGetIt()
    {
        var said = new ConcurrentQueue<string>();
        await using TestServer server = Serve(async (connection, request) =>
        {
            Action[] asks =
            [
                () => _ = request.RawBody, () => _ = request.Body, () => _ = request.BodyLength, () => request.Post(),
                () => request.File(), () => request.Json<object>(), () => request.RawBuffer(),
                () => request.OpenBody().ReadByte(),
            ];
            foreach (Action ask in asks) said.Enqueue(Assert.Throws<InvalidOperationException>(ask)!.Message);
            await request.ReadBodyAsync();
            await request.ReadBodyAsync();
            using var stream = new StreamReader(request.OpenBody());
            connection.Send($"{request.Post("a")} {request.Body} {request.BodyLength} {request.Header("content-length")} "
                + $"{request.Header("transfer-encoding")} {stream.ReadToEnd()} {request.Trailers["t"]}");
        });
        using RawClient client = server.Connect();
        client.Send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        await Wait.Until(() => said.Count == 8, "all are refused");
        Assert.That(said, Has.All.Contains("Cure:"));
        client.Send("3\r\na=b\r\n0\r\nT: u\r\n\r\n");
        Assert.That(client.ReadResponse().Body, Is.EqualTo("b a=b 3 3  a=b u"));
    }

    [Test]
    public async Task GatheredFormIsTakenApartAndItsFilesVanish([Values(10, 1_000_000)] int threshold)
    {
        using var folder = new TemporaryFolder();
        await using TestServer server = Serve(async (connection, request) =>
        {
            await request.ReadBodyAsync();
            using Stream file = request.File("f")!.OpenRead();
            connection.Send($"{request.Post("a")} {Convert.ToHexString(SHA256.HashData(file))}");
        }, worker =>
        {
            worker.Options.Http.UploadFolder = folder.Path;
            worker.Options.Http.BodyMemoryThreshold = worker.Options.Http.FileMemoryThreshold = threshold;
        });
        byte[] file = Bytes(100_000);
        using var client = new HttpClient();
        using var form = new MultipartFormDataContent
        {
            { new StringContent("text"), "a" }, { new ByteArrayContent(file), "f", "f" },
        };
        using HttpResponseMessage answer = await client.PostAsync(server.Uri, form);
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo($"text {Convert.ToHexString(SHA256.HashData(file))}"));
        await Wait.Until(() => Directory.GetFiles(folder.Path).Length == 0, "files vanish with the answer");
        Assert.That((server.Main.Options.Http.Bodies.Memory, server.Main.Options.Http.Bodies.Disk), Is.EqualTo((0L, 0L)));
    }

    private TestServer Serve(Func<TcpConnection, Request, Task> handle, Action<Worker>? setUp = null)
    {
        var worker = new Worker("http://127.0.0.1:0") { Name = "test", OnMessageAsync = handle };
        worker.Options.Http.StreamBodies = true;
        setUp?.Invoke(worker);
        return TestServer.Start(loopType, worker);
    }

    private static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }
}
