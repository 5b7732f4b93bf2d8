using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Proxies;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Proxies;

/// <summary>CONNECT by RFC 9110, section 9.3.6, without a socket.</summary>
internal sealed class HttpConnectHandshakeTests
{
    private static Fragmentation[] Cuts => Fragmentation.All;

    [Test]
    public void AsksForHostAndPort() =>
        Assert.That(Encoding.ASCII.GetString(new Conversation(new HttpConnectHandshake("[::1]:443", null, null)).Said()),
            Is.EqualTo("CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"));

    [Test]
    public void CredentialsAreBasic() =>
        Assert.That(
            Encoding.ASCII.GetString(new Conversation(new HttpConnectHandshake("a.test:80", "Aladdin", "open sesame")).Said()),
            Is.EqualTo("CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n"
                + "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"));

    [TestCase("HTTP/1.1 200 Connection established\r\n\r\n")]
    [TestCase("HTTP/1.0 200\r\n\r\n")]
    [TestCase("HTTP/1.1 299 \r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [TestCase("HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 103 \r\n\r\nHTTP/1.1 200 OK\r\nVia: x\r\n\r\n")]
    public void WhatFollowsASuccessBelongsToTheTarget(string head)
    {
        foreach (Fragmentation cut in Cuts)
        {
            (Verdict verdict, byte[] rest) = new Conversation(new HttpConnectHandshake("a.test:80", null, null))
                .Hear(head + "220 ready\r\n", cut);
            Assert.That((verdict.Kind, Encoding.ASCII.GetString(rest)), Is.EqualTo((VerdictKind.Message, "220 ready\r\n")),
                $"{cut}");
        }
    }

    /// <summary>The longest line there may be, and one byte more, whatever of its end has come.</summary>
    [TestCase(1024, VerdictKind.Message)]
    [TestCase(1025, VerdictKind.Reject)]
    public void LongestStatusLineIsReadHoweverItArrives(int length, VerdictKind kind)
    {
        string head = "HTTP/1.1 200 ".PadRight(length, 'x') + "\r\n\r\n";
        foreach (Fragmentation cut in Cuts)
        {
            Verdict verdict = new Conversation(new HttpConnectHandshake("a.test:80", null, null)).Hear(head, cut).Verdict;
            Assert.That(verdict.Kind, Is.EqualTo(kind), $"{cut}");
        }
    }

    [TestCase("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n", 407,
        "407 Proxy Authentication Required")]
    [TestCase("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad", 502, "502 Bad Gateway")]
    [TestCase("HTTP/1.1 403 \u001b[31mno\r\n\r\n", 403, "403 ?[31mno")]
    [TestCase("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", 302, "302 Found")]
    [TestCase("HTTP/1.1 101 Switching\r\n\r\n", 101, "101 Switching")]
    [TestCase("HTTP/1.1 099 x\r\n\r\n", 0, "does not speak HTTP/1.1")]
    [TestCase("HTTP/1.1 2000 x\r\n\r\n", 0, "does not speak HTTP/1.1")]
    [TestCase("HTTP/1.1  200 x\r\n\r\n", 0, "does not speak HTTP/1.1")]
    [TestCase("HTTP/1.1 20\r\n\r\n", 0, "does not speak HTTP/1.1")]
    [TestCase("HTTP/2 200 x\r\n", 0, "does not speak HTTP/1.1")]
    [TestCase("SSH", 0, "does not speak HTTP/1.1")]
    [TestCase("\u0005", 0, "does not speak HTTP/1.1")]
    public void AnythingElseIsARefusalWithTheProxysOwnWords(string said, int status, string words)
    {
        foreach (Fragmentation cut in Cuts)
        {
            Verdict verdict = new Conversation(new HttpConnectHandshake("a.test:80", null, null)).Hear(said, cut).Verdict;
            Assert.That((verdict.Kind, verdict.Status, verdict.Reason), Is.EqualTo((VerdictKind.Reject, status, verdict.Reason)),
                $"{cut}");
            Assert.That(verdict.Reason, Does.Contain(words), $"{cut}");
        }
    }

    [Test]
    public void EndlessStatusLineIsRefused() =>
        Assert.That(new Conversation(new HttpConnectHandshake("a.test:80", null, null))
            .Hear("HTTP/1.1 200 " + new string('x', 1100), Fragmentation.Whole).Verdict.Kind, Is.EqualTo(VerdictKind.Reject));

    [Test]
    public void EveryPrefixOfAnAnswerNeedsMore()
    {
        const string All = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
        for (int length = 0; length < All.Length; length++)
            Assert.That(new Conversation(new HttpConnectHandshake("a.test:80", null, null))
                .Hear(All[..length], Fragmentation.Whole).Verdict.Kind, Is.EqualTo(VerdictKind.NeedMore), All[..length]);
    }
}
