using System.Text;

namespace Workerman.Tests.Fuzzing;

/// <summary>Requests that somebody might send, and the words of HTTP, for a <see cref="ByteMutator"/>. One thread.</summary>
internal sealed class RequestMutator(int seed) : ByteMutator(seed, Corpus, Words)
{
    private static readonly byte[][] Corpus = [.. new[]
    {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a/b?c=d&e[]=f&e[k]=g%20h+i HTTP/1.1\r\nHost: example.org:8080\r\nAccept: */*\r\nCookie: a=1; b=\"2\"\r\n\r\n",
        "POST /form HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&b=2",
        "POST /json HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"a\":1,\"b\":[2]}",
        "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n3\r\na=1\r\n0\r\n"
            + "Trailer: t\r\n\r\n",
        "POST /m HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 122\r\n\r\n"
            + "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\nfile\r\n"
            + "--b\r\n\r\n\r\nfield\r\n--b--\r\n",
        "POST /m HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 124\r\n\r\n"
            + "--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\nfile\r\n--b\r\n"
            + "Content-Disposition: form-data; name=a\r\n\r\nvalue\r\n--b--",
        "POST /m HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=\"b c\"\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3A\r\n--b c\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b c-\r\n1\r\n-\r\n0\r\n\r\n",
        "GET http://a:80/p?q HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        "HEAD /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Long: 0123456789012345678901234567890123456789012345678901234567890123456789\r\nA: 1\r\n"
            + "B: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n\r\n",
    }.Select(Encoding.Latin1.GetBytes)];

    private static readonly byte[][] Words = [.. new[]
    {
        "\r", "\n", "\r\n", "\r\n\r\n", "\n\n", "\0", " ", "\t", ":", ";", ",", "=", "\"", "\\", "%", "%00", "%0d%0a", "#", "*",
        "/", "//", "?", "@", "[", "]", "{", "}", "&", "+", "--",
        "0", "1", "0\r\n\r\n", "FFFFFFFF", "10000000000000000", "-1", "+1", "0x1", "\u000b", "\u00a0", "\u00ff", "\u007f",
        "GET ", "POST ", " HTTP/1.1", " HTTP/1.0", " HTTP/2.0", " http/1.1", "HTTP/1.1\r\n", "CONNECT ", "TRACE ", "OPTIONS ",
        "http://", "https://", "u@",
        "Host: b\r\n", "Host:\r\n", "Content-Length: 1\r\n", "Content-Length: 5\r\n", "Content-Length",
        "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding",
        "chunked", "identity", "Connection: close\r\n", "Connection: keep-alive\r\n", "Expect: 100-continue\r\n", "Expect: x\r\n",
        "Upgrade: h2c\r\n", "X: \r\n y\r\n", "Cookie: a=b; a=c\r\n",
        "Content-Type: application/json\r\n", "Content-Type: multipart/form-data; boundary=b\r\n", "boundary=", "--b\r\n",
        "--b--", "name=", "filename=",
    }.Select(Encoding.Latin1.GetBytes)];
}
