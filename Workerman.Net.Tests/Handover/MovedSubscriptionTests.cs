using System.Net;
using System.Net.Sockets;
using Workerman.Events;
using Workerman.Handover;
using Workerman.Tests.Support;

namespace Workerman.Tests.Handover;

/// <summary>A subscription as bytes: what is written is read, and nothing else.</summary>
internal sealed class MovedSubscriptionTests
{
    [Test]
    public void AllOfItComesBack([Values] bool proxied)
    {
        using MovedSubscription before = Make(proxied);
        using var after = MovedSubscription.Decode(before.Encode(), -1);
        Assert.That((after.Worker, after.Place, after.Remote, after.Local, after.Window),
            Is.EqualTo((before.Worker, before.Place, before.Remote, before.Local, before.Window)));
        Assert.That(after.Head, Is.EqualTo(before.Head));
        Assert.That(after.Unsent, Is.EqualTo(before.Unsent));
    }

    [Test]
    public void TextsThatAreNoValidUtf16ComeBackToo()
    {
        using MovedSubscription before = Make(proxied: false, stream: "half \ud800 a pair \u0000 \u20ac");
        Assert.That(MovedSubscription.Decode(before.Encode(), -1).Place, Is.EqualTo(before.Place));
    }

    [Test]
    public void AnotherVersionIsNamed()
    {
        byte[] bytes = Make(proxied: true).Encode();
        bytes[0]++;
        Assert.That(Assert.Throws<InvalidDataException>(() => MovedSubscription.Decode(bytes, -1))!.Message,
            Does.Contain($"version {MovedSubscription.Version + 1}").And.Contain("Cure: restart"));
    }

    /// <summary>Cut off anywhere, or with a length that is huge, it is refused and takes no memory.</summary>
    [Test]
    public void DamageIsRefused()
    {
        byte[] bytes = Make(proxied: true).Encode();
        for (int length = 0; length < bytes.Length; length++)
        {
            byte[] cut = bytes[..length];
            Assert.Throws<InvalidDataException>(() => MovedSubscription.Decode(cut, -1), $"{length} bytes");
        }
        for (int at = 1; at + 8 <= bytes.Length; at++)
        {
            byte[] damaged = [.. bytes];
            damaged.AsSpan(at, 8).Fill(0x7f);
            try
            {
                MovedSubscription.Decode(damaged, -1);
            }
            catch (InvalidDataException)
            {
                // Most of them; the others have changed a text.
            }
        }
    }

    [Test]
    public void TheDescriptorIsClosedWithItUnlessItWasTaken()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("descriptors are Linux's");
        using var pair = new SocketPair();
        int descriptor = SystemCalls.fcntl((int)pair.Near.Handle, SystemCalls.F_DUPFD_CLOEXEC, 3);
        MovedSubscription taken = Make(proxied: false, descriptor: descriptor);
        Assert.That(taken.TakeDescriptor(), Is.EqualTo(descriptor));
        taken.Dispose();
        Assert.That(taken.Descriptor, Is.EqualTo(-1));
        pair.Near.Send("x"u8);
        pair.Near.Dispose();
        pair.Far.ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds;
        Assert.That(pair.Far.Receive(new byte[1]), Is.EqualTo(1), "open");
        Make(proxied: false, descriptor: descriptor).Dispose();
        Assert.That(pair.Far.Receive(new byte[1]), Is.Zero, "closed");
    }

    private static MovedSubscription Make(bool proxied, string stream = "news", int descriptor = -1) => new(descriptor)
    {
        Worker = "http://127.0.0.1:0",
        Head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray(),
        Place = new MovedPlace(stream, 2, long.MaxValue, 7, "epoch-7"),
        Unsent = new byte[1000],
        Remote = proxied ? new IPEndPoint(IPAddress.Parse("2001:db8::1"), 65535) : null,
        Local = proxied ? new IPEndPoint(IPAddress.Parse("192.0.2.1"), 1) : null,
        Window = TimeSpan.FromSeconds(30),
    };
}
