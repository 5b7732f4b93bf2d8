using System.Buffers;
using System.Text;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Lists as long as a client likes: what reads them takes a number of steps that grows with their length, not with its square.
/// Counted are bytes that are allocated, or else the list is so long that its square would not come to an end.
/// </summary>
internal sealed class LongListTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    [Platform("Linux")]
    public void FileMayHaveTheLongestNameThatThereIs()
    {
        _folder.Write($"public/{new string('n', 255)}", "ascii");
        _folder.Write($"public/{new string('\u20ac', 85)}", "three bytes each");
        var files = new StaticFiles(_folder.PathOf("public"));
        Assert.That(StatusOf(files, "/" + new string('n', 255)), Is.EqualTo(200));
        Assert.That(StatusOf(files, "/" + string.Concat(Enumerable.Repeat("%E2%82%AC", 85))), Is.EqualTo(200),
            "escapes are not counted");
        Assert.That(StatusOf(files, "/" + new string('n', 256)), Is.EqualTo(404));
        Assert.That(StatusOf(files, "/" + string.Concat(Enumerable.Repeat("%E2%82%AC", 85)) + "a"), Is.EqualTo(404));
        Assert.That(StatusOf(files, $"/{new string('n', 256)}/../a"), Is.EqualTo(404));
    }

    [Test]
    [Platform("Linux")]
    public void FileMayHaveTheLongestPathThatThereIs()
    {
        // PATH_MAX counts the NUL at the end, and the path of the folder.
        string folder = _folder.PathOf("public");
        string path = "";
        while (folder.Length + path.Length + 2 <= 4095)
            path += "/" + new string('p', Math.Min(200, 4095 - folder.Length - path.Length - 1));
        _folder.Write("public" + path, "far down");
        Assert.That(StatusOf(new StaticFiles(folder), path), Is.EqualTo(200));
        Assert.That(StatusOf(new StaticFiles(folder), path + "p"), Is.EqualTo(404));
    }

    [TestCase(2048, TestName = "as long as a path may be")]
    [TestCase(4050, TestName = "longer")]
    public void PathOfManyFoldersCostsNoMoreThanItsLength(int folders)
    {
        _folder.Write("public/a/b", "a file");
        var files = new StaticFiles(_folder.PathOf("public"));
        Request request = Parse($"GET {string.Concat(Enumerable.Repeat("/a", folders))} HTTP/1.1\r\nHost: a\r\n\r\n");
        files.Serve(request);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Response answer = files.Serve(request);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        TestContext.Out.WriteLine($"{allocated} bytes");
        Assert.That(answer.StatusCode, Is.EqualTo(404));
        Assert.That(allocated, Is.LessThan(64 * 1024));
    }

    [Test]
    public void FieldsOfOneNameCostNoMoreThanTheirNumber()
    {
        const int Fields = 5000;
        Request request = Parse("GET / HTTP/1.1\r\nHost: a\r\n"
            + string.Concat(Enumerable.Range(0, Fields).Select(i => $"X: {i}\r\n")) + "\r\n");
        long before = GC.GetAllocatedBytesForCurrentThread();
        string joined = request.Header("x")!;
        Assert.That(request.Header()["x"], Is.EqualTo(joined));
        Assert.That(request.HeaderValues("x"), Has.Count.EqualTo(Fields));
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        TestContext.Out.WriteLine($"{allocated} bytes");
        Assert.That(joined.Split(", "), Has.Length.EqualTo(Fields).And.ItemAt(Fields - 1).EqualTo($"{Fields - 1}"));
        Assert.That(allocated, Is.LessThan(4 * 1024 * 1024));
    }

    [Test]
    public void ValuesOfANameAreInTheirOrder()
    {
        Request request = Parse("GET /?a=1&b=2&a=3&A=4&a=5 HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(request.GetValues("a"), Is.EqualTo(new[] { "1", "3", "5" }));
        Assert.That(request.GetValues("b"), Is.EqualTo(new[] { "2" }));
        Assert.That(request.GetValues("c"), Is.Empty);
    }

    [Test]
    public void NameOfEscapedQuotesAndSpacesComesToAnEnd()
    {
        string text = "form-data; name=\"" + string.Concat(Enumerable.Repeat("\\\"", 1 << 20)) + new string(' ', 1 << 20);
        Dictionary<string, string?> parameters = HeaderParameters.Read(text, out _);
        Assert.That(parameters["name"], Has.Length.EqualTo(1 << 20), "the last backslash belongs to it, its quote ends it");
    }

    [Test]
    public void UnknownCharsetsCostOneExceptionAName()
    {
        int thrown = 0;
        int thread = Environment.CurrentManagedThreadId;
        void Count(object? sender, System.Runtime.ExceptionServices.FirstChanceExceptionEventArgs e)
        {
            if (Environment.CurrentManagedThreadId == thread) thrown++;
        }
        AppDomain.CurrentDomain.FirstChanceException += Count;
        try
        {
            string words = string.Join(' ', Enumerable.Range(0, 1000).Select(i => $"=?x{i}?Q?a?="));
            Assert.That(EncodedWords.Decode($"=?utf-8?Q?=C3=9F?= {words}"), Is.EqualTo($"\u00df {words}"));
        }
        finally
        {
            AppDomain.CurrentDomain.FirstChanceException -= Count;
        }
        Assert.That(thrown, Is.EqualTo(1));
    }

    [Test]
    public void CodingsBeyondTheMostAreNotKept() => Assert.That(
        ContentCodings.Read(string.Join(',', Enumerable.Repeat(" GZip, identity,", 1000))),
        Is.EqualTo(new[] { "gzip", "gzip", "gzip", "gzip" }), "one more than are decoded, which is too many");

    private static int StatusOf(StaticFiles files, string path) =>
        files.Serve(Parse($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).StatusCode;

    private static Request Parse(string text)
    {
        var options = new HttpOptions { MaxHeadSize = 1 << 20, MaxRequestLineSize = 1 << 20, MaxHeaderCount = 10_000 };
        HttpParser.TryParse(new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(text)), options, out RequestHead head, out _);
        return new Request(in head, options);
    }
}
