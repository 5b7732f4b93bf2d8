using Workerman.Hosting;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Sessions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http.Sessions;

/// <summary>The settings: what they are if nobody sets them, and what they refuse.</summary>
internal sealed class SessionOptionsTests
{
    [Test]
    public void DefaultsArePhpsButForSameSite()
    {
        var options = new SessionOptions();
        Assert.That((options.Name, options.Lifetime, options.CookieLifetime, options.CookiePath, options.Domain),
            Is.EqualTo(("PHPSID", TimeSpan.FromSeconds(1440), TimeSpan.Zero, "/", "")));
        Assert.That((options.Secure, options.HttpOnly, options.SameSite, options.AutoUpdateTimestamp),
            Is.EqualTo((false, true, SameSite.Lax, false)));
        Assert.That((options.GcProbability, options.GcDivisor), Is.EqualTo((1, 20_000)));
        Assert.That(options.Handler, Is.TypeOf<FileSessionHandler>());
    }

    [TestCase("")]
    [TestCase("a b")]
    [TestCase("a=b")]
    [TestCase("a;b")]
    [TestCase("a\r\nSet-Cookie: x")]
    [TestCase("\u00e4")]
    public void NameIsAToken(string name) => Assert.That(() => new SessionOptions { Name = name }, Throws.ArgumentException);

    [TestCase("")]
    [TestCase("a")]
    [TestCase("/;a")]
    [TestCase("/\r\nX: y")]
    [TestCase("/\0")]
    public void PathIsAPath(string path) => Assert.That(() => new SessionOptions { CookiePath = path }, Throws.ArgumentException);

    [TestCase("a;b")]
    [TestCase("a\n")]
    public void DomainIsOneAttribute(string domain) =>
        Assert.That(() => new SessionOptions { Domain = domain }, Throws.ArgumentException);

    [Test]
    public void TimesAndNumbersHaveRanges()
    {
        Assert.That(() => new SessionOptions { Lifetime = TimeSpan.Zero }, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new SessionOptions { Lifetime = Timeout.InfiniteTimeSpan },
            Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new SessionOptions { CookieLifetime = TimeSpan.FromSeconds(-1) },
            Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new SessionOptions { CookieLifetime = TimeSpan.FromSeconds(0.5) },
            Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new SessionOptions { GcProbability = -1 }, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new SessionOptions { GcDivisor = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new SessionOptions { SameSite = (SameSite)9 }, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => new SessionOptions { Handler = null! }, Throws.ArgumentNullException);
    }

    [Test]
    public void CookieHasTheAttributesThatAreSet()
    {
        var options = new SessionOptions();
        Assert.That(options.CookieOf("i"), Is.EqualTo("PHPSID=i; Path=/; HttpOnly; SameSite=Lax"));
        options = new SessionOptions
        {
            Name = "sid",
            CookieLifetime = TimeSpan.FromHours(1),
            CookiePath = "/app",
            Domain = "example.org",
            Secure = true,
            HttpOnly = false,
            SameSite = SameSite.Strict,
        };
        Assert.That(options.CookieOf("i").Split("; "),
            Is.EquivalentTo(new[] { "sid=i", "Domain=example.org", "Max-Age=3600", "Path=/app", "Secure", "SameSite=Strict" }));
    }

    [Test]
    public void WhatBrowsersRefuseTogetherKeepsTheWorkerFromStarting()
    {
        Action<SessionOptions>[] wrong = [
            options => options.SameSite = SameSite.None,
            options => options.Name = "__Secure-id",
            options => options.Name = "__Host-id",
            options => (options.Name, options.Secure, options.CookiePath) = ("__Host-id", true, "/a"),
            options => (options.Name, options.Secure, options.Domain) = ("__Host-id", true, "example.org"),
        ];
        foreach (Action<SessionOptions> setUp in wrong)
        {
            var worker = new Worker("http://127.0.0.1:0") { OnMessage = (_, _) => { } };
            setUp(worker.Options.Http.Session);
            Assert.That(TestServer.Refusal(Loops.Available[0], worker), Does.Contain("browsers"));
        }
        Assert.That(() => new SessionOptions { Name = "__Host-id", Secure = true }.Check(), Throws.Nothing);
        Assert.That(() => new SessionOptions { SameSite = SameSite.None, Secure = true }.Check(), Throws.Nothing);
    }
}
