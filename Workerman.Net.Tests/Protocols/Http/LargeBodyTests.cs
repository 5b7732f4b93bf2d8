using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Bodies that are received straight into their place: the same bytes however they are cut, and what follows them on the
/// connection is not among them.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class LargeBodyTests(Type loopType)
{
    private static readonly int[] Lengths = [16 * 1024, 100_000, 1024 * 1024, 1024 * 1024 + 1, 5_000_000];

    [Test]
    public async Task BodyIsWhatWasSentAndTheNextRequestIsNot([ValueSource(nameof(Lengths))] int length, [Values] bool isLarge,
        [Values("array", "stream", "length")] string form)
    {
        await using TestServer server = Serve(form, isLarge ? int.MaxValue : 64 * 1024);
        using RawClient client = server.Connect();
        byte[] body = Bytes(length);
        byte[] request =
            [.. Encoding.ASCII.GetBytes($"POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"), .. body];
        byte[] both = [.. request, .. "GET /second HTTP/1.1\r\nHost: a\r\n\r\n"u8];
        string wanted = form == "length" ? $"/first {length}" : $"/first {Convert.ToHexString(SHA256.HashData(body))}";
        for (int i = 0; i < 3; i++)
        {
            client.Send(both, Fragmentation.AtRandom(Random.Shared.Next()));
            Assert.That((client.ReadResponse().Body, client.ReadResponse().Body[..7]), Is.EqualTo((wanted, "/second")));
        }
    }

    [Test]
    public async Task BytesOfOneBodyAreNotThoseOfAnother()
    {
        await using TestServer server = Serve("array", int.MaxValue);
        using var client = new HttpClient();
        byte[][] bodies = [.. Enumerable.Range(0, 16).Select(i => Bytes(1_200_000 + i * 300_000))];
        string[] answers = await Task.WhenAll(bodies.Select(async body =>
        {
            using var content = new ByteArrayContent(body);
            using HttpResponseMessage answer = await client.PostAsync(new Uri(server.Uri, "/x"), content);
            return await answer.Content.ReadAsStringAsync();
        }));
        Assert.That(answers, Is.EqualTo(bodies.Select(body => $"/x {Convert.ToHexString(SHA256.HashData(body))}")));
    }

    /// <summary>The application may keep the request: few bytes stay, of many those that it has asked for before.</summary>
    [Test]
    public async Task WhatIsKeptBeyondTheAnswerStays()
    {
        var kept = new List<Request>();
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/asked") Assert.That(request.RawBody.Length, Is.EqualTo(request.BodyLength));
            if (request.Path != "/other") kept.Add(request);
            connection.Send("ok");
        }, worker => worker.Options.Http.BodyMemoryThreshold = int.MaxValue);
        using RawClient client = server.Connect();
        byte[] few = Bytes(1024 * 1024);
        byte[] many = Bytes(1024 * 1024 + 1);
        foreach ((string path, byte[] body) in
            new[] { ("/few", few), ("/many", many), ("/asked", many), ("/other", new byte[3_000_000]) })
        {
            client.Send($"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {body.Length}\r\n\r\n").Send(body);
            Assert.That(client.ReadResponse().Body, Is.EqualTo("ok"));
        }
        Assert.That(kept[0].RawBody.Span.SequenceEqual(few));
        Assert.That(kept[2].RawBody.Span.SequenceEqual(many));
        Assert.That(Assert.Throws<InvalidOperationException>(() => _ = kept[1].RawBody)!.Message, Does.Contain("Cure:"));
        Assert.That(kept[1].BodyLength, Is.EqualTo(many.Length));
    }

    [Test]
    public async Task LargeFormInMemoryIsRead()
    {
        byte[] file = Bytes(3_000_000);
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            using Stream stream = request.File("f")!.OpenRead();
            connection.Send($"{request.Post("a")} {request.File("f")!.IsInMemory} "
                + Convert.ToHexString(SHA256.HashData(stream)));
        }, worker => worker.Options.Http.BodyMemoryThreshold = int.MaxValue);
        using var client = new HttpClient();
        using var form = new MultipartFormDataContent { { new StringContent("text"), "a" } };
        var part = new ByteArrayContent(file);
        part.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        form.Add(part, "f", "f");
        using HttpResponseMessage answer = await client.PostAsync(server.Uri, form);
        Assert.That(await answer.Content.ReadAsStringAsync(),
            Is.EqualTo($"text True {Convert.ToHexString(SHA256.HashData(file))}"));
    }

    private TestServer Serve(string form, int threshold) => TestServer.Http(
        loopType,
        (connection, request) =>
        {
            using Stream stream = form == "stream" ? request.OpenBody() : Stream.Null;
            string what = form switch
            {
                "length" => $"{request.BodyLength}",
                "stream" => Convert.ToHexString(SHA256.HashData(stream)),
                _ => Convert.ToHexString(SHA256.HashData(request.RawBody.Span)),
            };
            connection.Send($"{request.Path} {what}");
        },
        worker => worker.Options.Http.BodyMemoryThreshold = threshold);

    private static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }
}
