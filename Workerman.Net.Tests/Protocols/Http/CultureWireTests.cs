using System.Globalization;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Sessions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Numbers and dates on the wire in a culture with another minus, other digits and other names of days; <c>CultureTests</c> runs
/// it in those of the system, too.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class CultureWireTests(Type loopType)
{
    private CultureInfo? _before;

    [SetUp]
    public void SetUp()
    {
        _before = CultureInfo.CurrentCulture;
        // It goes with the flow of execution, and so to the loops that are started in it.
        if (Equals(_before, CultureInfo.InvariantCulture)) CultureInfo.CurrentCulture = CultureRun.Make();
    }

    [TearDown]
    public void TearDown() => CultureInfo.CurrentCulture = _before!;

    [TestCase(-1, "-1")]
    [TestCase(int.MinValue, "-2147483648")]
    [TestCase(0, "0")]
    [TestCase(1234567, "1234567")]
    public void MaxAgeIsDigitsAndAHyphen(int maxAge, string text) =>
        Assert.That(new Response().Cookie("a", "b", maxAge).GetHeader("Set-Cookie"), Is.EqualTo($"a=b; Max-Age={text}"));

    [Test]
    public void MessagesAreTheSame() =>
        Assert.That(() => Response.Redirect("/", -5), Throws.ArgumentException.With.Message.StartsWith("-5 sends nobody"));

    [Test]
    public async Task AnswersOfALoopAreTheSame()
    {
        var moment = new DateTimeOffset(2024, 2, 29, 23, 59, 58, TimeSpan.Zero);
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            Assert.That(CultureInfo.CurrentCulture.Name == "" && CultureInfo.CurrentCulture.NumberFormat.NegativeSign == "-",
                Is.False, "this loop has a culture");
            Session session = request.Session;
            session.Set("n", -1234567);
            session.Set("d", -1234.5);
            session.Set("m", -0.1m);
            session.Put(new() { ["list"] = new object[] { -1, -1.5, -2.5m } });
            connection.Send(new Response(200, null, $"{session.Get("n")} {session.Get("d")} {session.Get("m")} "
                + $"{session.Get("list")} {request.Get("I")} {request.Header("X-TITLE")}")
                .Cookie("a", "b", -1, expires: moment).WithHeader("Last-Modified", "x"));
        }, worker => worker.Options.Http.Session.Handler = new MemorySessionHandler());
        using RawClient client = server.Connect();
        (int status, string head, string body) = client.Send("GET /?I=i HTTP/1.1\r\nHOST: a\r\nx-title: T\r\n\r\n")
            .ReadResponse();
        Assert.That((status, body), Is.EqualTo((200, "-1234567 -1234.5 -0.1 [-1,-1.5,-2.5] i T")));
        Assert.That(head, Does.Contain("\r\nSet-Cookie: a=b; Expires=Thu, 29 Feb 2024 23:59:58 GMT; Max-Age=-1\r\n")
            .And.Match("\r\nDate: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT\r\n"));
        Assert.That(head, Does.Contain("\r\nContent-Length: 40\r\n"));
    }
}
