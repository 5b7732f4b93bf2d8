using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>The temporary file of an upload goes with the answer, not with the connection, which may last.</summary>
internal sealed class RefusedUploadTests
{
    private const string Head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
    private const string Part = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n";

    /// <summary>By a chunk that is none, with the body as it is or a form that is taken apart, and by taking too long.</summary>
    [Test]
    public void RefusedUploadGivesItsFileBackAtOnce([Values] bool isForm, [Values] bool tooSlow)
    {
        using var folder = new TemporaryFolder();
        MemoryConnection http = Open(folder, (_, _) => Assert.Fail("nothing is whole"));
        string content = (isForm ? Part : "") + new string('x', 10_000);
        http.Socket.Arrive(Head + (isForm ? "Content-Type: multipart/form-data; boundary=b\r\n" : "") + "\r\n")
            .Arrive($"{content.Length:x}\r\n{content}\r\n");
        http.Loop.TurnUntilNothingHappens();
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(1));
        if (tooSlow) http.Loop.Advance(TimeSpan.FromMinutes(5));
        else http.Socket.Arrive("no chunk\r\n");
        http.Loop.Turn();
        Assert.That(http.Socket.Sent, Does.StartWith(tooSlow ? "HTTP/1.1 408" : "HTTP/1.1 400"));
        Assert.That(http.Socket.IsClosed, Is.False, "it still reads on");
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
    }

    /// <summary>An event stream is an answer that does not end.</summary>
    [Test]
    public void StreamThatAnswersAnUploadGivesItsFileBack()
    {
        using var folder = new TemporaryFolder();
        MemoryConnection http = Open(folder, (connection, _) =>
        {
            Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(1));
            connection.Send(new Response().WithHeader("Content-Type", "text/event-stream"));
        });
        http.Socket.Arrive($"{Head}\r\n2710\r\n{new string('x', 10_000)}\r\n0\r\n\r\n");
        http.Loop.Turn();
        Assert.That(http.Socket.Sent, Does.StartWith("HTTP/1.1 200"));
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
    }

    private static MemoryConnection Open(TemporaryFolder folder, Action<TcpConnection, Request> onMessage) =>
        MemoryConnection.Http(onMessage, new HttpOptions
        {
            UploadFolder = folder.Path,
            BodyMemoryThreshold = 1000,
            FileMemoryThreshold = 1000,
        });
}
