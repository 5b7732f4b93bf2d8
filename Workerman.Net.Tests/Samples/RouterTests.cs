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
        // A name stands for one or more characters.
        Assert.That(await Answer("GET", "/users/"), Is.EqualTo((HttpStatusCode.NotFound, "there is no such page")));
        // The headers are those of GET, and there is no body.
        Assert.That(await Answer("HEAD", "/users/7"), Is.EqualTo((HttpStatusCode.OK, "")));
        Assert.That(await Answer("HEAD", "/users/"), Is.EqualTo((HttpStatusCode.NotFound, "")));
        Assert.That((await Answer("PUT", "/users/7")).Status, Is.EqualTo(HttpStatusCode.MethodNotAllowed));
        Assert.That(await Answer("DELETE", "/users/7"), Is.EqualTo((HttpStatusCode.Unauthorized, "who are you?")));
        Assert.That(await Answer("DELETE", "/users/7", "secret"), Is.EqualTo((HttpStatusCode.OK, "user 7 is deleted")));

        async Task<(HttpStatusCode Status, string Body)> Answer(string method, string path, string? token = null)
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            if (token is not null) request.Headers.Authorization = new("Bearer", token);
            using HttpResponseMessage answer = await client.SendAsync(request);
            if (answer.StatusCode == HttpStatusCode.MethodNotAllowed)
                Assert.That(answer.Content.Headers.Allow, Is.EqualTo(new[] { "GET", "DELETE", "HEAD" }));
            if (method == "HEAD" && answer.IsSuccessStatusCode)
                Assert.That(answer.Content.Headers.ContentLength, Is.EqualTo("user 7".Length));
            // Middleware that awaits the handler, and changes its answer.
            Assert.That(answer.Headers.Contains("Server-Timing"), Is.EqualTo(method == "DELETE"));
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }
    }
}
