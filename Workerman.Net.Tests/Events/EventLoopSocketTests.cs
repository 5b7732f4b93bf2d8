using System.Net;
using System.Net.Sockets;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Events;

/// <summary>What every loop promises about sockets.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class EventLoopSocketTests(Type loopType)
{
    private LoopRunner _runner = null!;
    private SocketPair _pair = null!;
    private readonly RecordingHandler _handler = new();
    private readonly byte[] _buffer = new byte[4096];

    private EventLoop Loop => _runner.Loop;

    [SetUp]
    public void Start()
    {
        _runner = new LoopRunner(loopType);
        _pair = new SocketPair();
    }

    [TearDown]
    public void Stop()
    {
        _runner.Dispose();
        _pair.Dispose();
    }

    [Test]
    public async Task TellsAgainAsLongAsThereIsSomethingToRead()
    {
        var bytes = new List<byte>();
        Watch(() =>
        {
            int count = _pair.Near.Receive(_buffer.AsSpan(0, 1), SocketFlags.None, out _);
            bytes.AddRange(_buffer.AsSpan(0, count));
        });
        _pair.Far.Send("abc"u8);
        await Wait.Until(() => _runner.Ask(() => bytes.Count) == 3, "three bytes, one a time");
        Assert.That(bytes, Is.EqualTo("abc"u8.ToArray()));
    }

    [Test]
    public async Task TellsTheEndOfThePeer()
    {
        int? count = null;
        ILoopSocket watch = null!;
        watch = Watch(() =>
        {
            count = _pair.Near.Receive(_buffer, SocketFlags.None, out _);
            watch.Dispose();
        });
        _pair.Far.Shutdown(SocketShutdown.Send);
        await Wait.Until(() => _runner.Ask(() => count) is not null, "the end");
        Assert.That(count, Is.Zero);
    }

    [Test]
    public async Task IsQuietWhileReadingIsOffAndCatchesUp()
    {
        int reads = 0;
        ILoopSocket watch = Watch(() =>
        {
            reads++;
            _pair.Near.Receive(_buffer, SocketFlags.None, out _);
        });
        _runner.Do(() => watch.ReadEnabled = false);
        _pair.Far.Send("x"u8);
        await LoopTurns.Pass(Loop);
        Assert.That(_runner.Ask(() => reads), Is.Zero);
        _runner.Do(() => watch.ReadEnabled = true);
        await Wait.Until(() => _runner.Ask(() => reads) == 1, "the byte that waited");
    }

    [Test]
    public async Task NothingIsToldAfterTheWatchWasDisposedOf()
    {
        int reads = 0;
        ILoopSocket watch = Watch(() => reads++);
        _runner.Do(watch.Dispose);
        _pair.Far.Send("x"u8);
        await LoopTurns.Pass(Loop);
        Assert.That(_runner.Ask(() => reads), Is.Zero);
        _runner.Do(watch.Dispose);
    }

    /// <summary>
    /// Two sockets ready in one poll; the first one's handler closes the second, and its descriptor is taken again.
    /// </summary>
    [Test]
    public async Task EventOfASocketThatWasClosedInTheSameTurnIsNotToldToItsSuccessor()
    {
        using var second = new SocketPair();
        using var successor = new SocketPair();
        int stale = 0;
        int first = 0;
        var blocked = new ManualResetEventSlim();
        var release = new ManualResetEventSlim();
        _runner.Do(() =>
        {
            ILoopSocket a = null!;
            ILoopSocket b = null!;
            void CloseTheOther(ILoopSocket other, Socket socket)
            {
                if (first++ > 0)
                {
                    stale++;
                    return;
                }
                a.Dispose();
                b.Dispose();
                socket.Dispose();
                // Most likely on the descriptor and in the slot that were just given back.
                Loop.Watch(successor.Near, new RecordingHandler { Readable = () => stale++ });
            }
            a = Loop.Watch(_pair.Near, new RecordingHandler { Readable = () => CloseTheOther(b, second.Near) });
            b = Loop.Watch(second.Near, new RecordingHandler { Readable = () => CloseTheOther(a, _pair.Near) });
        });
        Loop.Post(() =>
        {
            blocked.Set();
            release.Wait(Wait.Limit);
        });
        Assert.That(blocked.Wait(Wait.Limit));
        _pair.Far.Send("x"u8);
        second.Far.Send("x"u8);
        release.Set();
        await Wait.Until(() => _runner.Ask(() => first) > 0, "one of the two");
        await LoopTurns.Pass(Loop);
        Assert.That(_runner.Ask(() => (first, stale)), Is.EqualTo((1, 0)));
    }

    [Test]
    public async Task SendsWhenThePeerReadsAgain()
    {
        var sent = new TaskCompletionSource<int>();
        byte[] chunk = new byte[64 * 1024];
        long before = 0;
        _handler.Sent = (count, error) => sent.SetResult(error == SocketError.Success ? count : -1);
        ILoopSocket watch = Watch(() => { });
        _runner.Do(() =>
        {
            SocketError error = SocketError.Success;
            while (error == SocketError.Success) before += Math.Max(0, _pair.Near.Send(chunk, SocketFlags.None, out error));
            watch.SendWhenWritable("last words"u8.ToArray());
        });
        await LoopTurns.Pass(Loop);
        Assert.That(sent.Task.IsCompleted, Is.False, "nobody reads yet");
        long received = 0;
        while (received < before + 10) received += _pair.Far.Receive(chunk);
        Assert.That(Wait.For(sent.Task), Is.EqualTo(10));
    }

    [Test]
    public void SendThatFailsIsTold()
    {
        var sent = new TaskCompletionSource<SocketError>();
        _handler.Sent = (_, error) => sent.TrySetResult(error);
        ILoopSocket watch = Watch(() => { });
        _runner.Do(() =>
        {
            watch.ReadEnabled = false;
            _pair.Near.Shutdown(SocketShutdown.Send);
            watch.SendWhenWritable("x"u8.ToArray());
        });
        Assert.That(Wait.For(sent.Task), Is.Not.EqualTo(SocketError.Success));
    }

    [Test]
    public void ThrowingHandlerIsReportedAndTheLoopLivesOn()
    {
        ILoopSocket watch = null!;
        watch = Watch(() =>
        {
            watch.Dispose();
            throw new InvalidOperationException("handler");
        });
        _pair.Far.Send("x"u8);
        Assert.That(async () => await Wait.Until(() => _runner.Ask(() => _runner.Errors.Count) == 1, "the report"),
            Throws.Nothing);
        Assert.That(_runner.Errors[0].Message, Is.EqualTo("handler"));
    }

    [Test]
    public async Task AcceptsConnectionsThatDoNotBlock()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var accepted = new List<Socket>();
        ILoopListener watch = _runner.Ask(() => Loop.Accept(listener.Server, new AcceptHandler(accepted.Add)));
        var clients = Enumerable.Range(0, 50).Select(_ => new TcpClient("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port))
            .ToList();
        await Wait.Until(() => _runner.Ask(() => accepted.Count) == 50, "fifty connections");
        Assert.That(accepted.Select(socket => socket.Blocking), Is.All.False);
        _runner.Do(watch.Dispose);
        accepted.ForEach(socket => socket.Dispose());
        clients.ForEach(client => client.Dispose());
    }

    /// <summary>With eight in a turn, as at first, they would take a hundred.</summary>
    [Test]
    public async Task AcceptsManyThatWaitWithinAFewTurns()
    {
        const int Many = 800;
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start(Many);
        var clients = Enumerable.Range(0, Many)
            .Select(_ => new TcpClient("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port)).ToList();
        var accepted = new List<Socket>();
        int turns = 0;
        Turns count = null!;
        count = new Turns(() =>
        {
            if (accepted.Count == Many) return;
            turns++;
            Loop.ContinueNextTurn(count);
        });
        ILoopListener watch = _runner.Ask(() =>
        {
            Loop.ContinueNextTurn(count);
            return Loop.Accept(listener.Server, new AcceptHandler(accepted.Add));
        });
        await Wait.Until(() => _runner.Ask(() => accepted.Count) == Many, "all connections");
        // On a busy machine the time of a turn passes before as many are accepted as it has room for.
        Assert.That(_runner.Ask(() => turns), Is.LessThan(Many / 16));
        _runner.Do(watch.Dispose);
        accepted.ForEach(socket => socket.Dispose());
        clients.ForEach(client => client.Dispose());
    }

    [Test]
    public async Task LeavesConnectionsWaitingWhileAcceptingIsOff()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var accepted = new List<Socket>();
        ILoopListener watch = _runner.Ask(() => Loop.Accept(listener.Server, new AcceptHandler(accepted.Add)));
        _runner.Do(() => watch.Enabled = false);
        using var client = new TcpClient("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port);
        await LoopTurns.Pass(Loop);
        Assert.That(_runner.Ask(() => accepted.Count), Is.Zero);
        _runner.Do(() => watch.Enabled = true);
        await Wait.Until(() => _runner.Ask(() => accepted.Count) == 1, "the one that waited");
        _runner.Do(watch.Dispose);
        accepted[0].Dispose();
    }

    private ILoopSocket Watch(Action readable)
    {
        _handler.Readable = readable;
        return _runner.Ask(() => Loop.Watch(_pair.Near, _handler));
    }

    private sealed class Turns(Action turn) : IContinuedWork
    {
        public void Continue() => turn();
    }

    private sealed class AcceptHandler(Action<Socket> accepted) : IAcceptHandler
    {
        public void OnAccepted(ConnectedSocket socket) => accepted(socket.ToSocket());

        public void OnAcceptError(SocketError error) => Assert.Fail($"{error}");
    }
}
