using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>Mistakes that an application finds: what it throws is the answer.</summary>
internal sealed class BadRequestExceptionTests
{
    [Test]
    public async Task WhatIsThrownIsTheAnswer()
    {
        await using TestServer server = TestServer.Http(Loops.Available[0], static (connection, request) =>
        {
            BadRequestException.ThrowIf(request.Get("page") is null, 400, "a page is needed");
            BadRequestException.ThrowIf(request.Get("page") == "2", 404, "there is one page");
            connection.Send("page");
        });
        using RawClient client = server.Connect();
        foreach ((string target, int status, string said) in new[]
        {
            ("/", 400, "400 Bad Request: a page is needed\n"), ("/?page=2", 404, "404 Not Found: there is one page\n"),
            ("/?page=1", 200, "page"),
        })
        {
            (int answered, _, string body) = client.Send($"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
            Assert.That((answered, body), Is.EqualTo((status, said)));
        }
        Assert.Throws<ArgumentOutOfRangeException>(static () => BadRequestException.ThrowIf(true, 500, "no such status"));
    }
}
