using System.Net.Http.Headers;
using System.Text;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Names of fields and files in multipart forms, in all the ways in which clients write them. A name that cannot be read costs
/// itself alone.
/// </summary>
internal sealed class PartNameTests
{
    private static Type[] LoopTypes => Loops.Available;

    // What .NET's HttpClient and mail programs send.
    [TestCase("name=\"=?utf-8?B?c3RyYcOfZQ==?=\"", "stra\u00dfe")]
    [TestCase("name=\"=?UTF-8?b?c3RyYcOfZQ?=\"", "stra\u00dfe", TestName = "base64 without its padding")]
    [TestCase("name==?utf-8?B?c3RyYcOfZQ==?=", "stra\u00dfe", TestName = "an encoded word without quotes")]
    [TestCase("name=\"=?utf-8?Q?stra=C3=9Fe_1?=\"", "stra\u00dfe 1")]
    [TestCase("name=\"=?iso-8859-1?q?stra=dfe?=\"", "stra\u00dfe")]
    [TestCase("name=\"=?ISO-8859-1?B?c3RyYd9l?=\"", "stra\u00dfe")]
    [TestCase("name=\"=?us-ascii?Q?a=41?=\"", "aA")]
    [TestCase("name=\"=?utf-8*de?Q?stra=C3=9Fe?=\"", "stra\u00dfe")]
    [TestCase("name=\"=?utf-8?Q?stra=C3?= =?utf-8?Q?=9Fe?=\"", "stra\u00dfe",
        TestName = "a character cut between two encoded words")]
    [TestCase("name=\"=?utf-8?Q?a?=\r\n =?iso-8859-1?Q?=df?=\"", "a\u00df", TestName = "encoded words on two lines")]
    [TestCase("name=\"plain =?utf-8?Q?=C3=9F?= and\"", "plain \u00df and")]
    [TestCase("name=\"=?klingon?B?YQ==?=\"", "=?klingon?B?YQ==?=")]
    [TestCase("name=\"=?utf-8?B?!!!?=\"", "=?utf-8?B?!!!?=")]
    [TestCase("name=\"=?utf-8?X?abc?=\"", "=?utf-8?X?abc?=")]
    [TestCase("name=\"=?utf-7?B?YQ==?=\"", "=?utf-7?B?YQ==?=")]
    [TestCase("name=\"=?\"", "=?")]
    [TestCase("name=\"a=?utf-8?B?YQ==?=b\"", "a=?utf-8?B?YQ==?=b", TestName = "no word of its own")]
    [TestCase("name=\"=?utf-8?Q?a=zz=4?=\"", "a=zz=4", TestName = "a broken escape")]

    // RFC 8187 and RFC 2231.
    [TestCase("name*=UTF-8''stra%C3%9Fe", "stra\u00dfe")]
    [TestCase("name*=utf-8'de'stra%c3%9fe; name=strasse", "stra\u00dfe")]
    [TestCase("name=strasse; name*=iso-8859-1''stra%DFe", "stra\u00dfe")]
    [TestCase("name=strasse; name*=klingon''stra%DFe", "strasse")]
    [TestCase("name=strasse; name*=nonsense", "strasse")]
    [TestCase("name*=klingon''a%41", "aA")]
    [TestCase("name*=UTF-8''100%25%", "100%%")]
    [TestCase("name*=UTF-8''it's", "it's")]
    [TestCase("name*0=\"st\"; name*1=rasse", "strasse")]
    [TestCase("name*0*=utf-8''stra%C3; name*1*=%9F; name*2=e", "stra\u00dfe")]

    // Browsers and curl, old and new.
    [TestCase("name=\"say %22hi%22\"", "say \"hi\"")]
    [TestCase("name=\"a%0D%0Ab\"", "a\r\nb")]
    [TestCase("name=\"say \"hi\".txt\"", "say \"hi\".txt")]
    [TestCase("name=\"say \\\"hi\\\"\"", "say \"hi\"")]
    [TestCase("name=\"\"hi\"\"", "\"hi\"")]
    [TestCase("name=\"a;b=c\"", "a;b=c")]
    [TestCase("name=\"a\\\"", "a\\", TestName = "a backslash at the end")]
    [TestCase("name=my field", "my field")]
    [TestCase("name=a,b/c(1)", "a,b/c(1)")]
    [TestCase("name = \"a\" ; x=y", "a", TestName = "white space where MIME has it")]
    [TestCase("name=\"a\" ;", "a")]
    [TestCase("; ;name=a;;", "a")]
    [TestCase("x; name=a", "a")]
    [TestCase("name=a; name=\"a\"", "a", TestName = "the same twice")]
    [TestCase("name='a'", "'a'")]
    [TestCase("name=\r\n\t\"a\"", "a", TestName = "folded")]

    // Names that cannot be read.
    [TestCase("name=\"a", "a", TestName = "an open quote")]
    [TestCase("x=y", "", TestName = "no name")]
    [TestCase("name", "", TestName = "a name without a value")]
    [TestCase("name=", "")]
    [TestCase("name=\"\"", "")]
    [TestCase("name=a; name=b", "", TestName = "two names")]
    public void Name(string parameters, string name)
    {
        foreach (string sent in new[] { parameters, $"x=y; {parameters}" })
        {
            Request request = Form($"{sent}\r\n\r\n1");
            Assert.That(Fields(request), Is.EqualTo($"{name}=1 after=2"), sent);
        }
        // The same goes for names of files.
        string file = parameters.Replace("name", "filename", StringComparison.Ordinal);
        if (file.Contains("filename=", StringComparison.Ordinal) || file.Contains("filename*", StringComparison.Ordinal))
        {
            Request request = Form($"name=f; {file}\r\n\r\n1");
            Assert.That((request.File("f")?.ClientName, Fields(request)), Is.EqualTo((name, "after=2")), file);
        }
    }

    [TestCase("filename=\"C:\\Users\\me\\a.txt\"", "a.txt")]
    [TestCase("filename=C:\\Users\\me\\my a.txt", "my a.txt")]
    [TestCase("filename=\"\\\\server\\share\\a.txt\"", "a.txt")]
    [TestCase("filename=\"=?utf-8?B?Li4vLi4vZXRjL3Bhc3N3ZA==?=\"", "passwd", TestName = "a path in an encoded word")]
    [TestCase("filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd")]
    [TestCase("filename*=UTF-8''a%0D%0Ab%00", "ab")]
    [TestCase("filename=a.txt; filename=b.txt", "", TestName = "two file names")]
    [TestCase("filename=\"c\u0001trl\u007f\0.txt\"", "ctrl.txt", TestName = "control characters, as curl sends them")]
    [TestCase("filename*=klingon''%FF%41.txt", "\ufffdA.txt")]
    public void FileIsAFileWhateverItsName(string parameters, string name)
    {
        Request request = Form($"name=f; {parameters}\r\nContent-Type: text/plain\r\n\r\n1");
        Assert.That((request.File("f")?.Name, request.File("f")?.Error, Fields(request)),
            Is.EqualTo((name, UploadError.Ok, "after=2")));
    }

    /// <summary>A tab and a space fold, and only a field that has begun.</summary>
    [Test]
    public void FoldedFieldsOfAPartAreOneLine()
    {
        Request request = Form("\r\n name=f;\r\n\tfilename=a.txt\r\nContent-Type:\r\n text/plain\r\n\r\n1");
        Assert.That((request.File("f")?.Name, request.File("f")?.ContentType), Is.EqualTo(("a.txt", "text/plain")));
    }

    [Test]
    public async Task HttpClientSendsAnyName(
        [ValueSource(nameof(LoopTypes))] Type loopType,
        [Values("stra\u00dfe", "\u65e5\u672c\u8a9e \U0001f600", "plain", "a b;c", "\u00e9[]")] string name)
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            string files = string.Join(',', request.File().Fields.Select(field => $"{field.Key}:{field.Value.Name}"));
            connection.Send($"{string.Join(',', request.Post().Keys)}|{files}");
        });
        using var client = new HttpClient();
        using var form = new MultipartFormDataContent
        {
            { new StringContent("1"), name },
            { new ByteArrayContent([1, 2]), name, name + ".txt" },
        };
        using var star = new ByteArrayContent([3]);
        star.Headers.ContentDisposition =
            new ContentDispositionHeaderValue("form-data") { Name = "\"star\"", FileNameStar = name };
        form.Add(star);
        using HttpResponseMessage response = await client.PostAsync(server.Uri, form);
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo($"{name}|{name}:{name}.txt,star:{name}"));
    }

    private static string Fields(Request request) => string.Join(' ', request.Post().Fields.Select(f => $"{f.Key}={f.Value}"));

    /// <summary>A form whose first part begins behind <c>form-data;</c>, and a field behind it.</summary>
    private static Request Form(string part)
    {
        string body = $"--b\r\nContent-Disposition: form-data; {part}\r\n--b\r\n"
            + "Content-Disposition: form-data; name=after\r\n\r\n2\r\n--b--";
        var input = new System.Buffers.ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            + $"Content-Length: {body.Length}\r\n\r\n{body}"));
        using var protocol = new HttpProtocol(new HttpOptions());
        protocol.TryDecode(ref input, 1 << 20, out Request request);
        return request;
    }
}
