using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Serialization;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>What a body means: fields, files and JSON, in memory and taken apart as it arrives.</summary>
internal sealed partial class FormTests
{
    private const string Multipart = "multipart/form-data; boundary=b";

    /// <summary>Small bodies are read when they are asked for, large ones on their way in: the outcome is the same.</summary>
    private static readonly int[] Thresholds = [1024 * 1024, 0];

    private static readonly ConcurrentBag<HttpProtocol> Protocols = [];

    private static string[] Boundaries =>
        ["b", "'()+_,-./:=?", new('x', 70), "\"a b\"", "----=_Part_7_1.2", new('x', 128), "X_{1}", "a*b@c&d%#|~^"];

    /// <summary>With the answer, or with its connection, go the temporary files of a request.</summary>
    [OneTimeTearDown]
    public void EndConnections()
    {
        foreach (HttpProtocol protocol in Protocols) protocol.Dispose();
    }

    [TestCase("a=1&b=2&a=3", "a=1|b=2|a=3")]
    [TestCase("a+b=c%20d&%C3%A9=%zz&x", "a b=c d|\u00e9=%zz|x=", TestName = "decoding as in a query")]
    [TestCase("", "")]
    public void UrlEncoded(string body, string expected)
    {
        Assert.That(Show(Parse("application/x-www-form-urlencoded", body).Post()), Is.EqualTo(expected));
        Assert.That(Show(Parse("application/x-www-form-urlencoded; charset=UTF-8", body).Post()), Is.EqualTo(expected));
        Assert.That(Show(Parse(null, body).Post()), Is.EqualTo(expected), "as in PHP, a body of no type is read so");
    }

    [TestCase("{\"a\":\"x\\n\\u00e9\",\"b\":1.50,\"c\":true,\"d\":null,\"e\":{\"f\":[1, 2]},\"a\":\"y\"}",
        "a=x\n\u00e9|b=1.50|c=true|e={\"f\":[1, 2]}|a=y")]
    [TestCase("[\"a\",2]", "0=a|1=2")]
    [TestCase("\"text\"", "0=text")]
    [TestCase("{}", "")]
    public void TopLevelMembersOfJson(string body, string expected)
    {
        foreach (string type in new[] { "application/json", "application/json; charset=utf-8", "application/vnd.api+json",
            "text/json" })
            Assert.That(Show(Parse(type, body).Post()), Is.EqualTo(expected), type);
    }

    [TestCase("{")]
    [TestCase("{\"a\":1}x")]
    [TestCase("{'a':1}")]
    [TestCase("{\"a\":\"\u0001\"}")]
    [TestCase("{\"x\":\"y\",\"\u00ff\":1}", TestName = "a name that is not UTF-8")]
    [TestCase("{\"x\":\"\u00ff\"}", TestName = "a value that is not UTF-8")]
    [TestCase("{\"x\":\"\\ud800\"}", TestName = "half a surrogate pair")]
    public void MalformedJsonIsTheClientsMistake(string body)
    {
        Request request = Parse("application/json", body);
        Assert.That(Assert.Throws<BadRequestException>(() => request.Post())!.StatusCode, Is.EqualTo(400));
        Assert.That(Assert.Throws<BadRequestException>(() => request.Json(Shapes.Default.Point))!.StatusCode, Is.EqualTo(400));
        Assert.That(Encoding.Latin1.GetString(request.RawBody.Span), Is.EqualTo(body), "the bytes are there all the same");
    }

    [Test]
    public void JsonAsAnObject()
    {
        Request request = Parse("application/json", "{\"x\":1,\"y\":2}");
        Assert.That(request.Json(Shapes.Default.Point), Is.EqualTo(new Point(1, 2)));
        Assert.That(request.Json<Point>(), Is.EqualTo(new Point(1, 2)));
        Assert.Throws<BadRequestException>(() => Parse("application/json", "{\"x\":\"no number\"}").Json(Shapes.Default.Point));
        Assert.Throws<BadRequestException>(() => Parse("application/json", "").Json(Shapes.Default.Point));
        Assert.Throws<BadRequestException>(() => Parse("application/json", "{\"x\":1,\"z\":\"\u00ff\"}")
            .Json(Shapes.Default.Point), "what is not read is no JSON either");
        Assert.That(Parse("application/json", "null").Json(Shapes.Default.Point), Is.Null);
    }

    [Test]
    public void MultipartFieldsAndFiles([ValueSource(nameof(Thresholds))] int threshold)
    {
        string body = Part("name=\"a\"", "1") + Part("name=\"\u00c3\u00a9[]\"", "x\r\n--y\r\n")
            + Part("name=a; filename=\"photo.jpg\"", "\u00ff\0\r\n-", "image/jpeg")
            + Part("name=\"files[]\"; filename=\"1.txt\"", "one") + Part("name=\"files[]\"; filename=\"2.txt\"", "")
            + Part("name=\"none\"; filename=\"\"", "") + "--b--\r\nepilogue";
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            Request request = Parse(Multipart, body, threshold, fragmentation);
            Assert.That(Show(request.Post()), Is.EqualTo("a=1|\u00e9[]=x\r\n--y\r\n"), $"{fragmentation}");
            UploadedFile photo = request.File("a")!;
            Assert.That((photo.Name, photo.ContentType, photo.Size, photo.Error),
                Is.EqualTo(("photo.jpg", "image/jpeg", 5L, UploadError.Ok)));
            Assert.That(Read(photo), Is.EqualTo("\u00ff\0\r\n-"));
            Assert.That(request.FileValues("files[]").Select(f => (f.Name, Read(f), f.ContentType, f.Error)),
                Is.EqualTo(new[] { ("1.txt", "one", "application/octet-stream", UploadError.Ok),
                    ("2.txt", "", "application/octet-stream", UploadError.Ok) }));
            Assert.That(request.File().GetArray("files").Keys, Is.EqualTo(new[] { "0", "1" }));
            Assert.That((request.File("none")!.Error, request.File("nothing")),
                Is.EqualTo((UploadError.NoFile, (UploadedFile?)null)));
        }
    }

    [Test]
    public void Boundary([ValueSource(nameof(Boundaries))] string boundary, [ValueSource(nameof(Thresholds))] int threshold)
    {
        string bare = boundary.Trim('"');
        string body = $"--{bare} \t\r\nContent-Disposition: form-data; name=a\r\n\r\n--{bare[..^1]}\r\n--{bare}--";
        foreach (string sent in new[] { bare, $"\"{bare}\"" })
        {
            foreach (Fragmentation fragmentation in Fragmentation.All)
                Assert.That(Show(Parse($"Multipart/Form-Data;charset=x;  Boundary={sent} ", body, threshold, fragmentation)
                    .Post()), Is.EqualTo($"a=--{bare[..^1]}"), $"{sent} {fragmentation}");
        }
    }

    /// <summary>Content that looks like the end of itself, cut anywhere.</summary>
    [Test]
    public void ContentMayHoldAllButTheDelimiter([ValueSource(nameof(Thresholds))] int threshold, [Range(1, 20)] int seed)
    {
        var random = new Random(seed);
        string[] shards = ["\r", "\n", "\r\n", "-", "--", "--b", "\r\n-", "\r\n--", "b", "--\r\n", "x"];
        var content = new StringBuilder();
        for (int i = 0; i < 50; i++) content.Append(shards[random.Next(shards.Length)]);
        // Only this would end it.
        content.Replace("\r\n--b", "\r\n--c");
        if (content.ToString().StartsWith("--b", StringComparison.Ordinal)) content.Insert(0, 'x');
        Request request =
            Parse(Multipart, Part("name=f; filename=f", $"{content}") + "--b--", threshold, Fragmentation.AtRandom(seed));
        Assert.That(Read(request.File("f")!), Is.EqualTo(content.ToString()), $"seed {seed}");
    }

    [TestCase("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--b--", "a=", TestName = "empty content")]
    [TestCase("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n--b--", "a=", TestName = "no content")]
    [TestCase("preamble\r\n--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b--", "a=1", TestName = "preamble")]
    [TestCase("--b\r\nContent-Type: text/plain\r\nX: y\r\ncontent-disposition: Form-Data; NAME=\"a\"\r\n\r\n1\r\n--b--", "a=1",
        TestName = "fields in any order and case")]
    [TestCase("--b\r\nContent-Disposition: form-data; name=\"a%22\\\"\\\\%0D%0A%41\"\r\n\r\n1\r\n--b--", "a\"\"\\\r\n%41=1",
        TestName = "escapes of browsers in a name")]
    [TestCase("--b\r\n\r\n1\r\n--b--", "=1", TestName = "no head")]
    [TestCase("--b\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--b--", "a=1", TestName = "no form-data")]
    [TestCase("--b\r\nContent-Disposition: form-data name=a\r\n\r\n1\r\n--b--", "=1", TestName = "no semicolon")]
    [TestCase("--b\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\n1\r\n--b--", "a=1",
        TestName = "two dispositions")]
    [TestCase("--b\r\nContent-Disposition : form-data; name=a\r\n\r\n1\r\n--b--", "a=1", TestName = "space before the colon")]
    [TestCase("--b\r\nContent-Disposition: form-data; name=a\0\u0001\r\n\r\n1\r\n--b--", "a\0\u0001=1",
        TestName = "control characters in a name")]
    [TestCase("--b\r\nX Bad: 1\r\nX-\u00e4: 1\r\nnocolon\r\nX: a\u0001b\r\nContent-Disposition: form-data; name=a\r\n\r\n"
        + "1\r\n--b--", "a=1", TestName = "other fields that cannot be read")]
    [TestCase("--b--", "", TestName = "no part at all")]
    [TestCase("", "", TestName = "no body at all")]
    public void MultipartThatIsUnusual(string body, string expected)
    {
        foreach (int threshold in Thresholds)
        {
            foreach (Fragmentation fragmentation in Fragmentation.All)
                Assert.That(Show(Parse(Multipart, body, threshold, fragmentation).Post()), Is.EqualTo(expected),
                    $"{fragmentation}");
        }
    }

    [TestCase("--b", TestName = "half a delimiter")]
    [TestCase("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1", TestName = "no end")]
    [TestCase("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b", TestName = "no closing delimiter")]
    [TestCase("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--bx--", TestName = "a boundary that goes on")]
    [TestCase("--b\nContent-Disposition: form-data; name=a\n\n1\n--b--", TestName = "bare LF")]
    public void MalformedMultipartIsTheClientsMistake(string body)
    {
        foreach (int threshold in Thresholds)
        {
            foreach (Fragmentation fragmentation in Fragmentation.All)
            {
                Request request = Parse(Multipart, body, threshold, fragmentation);
                Assert.That(Assert.Throws<BadRequestException>(() => request.Post())!.StatusCode, Is.EqualTo(400),
                    $"{fragmentation}");
                Assert.Throws<BadRequestException>(() => request.File());
            }
        }
    }

    [TestCase("multipart/form-data")]
    [TestCase("multipart/form-data; boundary=")]
    [TestCase("multipart/form-data; boundary=\"b \"")]
    [TestCase("multipart/form-data; boundary=b; boundary=c")]
    [TestCase("multipart/form-data; boundary")]
    [TestCase("multipart/form-data; boundary=\"b\u00e9\"")]
    [TestCase("multipart/form-data; boundary=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        + "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
    public void BadBoundaryIsTheClientsMistake(string contentType)
    {
        foreach (int threshold in Thresholds)
            Assert.That(Assert.Throws<BadRequestException>(() => Parse(contentType, Part("name=a", "1") + "--b--", threshold)
                .Post())!.Message, Does.Contain("boundary"));
    }

    [TestCase("../../etc/passwd", "passwd")]
    [TestCase("C:\\\\Users\\\\me\\\\a.txt", "a.txt")]
    [TestCase("C:\\Users\\a.txt", "a.txt", TestName = "as old browsers send it")]
    [TestCase("a\tb.txt", "ab.txt")]
    [TestCase("%0D%0Aa%22.txt", "a\".txt")]
    [TestCase("..", "")]
    [TestCase("a/..", "")]
    [TestCase("a/", "")]
    [TestCase("caf\u00c3\u00a9.txt", "caf\u00e9.txt")]
    public void HostileFileNamesLoseTheirSting(string sent, string name)
    {
        UploadedFile file = Parse(Multipart, Part($"name=f; filename=\"{sent}\"", "x") + "--b--").File("f")!;
        Assert.That((file.Name, file.Error), Is.EqualTo((name, UploadError.Ok)));
    }

    [Test]
    public void FieldsAndFilesHaveLimits([ValueSource(nameof(Thresholds))] int threshold)
    {
        var options =
            new HttpOptions { MaxFormFields = 2, MaxFiles = 1, MaxFormFieldsSize = 10, BodyMemoryThreshold = threshold };
        string two = Part("name=a", "12345") + Part("name=b", "67890");
        string file = Part("name=f; filename=f", new string('x', 100));
        Request good = Parse(Multipart, two + file + "--b--", options);
        Assert.That((good.Post().Count, good.File().Count), Is.EqualTo((2, 1)));
        foreach ((string body, string reason) in new[]
        {
            (two + Part("name=c", ""), "too many form fields (HttpOptions.MaxFormFields)"),
            (file + file, "too many files (HttpOptions.MaxFiles)"),
            (Part("name=a", "12345678901"), "form fields too large (HttpOptions.MaxFormFieldsSize)")
        })
        {
            BadRequestException e = Assert.Throws<BadRequestException>(() => Parse(Multipart, body + "--b--", options).File())!;
            Assert.That(e.StatusCode, Is.EqualTo(413));
            Assert.That(e.Message, Does.Contain(reason));
        }
        Assert.That(Assert.Throws<BadRequestException>(() => Parse("application/json", "[1,2,3]", options).Post())!.StatusCode,
            Is.EqualTo(413));
        Assert.That(Assert.Throws<BadRequestException>(() => Parse(null, "a&b&c", options).Post())!.StatusCode, Is.EqualTo(413));
    }

    /// <summary>
    /// One rule for all that <c>Post</c> reads: what counts are the bytes of the values, however they are escaped.
    /// </summary>
    [Test]
    public void FieldsMayBeAsLargeInEveryKindOfForm([ValueSource(nameof(Thresholds))] int threshold)
    {
        const string Euro = "\u00e2\u0082\u00ac";
        var options = new HttpOptions { MaxFormFieldsSize = 1000, BodyMemoryThreshold = threshold };
        foreach ((string type, Func<string, string> body) in new (string, Func<string, string>)[]
        {
            (Multipart, a => Part("name=a", a) + Part("name=b", Euro) + "--b--"),
            ("application/x-www-form-urlencoded", a => $"a={a}&b={Euro}"),
            ("application/x-www-form-urlencoded", a => $"&a={string.Concat(a.Select(c => $"%{(int)c:X2}"))}&&b=%E2%82%AC&"),
            ("application/json", a => $"{{\"a\":\"{a}\",\"b\":\"\\u20ac\",\"c\":null}}"),
            ("text/plain", a => $"a={a}&b={Euro}"),
        })
        {
            Request good = Parse(type, body(new string('x', 997)), options);
            Assert.That((good.Post("a")!.Length, good.Post("b")), Is.EqualTo((997, "\u20ac")), type);
            BadRequestException e =
                Assert.Throws<BadRequestException>(() => Parse(type, body(new string('x', 998)), options).Post(), type)!;
            Assert.That((e.StatusCode, e.Message), Is.EqualTo((413, "form fields too large (HttpOptions.MaxFormFieldsSize)")));
        }
        string long1 = new('n', 30_000);
        Assert.Throws<BadRequestException>(() => Parse(null, $"{long1}=1&a=2", options).Post(), "a name has a bound too");
    }

    /// <summary>A urlencoded body in a file is read in pieces.</summary>
    [Test]
    public void UrlEncodedFormInAFileIsReadAsOneInMemory()
    {
        var random = new Random(1);
        string[] members = [.. Enumerable.Range(0, 900).Select(i => $"n{i}={new string('x', random.Next(600))}%20")];
        var options = new HttpOptions { BodyMemoryThreshold = 0 };
        string shown = Show(Parse(null, string.Join('&', members), options).Post());
        Assert.That(shown, Is.EqualTo(string.Join('|', members.Select(m => m.Replace("%20", " ", StringComparison.Ordinal)))));
    }

    /// <summary>RFC 7578 section 4.5, which HttpClient's StringContent uses.</summary>
    [TestCase("text/plain; charset=iso-8859-1", "\u00df", "\u00df")]
    [TestCase("text/plain; charset=\"utf-8\"", "\u00c3\u009f", "\u00df")]
    [TestCase("text/plain; charset=klingon", "\u00c3\u009f", "\u00df")]
    [TestCase("text/plain", "\u00c3\u009f", "\u00df")]
    public void FieldMaySayItsCharset(string type, string sent, string value) =>
        Assert.That(Parse(Multipart, Part("name=a", sent, type) + "--b--").Post("a"), Is.EqualTo(value));

    [Test]
    public void LargeBodyIsInAFileUntilTheAnswer([Values("text/plain", "application/octet-stream")] string type)
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            var options = new HttpOptions { BodyMemoryThreshold = 100, UploadFolder = folder, RunOnDisk = InPlace };
            using var protocol = new HttpProtocol(options);
            string body = new('x', 5000);
            Request request = Parse(protocol, type, body, Fragmentation.AtRandom(1));
            Assert.That(Directory.GetFiles(folder), Has.Length.EqualTo(1));
            Assert.That((request.Body, request.BodyLength), Is.EqualTo((body, 5000L)));
            using (var reader = new StreamReader(request.OpenBody())) Assert.That(reader.ReadToEnd(), Is.EqualTo(body));
            protocol.Encode("done", new ArrayBufferWriter<byte>());
            Assert.That(Directory.GetFiles(folder), Is.Empty);
            Assert.That(Assert.Throws<InvalidOperationException>(() => _ = request.RawBody)!.Message,
                Does.Contain("before the request is answered"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void RawBufferIsHeadAndBody() => Assert.That(
        Encoding.Latin1.GetString(Parse("text/plain", "a=1").RawBuffer()),
        Is.EqualTo("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\na=1"));

    [Test]
    public void LargeMultipartHasNoRawBody()
    {
        Request request = Parse(Multipart, Part("name=a", "1") + "--b--", threshold: 0);
        Assert.That(Assert.Throws<InvalidOperationException>(() => _ = request.RawBody)!.Message,
            Does.Contain("use Post and File"));
        Assert.That(Parse(Multipart, "--b--").Body, Is.EqualTo("--b--"));
    }

    private static string Part(string parameters, string content, string? type = null) =>
        $"--b\r\nContent-Disposition: form-data; {parameters}\r\n{(type is null ? "" : $"Content-Type: {type}\r\n")}\r\n"
        + $"{content}\r\n";

    private static Request Parse(string? contentType, string body, int threshold = 1024 * 1024,
        Fragmentation? fragmentation = null) =>
        Parse(
            new HttpProtocol(
                new HttpOptions { BodyMemoryThreshold = threshold, FileMemoryThreshold = 2, RunOnDisk = InPlace }),
            contentType, body, fragmentation ?? Fragmentation.Whole);

    private static Request Parse(string? contentType, string body, HttpOptions options)
    {
        options.RunOnDisk = InPlace;
        return Parse(new HttpProtocol(options), contentType, body, Fragmentation.Whole);
    }

    /// <summary>Files are written on the thread of the test.</summary>
    private static void InPlace(Action work) => work();

    private static Request Parse(HttpProtocol protocol, string? contentType, string body, Fragmentation fragmentation)
    {
        Protocols.Add(protocol);
        string type = contentType is null ? "" : $"Content-Type: {contentType}\r\n";
        byte[] bytes =
            Encoding.Latin1.GetBytes($"POST / HTTP/1.1\r\nHost: a\r\n{type}Content-Length: {body.Length}\r\n\r\n{body}");
        byte[] waiting = [];
        foreach (Range piece in fragmentation.Cut(bytes.Length))
        {
            waiting = [.. waiting, .. bytes[piece]];
            var input = new ReadOnlySequence<byte>(waiting);
            Verdict verdict = protocol.TryDecode(ref input, 1 << 20, out Request request);
            waiting = input.ToArray();
            if (verdict.Kind == VerdictKind.Message) return request;
            Assert.That(verdict, Is.EqualTo(Verdict.NeedMore));
        }
        throw new AssertionException("no request");
    }

    private static string Show(FieldCollection<string> fields) =>
        string.Join('|', fields.Fields.Select(f => $"{f.Key}={f.Value}"));

    private static string Read(UploadedFile file)
    {
        using var reader = new StreamReader(file.OpenRead(), Encoding.Latin1);
        return reader.ReadToEnd();
    }

    internal sealed record Point(int X, int Y);

    [JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true)]
    [JsonSerializable(typeof(Point))]
    private sealed partial class Shapes : JsonSerializerContext;
}
