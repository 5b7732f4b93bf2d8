using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// Callbacks that cause others of their kind do not nest: however many peers do not read, the stack has one of them.
/// </summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class NestedCallbackTests
{
    /// <summary>With a call on the stack for each, the process would end.</summary>
    private const int Peers = 20_000;

    private readonly MemoryLoop _loop = new() { FlushesAtOnce = true };
    private readonly List<MemoryConnection> _all = [];
    private readonly List<int> _called = [];
    private int _depth;
    private int _deepest;

    [Test]
    public void BuffersThatFillBecauseOneIsFull()
    {
        Open((connection, next) => connection.OnBufferFull = _ => Note(connection, () => next?.Send("xx")));
        _loop.Do(() => _all[0].Connection.Send("xx"));
        AssertAllAreCalled();
    }

    [Test]
    public void SendsThatAreDroppedBecauseOneWasDropped()
    {
        Open((connection, next) => connection.OnError = (_, _, _) => Note(connection, () => next?.Send("xx")));
        _loop.Do(() => _all.ForEach(one => one.Connection.Send("xx")));
        _loop.Do(() => _all[0].Connection.Send("xx"));
        AssertAllAreCalled();
    }

    [Test]
    public void PeersThatAreGoneBecauseOneIsGone()
    {
        Open((connection, next) => connection.OnError = (_, _, _) => Note(connection, () => next?.Send("xx")));
        foreach (MemoryConnection one in _all) one.Socket.SendError = SocketError.ConnectionReset;
        _loop.Do(() => _all[0].Connection.Send("xx"));
        AssertAllAreCalled();
    }

    [Test]
    public void ConnectionsThatCloseBecauseOneHasClosed()
    {
        Open((connection, next) => connection.OnClose = _ => Note(connection, () => next?.Destroy()));
        _loop.Do(() => _all[0].Connection.Destroy());
        AssertAllAreCalled();
    }

    [Test]
    public void BuffersThatDrainAndFillTheNext()
    {
        Open((connection, next) => connection.OnBufferDrain = _ => Note(connection, () => next?.Send("xx")));
        foreach (MemoryConnection one in _all) one.Socket.Room = 1;
        _loop.Do(() => _all[0].Connection.Send("xx"));
        foreach (MemoryConnection one in _all) one.Socket.MakeRoom();
        // The last of them drains nothing: it is sent what finds room.
        for (int i = 0; i < 10; i++) _loop.Turn();
        Assert.That((_called, _deepest), Is.EqualTo((new List<int> { 0 }, 1)));
    }

    [Test]
    public void ErrorThatWaitedIsToldBeforeTheEnd()
    {
        Open((connection, next) => connection.OnBufferFull = _ => Note(connection, () => next?.Send("xx")), count: 2);
        _all[1].Socket.SendError = SocketError.ConnectionReset;
        _all[0].Connection.OnBufferFull += _ => _all[1].Connection.Destroy();
        _loop.Do(() => _all[0].Connection.Send("xx"));
        _loop.TurnUntilNothingHappens();
        Assert.That(_all[1].Events, Is.EqualTo(new List<string> { "gone", "error SendFail: client closed", "close", "freed" }));
    }

    [Test]
    public void TwoThatAnswerEachOtherDoNotHoldTheLoop()
    {
        Open((connection, next) => connection.OnError = (_, _, _) => Note(connection,
            () => (next ?? _all[0].Connection).Send("x")),
            count: 2);
        _loop.Do(() => _all.ForEach(one => one.Connection.Send("xx")));
        _loop.Do(() => _all[0].Connection.Send("x"));
        int before = _called.Count;
        _loop.Turn();
        Assert.That(_called.Count - before, Is.EqualTo(TurnBudget.MaxMessages), "and they go on in the next turn");
        Assert.That(_deepest, Is.EqualTo(1));
    }

    [Test]
    public void BufferThatHasDrainedMeanwhileIsNotToldToBeFull()
    {
        Open((connection, next) => connection.OnBufferFull = _ => Note(connection, () => next?.Send("xx")), count: 2);
        _loop.Do(() => _all[0].Connection.Send("xx"));
        // Before its turn has come.
        _all[1].Socket.MakeRoom();
        _loop.TurnUntilNothingHappens();
        Assert.That((_called, _all[1].Events), Is.EqualTo((new List<int> { 0 }, new List<string> { "drain" })));
    }

    /// <summary>Connections to peers that do not read, each of which knows the next.</summary>
    private void Open(Action<TcpConnection, TcpConnection?> setUp, int count = Peers)
    {
        var buffers = new ConnectionBuffers(_loop);
        for (int i = 0; i < count; i++)
        {
            _all.Add(MemoryConnection.Raw(loop: _loop, buffers: buffers));
            _all[i].Socket.Room = 0;
            _all[i].Connection.MaxSendBufferSize = 1;
        }
        for (int i = 0; i < count; i++) setUp(_all[i].Connection, i + 1 < count ? _all[i + 1].Connection : null);
    }

    private void Note(TcpConnection connection, Action causes)
    {
        _called.Add(_all.FindIndex(_called.Count == 0 ? 0 : _called[^1], one => one.Connection == connection) is >= 0 and int at
            ? at
            : 0);
        _deepest = Math.Max(_deepest, ++_depth);
        causes();
        _depth--;
    }

    private void AssertAllAreCalled()
    {
        for (int i = 0; i <= Peers / TurnBudget.MaxMessages && _called.Count < Peers; i++) _loop.Turn();
        Assert.That(_called, Is.EqualTo(Enumerable.Range(0, Peers)));
        Assert.That(_deepest, Is.EqualTo(1));
    }
}
