using System.IO.Pipelines;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>The reader of a body that is asked for too early, too late, in part, or where there is no body.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class StreamedReaderTests(Type loopType)
{
    /// <summary>What is left of a body is not taken for the whole of it.</summary>
    [TestCase("body")]
    [TestCase("parts")]
    public async Task BodyThatWasReadInPartIsNotReadAsAWhole(string how)
    {
        await using TestServer server = Serve(async (connection, request) =>
        {
            ReadResult read = await request.BodyReader.ReadAsync();
            request.BodyReader.AdvanceTo(read.Buffer.GetPosition(3));
            try
            {
                if (how == "body") await request.ReadBodyAsync();
                else await foreach (RequestPart part in request.ReadPartsAsync()) await part.ReadTextAsync();
                connection.Send("read");
            }
            catch (InvalidOperationException e)
            {
                connection.Send(e.Message);
            }
        });
        using RawClient client = server.Connect();
        string answer = client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            + "Content-Length: 10\r\n\r\n0123456789").ReadResponse().Body;
        Assert.That(answer, Does.StartWith("Some of the body was read already"));
    }

    [Test]
    public async Task ReaderThatWasAskedForWithTheHeadHidesNothing([Values] bool streams)
    {
        await using TestServer server = Serve(async (connection, request) =>
        {
            if (streams) await request.ReadBodyAsync();
            ReadResult read = await request.BodyReader.ReadAsync();
            connection.Send($"{read.Buffer.Length}");
        }, worker =>
        {
            worker.Options.Http.StreamBodies = streams;
            worker.OnHeaders = (_, request) => Assert.That(request.BodyReader, Is.Not.Null);
        });
        using RawClient client = server.Connect();
        client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world");
        Assert.That(client.ReadResponse().Body, Is.EqualTo("11"));
    }

    [Test]
    public async Task ReaderOfNoBodyIsAtItsEndAtOnceAndAdvancesOnce()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            bool isThere = request.BodyReader.TryRead(out ReadResult read);
            connection.Send($"{isThere} {read.IsCompleted} {read.Buffer.Length}");
            return Task.CompletedTask;
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("True True 0"));
        await using TestServer other = Serve(async (connection, request) =>
        {
            ReadResult read = await request.BodyReader.ReadAsync();
            request.BodyReader.AdvanceTo(read.Buffer.End);
            Assert.That(() => request.BodyReader.AdvanceTo(read.Buffer.End), Throws.InvalidOperationException);
            connection.Send("once");
        });
        using RawClient second = other.Connect();
        second.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        Assert.That(second.ReadResponse().Body, Is.EqualTo("once"));
    }

    private TestServer Serve(Func<TcpConnection, Request, Task> handle, Action<Worker>? setUp = null)
    {
        var worker = new Worker("http://127.0.0.1:0") { Name = "test", OnMessageAsync = handle };
        worker.Options.Http.StreamBodies = true;
        setUp?.Invoke(worker);
        return TestServer.Start(loopType, worker);
    }
}
