using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Proxies;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Proxies;

/// <summary>SOCKS5 by the sections of RFC 1928 and RFC 1929, without a socket.</summary>
internal sealed class Socks5HandshakeTests
{
    private static readonly byte[] Granted = [5, 0, 0, 1, 127, 0, 0, 1, 0x1F, 0x90];

    private static Fragmentation[] Cuts => Fragmentation.All;

    [TestCaseSource(nameof(Cuts))]
    public void OpensTheWayWithoutAuthentication(Fragmentation cut)
    {
        var proxy = new Conversation(new Socks5Handshake("a.test", 8080, null, null));
        Assert.That(proxy.Said(), Is.EqualTo(new byte[] { 5, 1, 0 }), "RFC 1928, 3");
        Assert.That(proxy.Hear([5, 0], cut).Verdict.Kind, Is.EqualTo(VerdictKind.NeedMore));
        Assert.That(proxy.Said(), Is.EqualTo((byte[])[5, 1, 0, 3, 6, .. "a.test"u8, 0x1F, 0x90]),
            "RFC 1928, 4: the proxy looks the name up");
        (Verdict verdict, byte[] rest) = proxy.Hear([.. Granted, .. "the target's"u8], cut);
        Assert.That(verdict.Kind, Is.EqualTo(VerdictKind.Message));
        Assert.That(Encoding.ASCII.GetString(rest), Is.EqualTo("the target's"));
    }

    [TestCaseSource(nameof(Cuts))]
    public void OpensTheWayWithUserAndPassword(Fragmentation cut)
    {
        var proxy = new Conversation(new Socks5Handshake("10.1.2.3", 80, "me", "secret"));
        Assert.That(proxy.Said(), Is.EqualTo(new byte[] { 5, 2, 0, 2 }));
        proxy.Hear([5, 2], cut);
        Assert.That(proxy.Said(), Is.EqualTo((byte[])[1, 2, .. "me"u8, 6, .. "secret"u8]), "RFC 1929, 2");
        proxy.Hear([1, 0], cut);
        Assert.That(proxy.Said(), Is.EqualTo((byte[])[5, 1, 0, 1, 10, 1, 2, 3, 0, 80]));
        Assert.That(proxy.Hear([5, 0, 0, 3, 2, (byte)'x', (byte)'y', 0, 1], cut).Verdict.Kind, Is.EqualTo(VerdictKind.Message),
            "a name as the bound address");
    }

    [TestCaseSource(nameof(Cuts))]
    public void ProxyThatAnswersAheadIsUnderstood(Fragmentation cut)
    {
        var proxy = new Conversation(new Socks5Handshake("::1", 443, "a", "b"));
        (Verdict verdict, byte[] rest) = proxy.Hear([5, 2, 1, 0, 5, 0, 0, 4, .. new byte[16], 1, 2, 42], cut);
        Assert.That((verdict.Kind, rest), Is.EqualTo((VerdictKind.Message, new byte[] { 42 })));
        Assert.That(proxy.Said()[^22..], Is.EqualTo((byte[])[5, 1, 0, 4, .. new byte[15], 1, 1, 187]));
    }

    [TestCase(new byte[] { 5, 0, 5, 1 }, "general failure")]
    [TestCase(new byte[] { 5, 0, 5, 2 }, "rules do not allow")]
    [TestCase(new byte[] { 5, 0, 5, 3 }, "network unreachable")]
    [TestCase(new byte[] { 5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0 }, "host unreachable")]
    [TestCase(new byte[] { 5, 0, 5, 5 }, "connection refused")]
    [TestCase(new byte[] { 5, 0, 5, 6 }, "TTL expired")]
    [TestCase(new byte[] { 5, 0, 5, 7 }, "command not supported")]
    [TestCase(new byte[] { 5, 0, 5, 8 }, "address type not supported")]
    [TestCase(new byte[] { 5, 0, 5, 99 }, "reply 99")]
    [TestCase(new byte[] { 5, 0, 4 }, "version 4")]
    [TestCase(new byte[] { 5, 0, 5, 0, 1 }, "malformed")]
    [TestCase(new byte[] { 5, 0, 5, 0, 0, 2 }, "address of type 2")]
    [TestCase(new byte[] { 5, 255 }, "accepts no authentication")]
    [TestCase(new byte[] { 5, 1 }, "method 1, which it was not offered")]
    [TestCase(new byte[] { 5, 2, 1, 1 }, "refused the user or the password")]
    [TestCase(new byte[] { 5, 2, 5 }, "in version 5")]
    [TestCase(new byte[] { (byte)'H' }, "does not speak SOCKS5")]
    [TestCase(new byte[] { 4, 90 }, "does not speak SOCKS5")]
    public void RefusalIsToldInWordsAtTheFirstByteThatMakesIt(byte[] said, string words)
    {
        foreach (Fragmentation cut in Cuts)
        {
            Verdict verdict = new Conversation(new Socks5Handshake("a.test", 1, "u", "p")).Hear(said, cut).Verdict;
            Assert.That(verdict.Kind, Is.EqualTo(VerdictKind.Reject), $"{cut}");
            Assert.That(verdict.Reason, Does.Contain(words));
        }
    }

    [Test]
    public void WithoutCredentialsNoneAreOfferedNorTaken()
    {
        foreach (byte method in new byte[] { 2, 255 })
            Assert.That(new Conversation(new Socks5Handshake("a.test", 1, null, null))
                .Hear([5, method], Fragmentation.Whole).Verdict.Kind, Is.EqualTo(VerdictKind.Reject));
    }

    [Test]
    public void EveryPrefixOfAnAnswerNeedsMore()
    {
        byte[] all = [5, 0, .. Granted];
        for (int length = 0; length < all.Length; length++)
            Assert.That(new Conversation(new Socks5Handshake("a.test", 1, null, null))
                .Hear(all[..length], Fragmentation.Whole).Verdict.Kind, Is.EqualTo(VerdictKind.NeedMore), $"{length}");
    }
}
