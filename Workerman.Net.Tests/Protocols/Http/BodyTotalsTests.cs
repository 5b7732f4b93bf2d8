using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>What the bodies of all requests take together: no more than they may, and all of it comes back.</summary>
internal sealed class BodyTotalsTests
{
    private const string Form = "multipart/form-data; boundary=b";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void MemoryOfAllBodiesIsBounded()
    {
        HttpOptions options = Options(options => options.MaxBodyMemory = 3000);
        MemoryConnection first = Begin(options, Post(1000, 999));
        MemoryConnection second = Begin(options, Post(2000, 1999));
        Assert.That((options.Bodies.Memory, first.Events, second.Events), Is.EqualTo((2998L, (string[])[], (string[])[])));
        MemoryConnection third = Begin(options, Post(3, 0));
        Assert.That(third.Socket.Sent, Does.StartWith("HTTP/1.1 503 ").And.Contain("(HttpOptions.MaxBodyMemory)"),
            "before it sends any of it");
        Arrive(first, "x");
        Assert.That(first.Socket.Sent, Does.StartWith("HTTP/1.1 200 "));
        Assert.That(options.Bodies.Memory, Is.EqualTo(1999));
        MemoryConnection fourth = Begin(options, Post(1001, 1001));
        Assert.That(fourth.Socket.Sent, Does.StartWith("HTTP/1.1 200 "));
    }

    [Test]
    public void BodyThatGrowsBeyondItIsRefused()
    {
        HttpOptions options = Options(options => options.MaxBodyMemory = 3000);
        MemoryConnection first = Begin(options, Chunked(1500));
        MemoryConnection second = Begin(options, Chunked(1400));
        Assert.That(options.Bodies.Memory, Is.EqualTo(2900));
        Arrive(second, "400\r\n" + new string('x', 1024));
        Assert.That(second.Socket.Sent, Does.StartWith("HTTP/1.1 503 "));
        Arrive(first, "0\r\n\r\n");
        Assert.That(first.Socket.Sent, Does.StartWith("HTTP/1.1 200 "));
        second.Connection.Destroy();
        second.Loop.Turn();
        Assert.That(options.Bodies.Memory, Is.Zero);
    }

    [Test]
    public void DiskOfAllBodiesIsBounded()
    {
        HttpOptions options = Options(options =>
        {
            options.BodyMemoryThreshold = 100;
            options.MaxBodyDisk = 3000;
        });
        MemoryConnection first = Begin(options, Post(3000, 2000));
        Assert.That((options.Bodies.Memory, options.Bodies.Disk), Is.EqualTo((0L, 2000L)));
        MemoryConnection second = Begin(options, Post(1001, 0));
        Assert.That(second.Socket.Sent, Does.StartWith("HTTP/1.1 503 ").And.Contain("(HttpOptions.MaxBodyDisk)"));
        MemoryConnection third = Begin(options, Post(1000, 1));
        MemoryConnection fourth = Begin(options, Chunked(101));
        Arrive(fourth, "384\r\n" + new string('x', 900));
        Assert.That(fourth.Socket.Sent, Does.StartWith("HTTP/1.1 503 "));
        foreach (MemoryConnection peer in new[] { first, third, fourth }) peer.Connection.Destroy();
        foreach (MemoryConnection peer in new[] { first, third, fourth }) peer.Loop.Turn();
        Assert.That((options.Bodies.Memory, options.Bodies.Disk), Is.EqualTo((0L, 0L)));
        Assert.That(Directory.GetFiles(_folder.Path), Is.Empty);
    }

    [Test]
    public void AllComesBackHoweverItEnds([Values("answered", "gone", "refused", "throws", "closed")] string end,
        [Values(10, 1_000_000)] int threshold, [Values] bool isForm)
    {
        HttpOptions options = Options(options =>
        {
            options.BodyMemoryThreshold = threshold;
            options.FileMemoryThreshold = 1000;
        });
        string body = !isForm ? new string('x', 5000)
            : "--b\r\nContent-Disposition: form-data; name=a\r\n\r\na field\r\n"
            + $"--b\r\nContent-Disposition: form-data; name=s; filename=s\r\n\r\n{new string('s', 500)}\r\n"
            + $"--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n{new string('x', 5000)}\r\n--b--";
        MemoryConnection peer = MemoryConnection.Http(
            (connection, request) =>
            {
                if (isForm) Assert.That(request.File("f")!.Size + request.Post("a")!.Length, Is.EqualTo(5007));
                Assert.That(options.Bodies.Memory + options.Bodies.Disk, Is.AtLeast(5000));
                if (end == "throws") throw new InvalidOperationException("on purpose");
                if (end == "closed") connection.Destroy();
                else connection.Send("ok");
            },
            options);
        peer.Socket.Arrive("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
            + $"Content-Type: {(isForm ? Form : "text/plain")}\r\n\r\n{body.Length:x}\r\n{body}");
        peer.Loop.TurnUntilNothingHappens();
        Assert.That(options.Bodies.Memory + options.Bodies.Disk, Is.AtLeast(5000));
        if (end == "gone") peer.Socket.HangUp();
        else peer.Socket.Arrive(end == "refused" ? "\r\nno size\r\n" : "\r\n0\r\n\r\n");
        peer.Loop.TurnUntilNothingHappens();
        if (end == "refused") peer.Connection.Destroy();
        peer.Loop.TurnUntilNothingHappens();
        Assert.That((options.Bodies.Memory, options.Bodies.Disk), Is.EqualTo((0L, 0L)));
    }

    [Test]
    public void FileThatIsMovedAwayDoesNotCount()
    {
        HttpOptions options = Options(options => options.BodyMemoryThreshold = options.FileMemoryThreshold = 10);
        string body = $"--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n{new string('x', 10_000)}\r\n--b--";
        (long Before, long After) disk = default;
        MemoryConnection peer = MemoryConnection.Http(
            (connection, request) =>
            {
                disk.Before = options.Bodies.Disk;
                request.File("f")!.MoveTo(Path.Combine(_folder.Path, "kept"));
                disk.After = options.Bodies.Disk;
                connection.Send("ok");
            },
            options);
        peer.Socket.Arrive(
            $"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: {Form}\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        peer.Loop.TurnUntilNothingHappens();
        Assert.That((disk, options.Bodies.Disk), Is.EqualTo(((10_000L, 0L), 0L)));
    }

    [Test]
    public void LimitIsNotNegative()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new HttpOptions { MaxBodyMemory = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new HttpOptions { MaxBodyDisk = -1 });
    }

    private HttpOptions Options(Action<HttpOptions> set)
    {
        var options = new HttpOptions { UploadFolder = _folder.Path };
        set(options);
        return options;
    }

    private static MemoryConnection Begin(HttpOptions options, string bytes)
    {
        MemoryConnection peer = MemoryConnection.Http((connection, _) => connection.Send("ok"), options);
        Arrive(peer, bytes);
        return peer;
    }

    private static void Arrive(MemoryConnection peer, string bytes)
    {
        peer.Socket.Arrive(bytes);
        peer.Loop.TurnUntilNothingHappens();
    }

    private static string Post(int length, int sent) =>
        $"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{new string('x', sent)}";

    /// <summary>A chunked body whose first chunk comes at once.</summary>
    private static string Chunked(int size) => "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        + $"{size:x}\r\n{new string('x', size)}\r\n";
}
