using System.Net;
using Workerman.Protocols;

namespace Workerman.Tests.Protocols;

/// <summary>Lists of peers that are trusted: what can be in them, and who is.</summary>
internal sealed class NetworkListTests
{
    [TestCase("10.0.0.0/8", "10.255.0.1", true)]
    [TestCase("10.0.0.0/8", "::ffff:10.1.2.3", true)]
    [TestCase("10.0.0.0/8", "11.0.0.1", false)]
    [TestCase("10.0.0.0/8", "::10.0.0.1", false)]
    [TestCase("10.1.2.3/8", "10.9.9.9", true)]
    [TestCase("192.0.2.1", "192.0.2.1", true)]
    [TestCase("192.0.2.1", "192.0.2.2", false)]
    [TestCase("::ffff:192.0.2.1", "192.0.2.1", true)]
    [TestCase("::ffff:10.0.0.0/104", "10.9.9.9", true)]
    [TestCase("::ffff:10.0.0.0/104", "11.9.9.9", false)]
    [TestCase("fd00::/8", "fd12::1", true)]
    [TestCase("fd00::/8", "fe80::1", false)]
    [TestCase("fe80::1", "fe80::1%7", true)]
    [TestCase("2001:db8::1", "2001:DB8:0::1", true)]
    [TestCase("0.0.0.0/0", "::ffff:1.2.3.4", true)]
    [TestCase("0.0.0.0/0", "::1", false)]
    [TestCase("::/0", "::1", true)]
    [TestCase("unix:", "127.0.0.1", false)]
    public void KnowsWhoIsInIt(string network, string address, bool isIn)
    {
        NetworkList list = new() { "198.51.100.0/24", network };
        Assert.That(list.Contains(IPAddress.Parse(address)), Is.EqualTo(isIn));
        Assert.That((list.IsEmpty, list.HasUnixSockets), Is.EqualTo((false, network == "unix:")));
    }

    [Test]
    public void TakesWhatDotNetHas()
    {
        NetworkList list = [IPNetwork.Parse("10.0.0.0/8")];
        list.Add(IPAddress.Parse("fe80::1%3"));
        Assert.That(list.Select(network => network.ToString()), Is.EqualTo(new[] { "10.0.0.0/8", "fe80::1/128" }));
        Assert.That(new NetworkList().IsEmpty, Is.True);
        Assert.That(new NetworkList { "unix:" }.IsEmpty, Is.False);
    }

    [TestCase("")]
    [TestCase("localhost")]
    [TestCase("10")]
    [TestCase("127.1")]
    [TestCase("10.0.0.0/33")]
    [TestCase("10.0.0.0/-1")]
    [TestCase("10.0.0.0/")]
    [TestCase("unix:/run/x.sock")]
    public void WhatIsNoNetworkThrowsWithTheCure(string text) =>
        Assert.That(() => new NetworkList { text }, Throws.ArgumentException.With.Message.Contains("write an address"));
}
