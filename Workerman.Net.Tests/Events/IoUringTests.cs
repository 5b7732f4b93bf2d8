using System.Net.Sockets;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Events;

/// <summary>The ring itself: many calls in one, a result for each, and nothing of them left when it returns.</summary>
[Platform("Linux")]
[System.Runtime.Versioning.SupportedOSPlatform("linux")]
internal sealed unsafe class IoUringTests
{
    private const byte NoSuchCall = 255;

    private readonly byte[] _buffer = GC.AllocateArray<byte>(64 * 1024, pinned: true);
    private IoUring _ring = null!;

    private byte* Bytes => (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _buffer[0]);

    [SetUp]
    public void Make()
    {
        IoUring? ring = IoUring.TryCreate();
        if (ring is null) Assert.Ignore("this system has no io_uring, or forbids it");
        _ring = ring!;
    }

    [TearDown]
    public void Dispose() => _ring?.Dispose();

    [Test]
    public void MakesCallsInTheirOrder()
    {
        using var pair = new SocketPair();
        "abc"u8.CopyTo(_buffer);
        for (int i = 0; i < 3; i++) Send(pair.Near, i, 1);
        _ring.Submit();
        Assert.That(_ring.Results[..3].ToArray(), Is.All.EqualTo(1));
        Assert.That(_ring.Count, Is.Zero);
        byte[] received = new byte[3];
        for (int count = 0; count < 3;) count += pair.Far.Receive(received, count, 3 - count, SocketFlags.None);
        Assert.That(received, Is.EqualTo("abc"u8.ToArray()));
    }

    /// <summary>The system stops behind a call that it does not know, and has to be asked again for the rest.</summary>
    [Test]
    public void EachFailureIsToldInItsPlace()
    {
        using var pair = new SocketPair();
        using var other = new SocketPair();
        other.Far.Send("xyz"u8);
        other.Near.Poll(Wait.Limit, SelectMode.SelectRead);
        _buffer[0] = (byte)'a';
        Receive(pair.Near, 100);
        _ring.Queue(NoSuchCall, Descriptor(pair.Near), Bytes, 1, 0);
        Receive(other.Near, 100);
        _ring.Queue(IoUringStructures.IORING_OP_SEND, 1_000_000, Bytes, 1, 0);
        _ring.Queue(NoSuchCall, Descriptor(pair.Near), Bytes, 1, 0);
        Send(pair.Near, 0, 1);
        _ring.Submit();
        const int badDescriptor = 9;
        Assert.That(_ring.Results[..6].ToArray(),
            Is.EqualTo(new[] { -Errno.EAGAIN, -Errno.EINVAL, 3, -badDescriptor, -Errno.EINVAL, 1 }));
    }

    [Test]
    public void FullSocketIsNotWaitedFor()
    {
        using var pair = new SocketPair();
        SocketError error = SocketError.Success;
        while (error == SocketError.Success) pair.Near.Send(_buffer, SocketFlags.None, out error);
        Send(pair.Near, 0, 1);
        Send(pair.Near, 0, _buffer.Length);
        _ring.Submit();
        Assert.That(_ring.Results[0], Is.EqualTo(-Errno.EAGAIN));
        Assert.That(_ring.Results[1], Is.EqualTo(-Errno.EAGAIN));
    }

    [Test]
    public void EndAndResetAreTold()
    {
        using var ended = new SocketPair();
        using var reset = new SocketPair();
        ended.Far.Shutdown(SocketShutdown.Send);
        reset.Far.LingerState = new LingerOption(true, 0);
        reset.Far.Close();
        ended.Near.Poll(Wait.Limit, SelectMode.SelectRead);
        reset.Near.Poll(Wait.Limit, SelectMode.SelectRead);
        Receive(ended.Near, 1);
        Receive(reset.Near, 1);
        _ring.Submit();
        Assert.That(_ring.Results[..2].ToArray(), Is.EqualTo(new[] { 0, -Errno.ECONNRESET }));
    }

    [Test]
    public void WhatIsForgottenIsNotMade()
    {
        using var pair = new SocketPair();
        Send(pair.Near, 0, 1);
        _ring.Clear();
        Assert.That(_ring.Count, Is.Zero);
        Receive(pair.Near, 1);
        _ring.Submit();
        Assert.That(_ring.Results[0], Is.EqualTo(-Errno.EAGAIN));
        Assert.That(pair.Far.Poll(0, SelectMode.SelectRead), Is.False);
    }

    /// <summary>Round and round the queues, at every fill.</summary>
    [Test]
    public void LastsForManyRounds()
    {
        int seed = Random.Shared.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var pair = new SocketPair();
        long sent = 0;
        byte[] sink = new byte[64 * 1024];
        for (int round = 0; round < 500; round++)
        {
            int count = random.Next(1, IoUring.Capacity + 1);
            var expected = new List<int>();
            for (int i = 0; i < count; i++)
            {
                if (random.Next(2) == 0)
                {
                    int length = random.Next(1, 100);
                    Send(pair.Near, 0, length);
                    expected.Add(length);
                    sent += length;
                }
                else
                {
                    Receive(pair.Near, 10);
                    expected.Add(-Errno.EAGAIN);
                }
            }
            _ring.Submit();
            Assert.That(_ring.Results[..count].ToArray(), Is.EqualTo(expected));
            for (; sent > 0; sent -= pair.Far.Receive(sink)) { }
        }
    }

    [Test]
    public void GivesItsDescriptorBack()
    {
        _ring.Dispose();
        _ring = null!;
        const int Many = 500;
        int before = OpenFiles.CountOf("anon_inode:[io_uring]");
        for (int i = 0; i < Many; i++) IoUring.TryCreate()!.Dispose();
        // Loops of other tests come and go, but are not nearly so many.
        Assert.That(OpenFiles.CountOf("anon_inode:[io_uring]"), Is.LessThan(before + Many / 2));
    }

    private void Send(Socket socket, int offset, int length) =>
        _ring.Queue(IoUringStructures.IORING_OP_SEND, Descriptor(socket), Bytes + offset, length, SystemCalls.MSG_NOSIGNAL);

    private void Receive(Socket socket, int length) =>
        _ring.Queue(IoUringStructures.IORING_OP_RECV, Descriptor(socket), Bytes + 1024, length, 0);

    private static int Descriptor(Socket socket) => (int)socket.Handle;
}
