using System.Text;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// A multipart body as it arrives, without a request around it: <see cref="MultipartReader"/> tells the parts apart wherever it
/// is cut and holds back no more than it must, <see cref="MultipartForm"/> keeps to its limits and leaves no file.
/// </summary>
internal sealed class MultipartTests
{
    private const string ContentType = "multipart/form-data; boundary=b";
    private const string Head = "Content-Disposition: form-data; name=";
    private const string FormOfAll = "preamble\r\n--b\r\n" + Head + "a\r\n\r\none\r\n--b \t\r\n" + Head
        + "f; filename=x\r\n\r\n\r\n-\r\n--\r\n--a\r\n--b--\r\nend";
    private const string PartsOfAll = "a:one;f/x:\r\n-\r\n--\r\n--a;end";

    [TestCase("", "")]
    [TestCase("-", "")]
    [TestCase("--b", "")]
    [TestCase("--b-", "")]
    [TestCase("--b--", "end")]
    [TestCase("--b--\r\n--b\r\n\r\n", "end")]
    [TestCase("--b\r\n\r\n", ":")]
    [TestCase("--b\r\n\r\n\r\n--b--", ":;end")]
    [TestCase("--b\r\n" + Head + "a\r\n\r\n\r\n--b--", "a:;end")]
    [TestCase("--b\r\n" + Head + "a\r\n\r\n--b--", "a:;end")]
    [TestCase("--b\r\n" + Head + "a\r\n\r\nx\r\n--b--", "a:x;end")]
    [TestCase(FormOfAll, PartsOfAll)]
    public void PartsAreTheSameWhereverTheBodyIsCut(string body, string parts)
    {
        Assert.That(Read(body), Is.EqualTo(parts));
        for (int cut = 0; cut <= body.Length; cut++)
            Assert.That(Read(body[..cut], body[cut..]), Is.EqualTo(parts), $"cut at {cut}");
        Assert.That(Read([.. body.Select(c => $"{c}")]), Is.EqualTo(parts), "byte by byte");
        Assert.That(Read([.. body.SelectMany(c => new[] { "", $"{c}" })]), Is.EqualTo(parts), "and pieces without a byte");
    }

    [TestCase("--bx")]
    [TestCase("--b\n")]
    [TestCase("--b \t--")]
    [TestCase("--b\r\r\n")]
    [TestCase("--b-x")]
    public void DelimiterThatGoesOnIsRefused(string body)
    {
        for (int cut = 0; cut <= body.Length; cut++)
            Assert.Throws<BadRequestException>(() => Read(body[..cut], body[cut..]), $"cut at {cut}");
    }

    /// <summary>What cannot become a delimiter any more is passed on at once: a large file waits in no memory.</summary>
    [TestCase("x", 0)]
    [TestCase("x\n", 0)]
    [TestCase("x--b", 0)]
    [TestCase("x\r", 1)]
    [TestCase("x\r\r", 1)]
    [TestCase("x\r\n--", 4)]
    [TestCase("x\r\n--\r\n-", 3)]
    [TestCase("x\r\n--c", 0)]
    public void NoMoreIsHeldBackThanMayBecomeADelimiter(string content, int held)
    {
        var sink = new Sink();
        var reader = new MultipartReader("b", sink, 256);
        reader.Append(Encoding.Latin1.GetBytes("--b\r\n" + Head + "a\r\n\r\n" + content));
        Assert.That($"{sink}", Is.EqualTo("a:" + content[..^held]));
        reader.Append("!"u8);
        Assert.That($"{sink}", Is.EqualTo("a:" + content + "!"));
    }

    [Test]
    public void HeadOfAPartMayHaveAsMuchAsItMayAndNoByteMore([Range(-4, 1)] int beyond)
    {
        string body = HeadOf(256 + beyond) + "\r\n\r\n\r\n--b--";
        foreach (string[] pieces in new[] { [body], body.Select(c => $"{c}").ToArray() })
        {
            if (beyond <= 0) Assert.That(Read(pieces), Is.EqualTo("a:;end"));
            else Assert.That(Assert.Throws<BadRequestException>(() => Read(pieces))!.StatusCode, Is.EqualTo(413));
        }
    }

    /// <summary>The three bytes may be all but the last of what ends a head that is as long as it may be.</summary>
    [Test]
    public void HeadOfAPartWithoutAnEndIsRefusedAsSoonAsItIsTooLong()
    {
        Assert.That(Read(HeadOf(256 + 3)), Is.Empty);
        Assert.Throws<BadRequestException>(() => Read(HeadOf(256 + 4)));
        Assert.Throws<BadRequestException>(() => Read([.. HeadOf(256 + 4).Select(c => $"{c}")]));
    }

    [Test]
    public void WhiteSpaceBehindABoundaryHasALimitToo()
    {
        Assert.That(Read("--b" + new string(' ', 256) + "\r\n\r\n\r\n--b--"), Is.EqualTo(":;end"));
        Assert.Throws<BadRequestException>(() => Read("--b" + new string(' ', 257)));
    }

    [TestCase(nameof(HttpOptions.MaxFormFields), 3)]
    [TestCase(nameof(HttpOptions.MaxFormFieldsSize), 6)]
    [TestCase(nameof(HttpOptions.MaxFiles), 2)]
    public void LimitsHoldAtTheirValueAndOneBelow(string limit, int value)
    {
        string body = Part("a", "12") + Part("b", "34") + Part("c", "56") + Part("f; filename=x", "file")
            + Part("g; filename=y", "file") + "--b--";
        foreach (int allowed in new[] { value, value - 1 })
        {
            using MultipartForm form = Make(options => typeof(HttpOptions).GetProperty(limit)!.SetValue(options, allowed));
            Append(form, body);
            form.Complete();
            if (allowed == value) Assert.That((form.Fields.Total, form.Files.Total), Is.EqualTo((3, 2)));
            else
            {
                BadRequestException first = Assert.Throws<BadRequestException>(() => _ = form.Fields)!;
                Assert.That((first.StatusCode, first.Message.Contains(limit)), Is.EqualTo((413, true)), first.Message);
                Assert.That(Assert.Throws<BadRequestException>(() => _ = form.Files), Is.Not.SameAs(first),
                    "each throw has a trace of its own");
            }
        }
    }

    [TestCase("multipart/form-data")]
    [TestCase("multipart/form-data; boundary=")]
    [TestCase("multipart/form-data; boundary=\"b \"")]
    [TestCase("multipart/form-data; boundary=\"b\u00e9\"")]
    public void WithoutAGoodBoundaryNothingIsReadAndItIsSaidWhenAsked(string contentType)
    {
        using var form = new MultipartForm(contentType, new HttpOptions(), 0);
        Append(form, "--\r\n\r\n");
        form.Complete();
        Assert.That(Assert.Throws<BadRequestException>(() => _ = form.Fields)!.Message, Does.Contain("no boundary"));
    }

    [Test]
    public void BoundaryHas128CharactersAndNoMore([Values(1, 70, 128, 129)] int length)
    {
        string boundary = new('b', length);
        using var form = new MultipartForm("multipart/form-data; boundary=" + boundary, new HttpOptions(), 0);
        Append(form, $"--{boundary}--");
        form.Complete();
        if (length <= 128) Assert.That(form.Fields.Total, Is.Zero);
        else Assert.Throws<BadRequestException>(() => _ = form.Fields);
    }

    [Test]
    public void BodyThatBreaksOffAnywhereIsMalformedAndLeavesNoFile()
    {
        string body = Part("a", "1") + Part("f; filename=x", "file") + "--b--";
        using var folder = new TemporaryFolder();
        int files = 0;
        for (int length = 0; length <= body.Length; length++)
        {
            using (MultipartForm form = Make(options => options.UploadFolder = folder.Path))
            {
                Append(form, body[..length]);
                form.Complete();
                files = Math.Max(files, Directory.GetFiles(folder.Path).Length);
                if (length == body.Length) Assert.That((form.Fields.Total, form.Files.Total), Is.EqualTo((1, 1)));
                else Assert.Throws<BadRequestException>(() => _ = form.Files, $"after {length} bytes");
            }
            Assert.That(Directory.GetFiles(folder.Path), Is.Empty, $"after {length} bytes");
        }
        Assert.That(files, Is.EqualTo(1), "there was one to be removed");
    }

    [Test]
    public void WhatFollowsAMistakeIsNotReadAnyMore()
    {
        using var folder = new TemporaryFolder();
        using MultipartForm form = Make(options => options.UploadFolder = folder.Path);
        Append(form, "--bx");
        Append(form, "\r\n" + Part("f; filename=x", "file"));
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
        form.Complete();
        Assert.That(Assert.Throws<BadRequestException>(() => _ = form.Fields)!.Message, Does.Contain("goes on"),
            "the first one counts");
    }

    private static string Part(string name, string content) => $"--b\r\n{Head}{name}\r\n\r\n{content}\r\n";

    /// <summary>A first part's header fields of so many bytes, without the end of the last.</summary>
    private static string HeadOf(int size)
    {
        string fields = Head + "a\r\nX: ";
        return "--b\r\n" + fields + new string('x', size - fields.Length);
    }

    /// <summary>A form whose files are kept in none of the memory.</summary>
    private static MultipartForm Make(Action<HttpOptions> setUp)
    {
        var options = new HttpOptions();
        setUp(options);
        return new MultipartForm(ContentType, options, fileThreshold: 0, new DiskBacklog(static work => work()));
    }

    private static void Append(MultipartForm form, string body) => form.Append(Encoding.Latin1.GetBytes(body));

    private static string Read(params string[] pieces)
    {
        var sink = new Sink();
        var reader = new MultipartReader("b", sink, 256);
        foreach (string piece in pieces) reader.Append(Encoding.Latin1.GetBytes(piece));
        return sink + (reader.IsEnded ? "end" : "");
    }

    /// <summary>Writes down the parts: <c>name/filename:content;</c>.</summary>
    private sealed class Sink : IMultipartSink
    {
        private readonly StringBuilder _parts = new();

        public void BeginPart(ReadOnlySpan<byte> bytes)
        {
            MultipartHead head = MultipartHead.Read(bytes);
            _parts.Append(head.Name).Append(head.FileName is null ? "" : "/" + head.FileName).Append(':');
        }

        public void Append(ReadOnlySpan<byte> content) => _parts.Append(Encoding.Latin1.GetString(content));

        public void EndPart() => _parts.Append(';');

        public override string ToString() => $"{_parts}";
    }
}
