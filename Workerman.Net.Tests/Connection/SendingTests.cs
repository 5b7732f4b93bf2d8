using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>Sending: corking, short writes, stalled readers, dead peers, other threads.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class SendingTests(Type loopType)
{
    /// <summary>How many sends the answers of a batch leave in, <see cref="MemorySendingTests"/> count.</summary>
    [Test]
    public async Task AnswersOfOneReadBatchLeaveAfterTheCallback()
    {
        var written = new List<(long Before, long After)>();
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            long before = connection.BytesWritten;
            Assert.That(connection.Send("ok"), Is.EqualTo(SendResult.Sent));
            written.Add((before, connection.BytesWritten));
        });
        using RawClient client = server.Connect();
        client.Send(string.Concat(Enumerable.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 16)));
        for (int i = 0; i < 16; i++) Assert.That(client.ReadResponse().Body, Is.EqualTo("ok"));
        // A machine that is busy may need several turns for the batch.
        Assert.That(written, Has.Count.EqualTo(16).And.All.Matches<(long Before, long After)>(one => one.Before == one.After));
    }

    [Test]
    public async Task SendOutsideABatchLeavesWithTheTurn()
    {
        var result = new TaskCompletionSource<SendResult>();
        await using TestServer server = TestServer.Raw(loopType, (_, _) => { },
            worker => worker.OnConnect = connection => result.SetResult(connection.Send("hello")));
        using RawClient client = server.Connect();
        Assert.That(client.ReadExactly(5), Is.EqualTo("hello"));
        Assert.That(Wait.For(result.Task), Is.EqualTo(SendResult.Sent));
    }

    [Test]
    public async Task ShortWriteArrivesWholeAndInOrder()
    {
        byte[] large = new byte[8 * 1024 * 1024];
        new Random(1).NextBytes(large);
        var drained = new TaskCompletionSource<long>();
        var results = new TaskCompletionSource<(SendResult, SendResult)>();
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            connection.MaxSendBufferSize = int.MaxValue;
            results.SetResult((connection.Send(large), connection.Send("the end")));
        }, worker => worker.OnBufferDrain = connection => drained.TrySetResult(connection.BytesWritten));
        using var client = new RawClient(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send("go");
        // Not before: a reader that keeps up would let the kernel take it all at once.
        Assert.That(Wait.For(results.Task), Is.EqualTo((SendResult.Queued, SendResult.Queued)));
        string received = client.ReadExactly(large.Length + 7);
        Assert.That(System.Text.Encoding.Latin1.GetBytes(received[..^7]).AsSpan().SequenceEqual(large));
        Assert.That(received[^7..], Is.EqualTo("the end"));
        Assert.That(Wait.For(drained.Task), Is.EqualTo(large.Length + 7));
    }

    [Test]
    public async Task StalledReaderFillsTheBufferAndWhatGoesBeyondIsDropped()
    {
        var full = new TaskCompletionSource();
        var drained = new TaskCompletionSource();
        var dropped = new TaskCompletionSource<(ConnectionError, string)>();
        var handled = new TaskCompletionSource();
        var results = new List<SendResult>();
        long sent = 0;
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            connection.MaxSendBufferSize = 256 * 1024;
            byte[] chunk = new byte[64 * 1024];
            SendResult result;
            do
            {
                results.Add(result = connection.Send(chunk));
                if (result != SendResult.Dropped) sent += chunk.Length;
            }
            while (result != SendResult.Dropped);
            handled.SetResult();
        }, worker =>
        {
            worker.OnBufferFull = _ => full.TrySetResult();
            worker.OnBufferDrain = _ => drained.TrySetResult();
            worker.OnError = (_, error, reason) => dropped.TrySetResult((error, reason));
        });
        using var client = new RawClient(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send("go");
        Wait.For(full.Task);
        Assert.That(Wait.For(dropped.Task), Is.EqualTo((ConnectionError.SendFail, "send buffer full and drop package")));
        Wait.For(handled.Task);
        Assert.That(results[^1], Is.EqualTo(SendResult.Dropped));
        Assert.That(results.Skip(results.IndexOf(SendResult.Queued)).SkipLast(1), Is.All.EqualTo(SendResult.Queued));
        client.ReadExactly((int)sent);
        Wait.For(drained.Task);
        Assert.That(server.Main.Connections.Single().BufferIsEmpty);
    }

    [Test]
    public async Task ReaderThatStaysStalledIsDestroyed()
    {
        var error = new TaskCompletionSource<string>();
        var closed = new TaskCompletionSource();
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            connection.SendTimeout = TimeSpan.FromMilliseconds(200);
            connection.Send(new byte[8 * 1024 * 1024]);
        }, worker =>
        {
            worker.OnError = (_, _, reason) => error.TrySetResult(reason);
            worker.OnClose = _ => closed.TrySetResult();
        });
        using var client = new RawClient(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send("go");
        Assert.That(Wait.For(error.Task), Does.Contain("stopped reading"));
        Wait.For(closed.Task);
    }

    [Test]
    public async Task PeerThatVanishesWhileATimerStillSends()
    {
        var closed = new TaskCompletionSource();
        var after = new TaskCompletionSource<SendResult>();
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            long timer = 0;
            timer = Timer.Add(0.005, () =>
            {
                SendResult result = connection.Send("tick");
                if (connection.Status == ConnectionStatus.Established) return;
                Timer.Del(timer);
                after.TrySetResult(result);
            });
        }, worker => worker.OnClose = _ => closed.TrySetResult());
        using (RawClient client = server.Connect())
        {
            client.Send("go");
            client.ReadExactly(8);
            client.Reset();
        }
        Wait.For(closed.Task);
        Assert.That(Wait.For(after.Task), Is.EqualTo(SendResult.Dropped));
        Assert.That(server.Main.Connections, Is.Empty);
    }

    [Test]
    public async Task SendAfterCloseIsDropped()
    {
        var results = new TaskCompletionSource<(SendResult, SendResult)>();
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            connection.Close();
            results.SetResult((connection.Send("lost"), connection.SendRaw("lost")));
        });
        using RawClient client = server.Connect();
        client.Send("x");
        Assert.That(client.ReadToEnd(), Is.Empty);
        Assert.That(Wait.For(results.Task), Is.EqualTo((SendResult.Dropped, SendResult.Dropped)));
    }

    [Test]
    public async Task AnyThreadSendsAndCloses()
    {
        var connected = new TaskCompletionSource<TcpConnection>();
        await using TestServer server = TestServer.Raw(loopType, (_, _) => { }, worker => worker.OnConnect = connected.SetResult);
        using RawClient client = server.Connect();
        TcpConnection connection = Wait.For(connected.Task);
        Parallel.For(0, 4, _ =>
        {
            for (int i = 0; i < 250; i++) Assert.That(connection.Send("0123456789"), Is.EqualTo(SendResult.Queued));
        });
        connection.Close("end");
        string all = client.ReadToEnd();
        Assert.That(all, Is.EqualTo(string.Concat(Enumerable.Repeat("0123456789", 1000)) + "end"));
        await Wait.Until(() => connection.Status == ConnectionStatus.Closed, "the close");
        Assert.That(connection.Send("lost"), Is.EqualTo(SendResult.Dropped));
    }

    [Test]
    public async Task BytesTextAndSpansAreSentAlike()
    {
        await using TestServer server = TestServer.Raw(loopType, (connection, _) =>
        {
            connection.Send("é");
            connection.Send("b"u8);
            Span<byte> span = [(byte)'s'];
            connection.Send(span);
            connection.Send("c"u8.ToArray());
            connection.Send((ReadOnlyMemory<byte>)"d"u8.ToArray());
            connection.SendRaw("e");
            connection.SendRaw("f"u8);
            connection.End();
        });
        using RawClient client = server.Connect();
        client.Send("x");
        Assert.That(client.ReadToEnd(), Is.EqualTo("\u00c3\u00a9bscdef"));
    }

    [Test]
    public async Task LastWordsMayBeOfAnyKind()
    {
        Action<TcpConnection>[] ends =
        [
            c => c.Close("x"), c => c.Close("x"u8), c => c.Close("x"u8.ToArray()), c =>
                c.Close((ReadOnlyMemory<byte>)"x"u8.ToArray()),
            c => c.End("x"), c => c.End("x"u8), c => c.End("x"u8.ToArray()), c => c.End((ReadOnlyMemory<byte>)"x"u8.ToArray()),
        ];
        await using TestServer raw = TestServer.Raw(loopType, (connection, bytes) => ends[bytes.Span[0] - '0'](connection));
        for (int i = 0; i < ends.Length; i++)
        {
            using RawClient client = raw.Connect();
            Assert.That(client.Send($"{i}").ReadToEnd(), Is.EqualTo("x"), $"number {i}");
        }
    }

    [Test]
    public async Task WhatTheProtocolDoesNotKnowIsRefusedWithTheCure()
    {
        var thrown = new TaskCompletionSource<Exception?>();
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            thrown.SetResult(Assert.Throws<InvalidOperationException>(() => connection.SendMessage(request)));
            connection.Send("ok");
        });
        using RawClient client = server.Connect();
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(client.ReadResponse().Body, Is.EqualTo("ok"));
        Assert.That(Wait.For(thrown.Task)!.Message,
            Does.Contain("cannot send Workerman.Protocols.Http.Request").And.Contain("Response"));
    }

    [Test]
    public async Task NullIsRefused()
    {
        var checkedAll = new TaskCompletionSource();
        await using TestServer server = TestServer.Raw(loopType, (_, _) => { }, worker => worker.OnConnect = connection =>
        {
            Assert.Throws<ArgumentNullException>(() => connection.Send((string)null!));
            Assert.Throws<ArgumentNullException>(() => connection.Send((byte[])null!));
            Assert.Throws<ArgumentNullException>(() => connection.SendRaw((string)null!));
            Assert.Throws<ArgumentNullException>(() => connection.Pipe(null!));
            checkedAll.SetResult();
        });
        using RawClient client = server.Connect();
        Wait.For(checkedAll.Task);
    }

    [Test]
    public void LimitsRefuseWhatIsNoLimit()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => TcpConnection.DefaultMaxSendBufferSize = 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => TcpConnection.DefaultMaxPackageSize = -1);
        Assert.Throws<ArgumentOutOfRangeException>(() => TcpConnection.DefaultLingerTimeout = TimeSpan.FromSeconds(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => TcpConnection.DefaultSendTimeout = TimeSpan.Zero);
    }
}
