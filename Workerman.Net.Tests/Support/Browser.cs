using System.Net;

namespace Workerman.Tests.Support;

/// <summary>A client that keeps its cookies, as browsers do.</summary>
internal sealed class Browser : IDisposable
{
    private readonly HttpClientHandler _handler = new() { CookieContainer = new CookieContainer() };
    private readonly Uri _server;

    public Browser(Uri server)
    {
        _server = server;
        Http = new HttpClient(_handler) { BaseAddress = server, Timeout = Wait.Limit };
    }

    public HttpClient Http { get; }

    public CookieContainer Cookies => _handler.CookieContainer;

    /// <summary>What the session's cookie holds; null without one.</summary>
    public string? SessionId => Cookies.GetCookies(_server)["PHPSID"]?.Value;

    /// <summary>The body of an answer with status 200.</summary>
    public Task<string> Get(string path = "") => Http.GetStringAsync(new Uri(path, UriKind.Relative));

    public void Dispose()
    {
        Http.Dispose();
        _handler.Dispose();
    }
}
