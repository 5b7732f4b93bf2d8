using System.Security.Cryptography;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// The parts of a multipart form as they come (<c>ReadPartsAsync</c>): the same as those of a form that is kept.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class StreamedPartsTests(Type loopType)
{
    private const string Form = "preamble\r\n--b \r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ntext\r\n"
        + "--b\r\nContent-Disposition: form-data; name=e\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n\u00E4\r\n"
        + "--b\r\n\r\nwithout a name\r\n--b\r\ncontent-disposition: form-data;\r\n name=f; filename=\"C:\\x\\f.txt\"\r\n"
        + "X-Own: own\r\n\r\nline\r\n-- bline\r\n\r\n--b\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--b--epilogue";

    private static Fragmentation[] AllFragmentations => Fragmentation.All;

    [Test]
    public async Task PartsAreThoseOfTheForm([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation,
        [Values] bool streams)
    {
        await using TestServer server = Serve(async (connection, request) =>
        {
            var parts = new StringBuilder();
            await foreach (RequestPart part in request.ReadPartsAsync())
                parts.Append($"{part.Name}|{part.FileName}|{part.ClientName}|{part.ContentType}|{part.Headers.Count}|"
                    + $"{(part.Headers.TryGetValue("x-own", out string? own) ? own : "")}|{await part.ReadTextAsync()};");
            connection.Send(parts.ToString());
        }, streams);
        using RawClient client = server.Connect();
        byte[] body = Encoding.Latin1.GetBytes(Form);
        byte[] request = [.. Encoding.ASCII.GetBytes(Head(body.Length)), .. body];
        client.Send([.. request, .. request], fragmentation);
        const string Wanted = "a||||1||text;e|||text/plain; charset=iso-8859-1|2||\u00C3\u00A4;||||0||without a name;"
            + "f|f.txt|C:\\x\\f.txt||2|own|line\r\n-- bline\r\n;empty||||1||;";
        Assert.That((client.ReadResponse().Body, client.ReadResponse().Body), Is.EqualTo((Wanted, Wanted)));
    }

    [Test]
    public async Task WhatIsNotReadOfAPartIsSkipped([Values] bool begins)
    {
        await using TestServer server = Serve(async (connection, request) =>
        {
            var names = new StringBuilder();
            await foreach (RequestPart part in request.ReadPartsAsync())
            {
                if (begins) _ = await part.OpenBody().ReadAsync(new byte[10]);
                names.Append(part.Name);
            }
            connection.Send(names.ToString());
        });
        using var client = new HttpClient();
        using var form = new MultipartFormDataContent
        {
            { new StringContent("x"), "a" }, { new ByteArrayContent(new byte[1_000_000]), "f", "f" },
            { new StringContent("y"), "z" },
        };
        using HttpResponseMessage answer = await client.PostAsync(server.Uri, form);
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo("afz"));
    }

    [Test]
    public async Task LargeFileIsReadWithLittleMemory()
    {
        long most = 0;
        TestServer? running = null;
        await using TestServer server = running = Serve(async (connection, request) =>
        {
            await foreach (RequestPart part in request.ReadPartsAsync())
            {
                using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                byte[] piece = new byte[50_000];
                using Stream content = part.OpenBody();
                for (int count; (count = await content.ReadAsync(piece)) > 0; hash.AppendData(piece, 0, count))
                    most = Math.Max(most, running!.Main.Options.Http.Bodies.Memory);
                connection.Send(Convert.ToHexString(hash.GetCurrentHash()));
            }
        });
        using var folder = new TemporaryFolder();
        byte[] file = new byte[9_000_000];
        new Random(1).NextBytes(file);
        File.WriteAllBytes(folder.PathOf("file"), file);
        string answer = await Curl.RunAsync("-s", "-F", $"f=@{folder.PathOf("file")}", $"{server.Uri}");
        Assert.That(answer, Is.EqualTo(Convert.ToHexString(SHA256.HashData(file))));
        Assert.That(most, Is.LessThan(2 * StreamedBody.MostUnread));
    }

    [TestCase("--b\r\n\r\nx", 400, "breaks off")]
    [TestCase("--bx", 400, "a boundary that goes on")]
    [TestCase("--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b\r\n\r\n3\r\n--b--", 413, "MaxFormFields)")]
    [TestCase("--b\r\n\r\n123456789012345678901\r\n--b--", 413, "MaxFormFieldsSize")]
    [TestCase("--b\r\nContent-Disposition: form-data; filename=x\r\n\r\n\r\n--b\r\n"
        + "Content-Disposition: form-data; filename=x\r\n\r\n\r\n--b--", 413, "MaxFiles")]
    public async Task FaultIsAnswered(string body, int status, string reason)
    {
        await using TestServer server = Serve(async (connection, request) =>
        {
            await foreach (RequestPart _ in request.ReadPartsAsync())
            {
            }
            connection.Send("read");
        }, setUp: options => (options.MaxFormFields, options.MaxFormFieldsSize, options.MaxFiles) = (2, 20, 1));
        using RawClient client = server.Connect();
        (int found, string _, string text) = client.Send(Head(body.Length) + body).ReadResponse();
        Assert.That((found, text), Is.EqualTo((status, text)));
        Assert.That(text, Does.Contain(reason));
    }

    [Test]
    public async Task WhatIsNoFormIsRefused()
    {
        await using TestServer server = Serve((_, request) => Task.FromResult(request.ReadPartsAsync()));
        using RawClient client = server.Connect();
        client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
        Assert.That(client.ReadResponse().Status, Is.EqualTo(415));
    }

    private static string Head(int length) =>
        $"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n";

    private TestServer Serve(Func<TcpConnection, Request, Task> handle, bool streams = true, Action<HttpOptions>? setUp = null)
    {
        var worker = new Worker("http://127.0.0.1:0") { Name = "test", OnMessageAsync = handle };
        worker.Options.Http.StreamBodies = streams;
        setUp?.Invoke(worker.Options.Http);
        return TestServer.Start(loopType, worker);
    }
}
