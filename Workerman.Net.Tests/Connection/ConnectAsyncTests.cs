using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>ConnectAsync: how it ends, on which thread, and what gives it up.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ConnectAsyncTests(Type loopType)
{
    private LoopRunner _loop = null!;

    [SetUp]
    public void SetUp() => _loop = new LoopRunner(loopType);

    [TearDown]
    public void TearDown()
    {
        _loop.Dispose();
        Assert.That(_loop.Errors, Is.Empty);
    }

    [Test]
    public void EndsEstablishedAfterOnConnectAndOnTheLoop()
    {
        using var peer = new Peer();
        string answer = OnLoop(async () =>
        {
            string order = "";
            var connection =
                new AsyncTcpConnection<ReadOnlyMemory<byte>>(peer.Address) { OnConnect = _ => order += "OnConnect " };
            Task first = connection.ConnectAsync();
            Task second = connection.ConnectAsync();
            await first;
            await second;
            order += $"{connection.Status} {EventLoop.Current == _loop.Loop}";
            await connection.ConnectAsync();
            connection.Send("x");
            return order;
        });
        Assert.That(answer, Is.EqualTo("OnConnect Established True"));
        using RawClient server = peer.Accept();
        Assert.That(server.ReadExactly(1), Is.EqualTo("x"));
    }

    [Test]
    public void RefusalIsASocketExceptionThatNamesTheAddressAndTheReason()
    {
        string address = $"tcp://127.0.0.1:{Peer.UnusedPort()}";
        var thrown = Assert.Throws<SocketException>(() => OnLoop(async () =>
        {
            await new AsyncTcpConnection<ReadOnlyMemory<byte>>(address).ConnectAsync();
            return true;
        }));
        Assert.That(thrown!.SocketErrorCode, Is.EqualTo(SocketError.ConnectionRefused));
        Assert.That(thrown.Message, Does.Contain(address).And.Contain("Connection refused"));
    }

    [Test]
    public void TooLongIsATimeoutException()
    {
        var thrown = Assert.Throws<TimeoutException>(() => OnLoop(async () =>
        {
            var connection = new AsyncTcpConnection<ReadOnlyMemory<byte>>("tcp://slow.test:80")
            {
                ConnectTimeout = TimeSpan.FromMilliseconds(50),
                LookUp = _ => new TaskCompletionSource<IPAddress[]>().Task,
            };
            await connection.ConnectAsync();
            return true;
        }));
        Assert.That(thrown!.Message, Does.Match(
            @"connect tcp://slow\.test:80 failed after [0-4]\.\d+ seconds: "
            + @"no answer within ConnectTimeout, while slow\.test was looked up"));
    }

    [Test]
    public void FailureCanBeTriedAgain()
    {
        int port = Peer.UnusedPort();
        int tries = OnLoop(async () =>
        {
            Peer? peer = null;
            var connection = new AsyncTcpConnection<ReadOnlyMemory<byte>>($"tcp://127.0.0.1:{port}");
            for (int tries = 1; ; tries++)
            {
                try
                {
                    await connection.ConnectAsync();
                    peer!.Dispose();
                    return tries;
                }
                catch (SocketException)
                {
                    if (tries == 2) peer = new Peer(new IPEndPoint(IPAddress.Loopback, port));
                }
            }
        });
        Assert.That(tries, Is.EqualTo(3));
    }

    [Test]
    public void CancellationDestroysAndTells()
    {
        using var cancellation = new CancellationTokenSource();
        using var events = new EventQueue();
        Task<bool> connecting = Start(async () =>
        {
            AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Raw("tcp://slow.test:80", events);
            connection.LookUp = _ => new TaskCompletionSource<IPAddress[]>().Task;
            await connection.ConnectAsync(cancellation.Token);
            return true;
        });
        _loop.Do(() => { });
        Assert.That(connecting.IsCompleted, Is.False);
        cancellation.Cancel();
        Assert.That(Assert.Catch<OperationCanceledException>(() => Wait.For(connecting))!.CancellationToken,
            Is.EqualTo(cancellation.Token));
        Assert.That(events.Next(), Is.EqualTo("close Closed"));
        Assert.Catch<OperationCanceledException>(() => OnLoop(async () =>
        {
            await new AsyncTcpConnection<ReadOnlyMemory<byte>>("tcp://slow.test:80").ConnectAsync(cancellation.Token);
            return true;
        }));
    }

    [Test]
    public void CancellationAfterwardsTouchesNothing()
    {
        using var peer = new Peer();
        using var cancellation = new CancellationTokenSource();
        ConnectionStatus status = OnLoop(async () =>
        {
            var connection = new AsyncTcpConnection<ReadOnlyMemory<byte>>(peer.Address);
            await connection.ConnectAsync(cancellation.Token);
            await cancellation.CancelAsync();
            await Timer.Sleep(0.01);
            return connection.Status;
        });
        Assert.That(status, Is.EqualTo(ConnectionStatus.Established));
    }

    [Test]
    public void ClosingOnTheWayAndTheEndOfTheLoopEndIt([Values] bool loopEnds)
    {
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = null!;
        Task<bool> connecting = Start(async () =>
        {
            connection = new AsyncTcpConnection<ReadOnlyMemory<byte>>("tcp://slow.test:80")
            {
                LookUp = _ => new TaskCompletionSource<IPAddress[]>().Task
            };
            await connection.ConnectAsync();
            return true;
        });
        _loop.Do(() => { });
        if (loopEnds) _loop.Loop.Stop();
        else connection.Close();
        Assert.That(Assert.Throws<SocketException>(() => Wait.For(connecting))!.Message, Does.Contain("closed on the way"));
    }

    private T OnLoop<T>(Func<Task<T>> work) => Wait.For(Start(work));

    private Task<T> Start<T>(Func<Task<T>> work)
    {
        var end = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.Loop.Post(async () =>
        {
            try
            {
                end.SetResult(await work());
            }
            catch (Exception e)
            {
                end.SetException(e);
            }
        });
        return end.Task;
    }
}
