namespace Workerman.Benchmarks;

/// <summary>The requests that parsers are measured with.</summary>
internal static class Requests
{
    /// <summary>What load tools send.</summary>
    public const string Short = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

    /// <summary>What browsers send: eight header fields.</summary>
    public const string Browser =
        "GET " + BrowserTarget + " HTTP/1.1\r\nHost: example.org:8080\r\nConnection: keep-alive\r\n"
        + "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n"
        + "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
        + "Accept-Encoding: gzip, deflate, br, zstd\r\n"
        + "Accept-Language: en-GB,en;q=0.9\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
        + "Referer: http://example.org:8080/\r\n\r\n";

    /// <summary>The target of <see cref="Browser"/>.</summary>
    public const string BrowserTarget = "/dashboard/events?since=1024&topic=prices";
}
