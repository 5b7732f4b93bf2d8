using System.Net;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>The router as a program of its own: what it finds, what it does not, and its middleware.</summary>
internal sealed class RouterTests
{
    [Test]
    public async Task RequestsFindTheirHandlers()
    {
        using ServerProcess server = ServerProcess.Run("dotnet",
            Repository.ProgramOf(Path.Combine("samples", "Router"), "Router"), "http://127.0.0.1:0").WaitForStart();
        using var client = new HttpClient { BaseAddress = new Uri($"http://{server.EndPoint}") };
        Assert.That(await Answer("GET", "/"), Is.EqualTo((HttpStatusCode.OK, "hello")));
        Assert.That(await Answer("GET", "/users/a%2Fb"), Is.EqualTo((HttpStatusCode.OK, "user a/b")));
        Assert.That(await Answer("GET", "/users"), Is.EqualTo((HttpStatusCode.NotFound, "there is no such page")));
        Assert.That(await Answer("PUT", "/users/7"), Is.EqualTo((HttpStatusCode.MethodNotAllowed, "")));
        Assert.That(await Answer("DELETE", "/users/7"), Is.EqualTo((HttpStatusCode.Unauthorized, "who are you?")));
        Assert.That(await Answer("DELETE", "/users/7", "secret"), Is.EqualTo((HttpStatusCode.OK, "user 7 is deleted")));

        async Task<(HttpStatusCode, string)> Answer(string method, string path, string? token = null)
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            if (token is not null) request.Headers.Authorization = new("Bearer", token);
            using HttpResponseMessage answer = await client.SendAsync(request);
            if (answer.StatusCode == HttpStatusCode.MethodNotAllowed)
                Assert.That(answer.Content.Headers.Allow, Is.EqualTo(new[] { "GET", "DELETE" }));
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }
    }
}
