using System.Net.Sockets;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Events;

/// <summary>
/// What every loop promises when several sockets have something at once: whether it makes a system call for each or one for all
/// must not show.
/// </summary>
[TestFixtureSource(typeof(Drivers), nameof(Drivers.Available))]
internal sealed class SeveralSocketsTests(Type loopType, bool ring)
{
    private readonly List<SocketPair> _pairs = [];
    private readonly List<Reader> _readers = [];
    private LoopRunner _runner = null!;

    [SetUp]
    public void Start() => _runner = new LoopRunner(loopType, ring);

    [TearDown]
    public void Stop()
    {
        _runner.Dispose();
        _pairs.ForEach(pair => pair.Dispose());
        _pairs.Clear();
        _readers.Clear();
    }

    /// <summary>
    /// More sockets than go into one call, messages shorter and longer than what is received ahead, twice each.
    /// </summary>
    [Test]
    public async Task EachReceivesItsOwn()
    {
        int seed = Random.Shared.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        Watch(300);
        List<byte[]> messages =
            [.. _pairs.Select(_ => new byte[random.Next(2) == 0 ? random.Next(1, 100) : random.Next(3000, 20_000)])];
        messages.ForEach(random.NextBytes);
        for (int round = 0; round < 2; round++)
        {
            InOnePoll(() =>
            {
                for (int i = 0; i < _pairs.Count; i++)
                    _pairs[i].Far.Send(messages[i].AsSpan(0, messages[i].Length / (2 - round)));
            });
            int expected = messages.Sum(message => message.Length / (2 - round));
            await Wait.Until(() => _runner.Ask(() => _readers.Sum(reader => reader.Bytes.Count)) == expected, "all bytes");
            for (int i = 0; i < _pairs.Count; i++)
                Assert.That(_readers[i].Bytes, Is.EqualTo(messages[i][..(messages[i].Length / (2 - round))]), $"socket {i}");
            _readers.ForEach(reader => reader.Bytes.Clear());
        }
    }

    [Test]
    public async Task OneThatAnEarlierHandlerDisposedOfIsNotCalled()
    {
        Watch(20);
        _readers.ForEach(reader => reader.First = () => _readers.ForEach(other =>
        {
            if (other != reader) other.Watch.Close(reset: false);
        }));
        InOnePoll(() => SendToAll("x"u8));
        await Wait.Until(() => _runner.Ask(() => _readers.Sum(reader => reader.Calls)) > 0, "one of them");
        for (int i = 0; i < 5; i++) _runner.Do(() => { });
        Assert.That(_readers.Sum(reader => reader.Calls), Is.EqualTo(1));
        Assert.That(_readers.Sum(reader => reader.Bytes.Count), Is.EqualTo(1));
    }

    /// <summary>Its event comes alone the next time, and what was received with the others is old.</summary>
    [Test]
    public async Task WhatWasReceivedOnceIsNotHandedOutAgain()
    {
        Watch(20);
        _readers[0].First = () =>
        {
            _readers[0].First = null;
            _readers.Skip(1).ToList().ForEach(other => other.Watch.Close(reset: false));
        };
        InOnePoll(() => SendToAll("one "u8));
        await Wait.Until(() => _runner.Ask(() => _readers[0].Bytes.Count) > 0, "the first bytes");
        _pairs[0].Far.Send("two"u8);
        await Wait.Until(() => _runner.Ask(() => _readers[0].Bytes.Count) >= 7, "the rest");
        Assert.That(_runner.Ask(() => _readers[0].Bytes.ToArray()), Is.EqualTo("one two"u8.ToArray()));
    }

    /// <summary>Who closes a socket has to know.</summary>
    [Test]
    public async Task OneWhoseHandlerHasNotBeenCalledYetHasUnreadBytes()
    {
        Watch(20);
        bool[]? unread = null;
        _readers.ForEach(reader => reader.First = () =>
            unread ??= [.. _readers.Where(other => other != reader).Select(other => other.Watch.HasUnread)]);
        InOnePoll(() => SendToAll("x"u8));
        await Wait.Until(() => _runner.Ask(() => _readers.Sum(reader => reader.Bytes.Count)) == 20, "all bytes");
        Assert.That(unread, Has.Length.EqualTo(19).And.All.True);
        Assert.That(_runner.Ask(() => _readers.Select(reader => reader.Watch.HasUnread).ToArray()), Is.All.False);
    }

    /// <summary>
    /// It may be told of what came before once more, and of nothing that comes after, until it is switched on: in any case
    /// nothing is lost.
    /// </summary>
    [Test]
    public async Task OneThatAnEarlierHandlerSwitchedOffLosesNothing()
    {
        Watch(20);
        bool isOff = false;
        _readers.ForEach(reader => reader.First = () =>
        {
            if (isOff) return;
            isOff = true;
            _readers.ForEach(other => other.Watch.ReadEnabled = other == reader);
        });
        InOnePoll(() => SendToAll("one "u8));
        await Wait.Until(() => _runner.Ask(() => isOff), "the first handler");
        for (int i = 0; i < 5; i++) _runner.Do(() => { });
        SendToAll("two"u8);
        int first = _runner.Ask(() => _readers.FindIndex(reader => reader.Watch.ReadEnabled));
        await Wait.Until(() => _runner.Ask(() => _readers[first].Bytes.Count) == 7, "what the first gets");
        Assert.That(_readers.Where((_, i) => i != first).Select(reader => reader.Bytes.Count), Is.All.LessThanOrEqualTo(4));
        _runner.Do(() => _readers.ForEach(reader => reader.Watch.ReadEnabled = true));
        await Wait.Until(() => _runner.Ask(() => _readers.Sum(reader => reader.Bytes.Count)) == 20 * 7, "the rest");
        Assert.That(_readers.Select(reader => reader.Bytes), Is.All.EqualTo("one two"u8.ToArray()));
    }

    [Test]
    public async Task EndsAndResetsAreToldAmongBytes()
    {
        Watch(30);
        InOnePoll(() =>
        {
            for (int i = 0; i < 30; i++)
            {
                Socket far = _pairs[i].Far;
                if (i % 3 == 0) far.Send("x"u8);
                else if (i % 3 == 1) far.Shutdown(SocketShutdown.Send);
                else
                {
                    far.LingerState = new LingerOption(true, 0);
                    far.Close();
                }
            }
        });
        await Wait.Until(() => _runner.Ask(() => _readers.All(reader => reader.Outcome.Length > 0)), "all outcomes");
        Assert.That(_readers.Select(reader => reader.Outcome), Is.EqualTo(Enumerable.Range(0, 30).Select(i => (i % 3) switch
        {
            0 => "bytes",
            1 => "end",
            _ => nameof(SocketError.ConnectionReset)
        })));
    }

    [Test]
    public async Task HandlerThatThrowsTakesNobodyWithIt()
    {
        Watch(20);
        _readers[7].First = () => throw new InvalidOperationException("handler");
        InOnePoll(() => SendToAll("x"u8));
        await Wait.Until(() => _runner.Ask(() => _readers.Count(reader => reader.Bytes.Count == 1)) >= 19, "the others");
        Assert.That(_runner.Ask(() => _runner.Errors.Count), Is.GreaterThanOrEqualTo(1));
    }

    /// <summary>Who does not say that it receives at once finds everything where it was.</summary>
    [Test]
    public async Task HandlersThatTakeTheirTimeAreToldAgain()
    {
        Watch(20, receivesAtOnce: false);
        int calls = 0;
        _readers.ForEach(reader => reader.Skip = () => ++calls % 3 != 0);
        InOnePoll(() => SendToAll("abc"u8));
        await Wait.Until(() => _runner.Ask(() => _readers.Sum(reader => reader.Bytes.Count)) == 60, "all bytes");
        Assert.That(_readers.Select(reader => reader.Bytes), Is.All.EqualTo("abc"u8.ToArray()));
    }

    [Test]
    public void SendsToAllAtOnce()
    {
        Watch(300);
        byte[] bytes = [.. Enumerable.Range(0, 300).SelectMany(i => BitConverter.GetBytes(i))];
        SocketSend[] sends = _runner.Ask(() =>
        {
            SocketSend[] all = [.. _readers.Select((reader, i) => new SocketSend(reader.Watch, 4 * i, 4))];
            _runner.Loop.SendAll(bytes, all);
            return all;
        });
        Assert.That(sends.Select(send => (send.Sent, send.Error)), Is.All.EqualTo((4, SocketError.Success)));
        byte[] received = new byte[4];
        for (int i = 0; i < 300; i++)
        {
            for (int count = 0; count < 4;) count += _pairs[i].Far.Receive(received, count, 4 - count, SocketFlags.None);
            Assert.That(BitConverter.ToInt32(received), Is.EqualTo(i));
        }
    }

    [Test]
    public void WhatBecameOfEachSendIsToldInItsPlace()
    {
        _pairs.Add(new SocketPair());
        _pairs.Add(SocketPair.Unix());
        Watch(3);
        byte[] bytes = new byte[16 * 1024 * 1024];
        foreach (int length in new[] { bytes.Length, 1 })
            for (SocketError error = SocketError.Success; error == SocketError.Success;)
                _pairs[1].Near.Send(bytes, 0, length, SocketFlags.None, out error);
        _pairs[3].Near.Shutdown(SocketShutdown.Send);
        SocketSend[] sends = _runner.Ask(() =>
        {
            SocketSend[] all = [.. _readers.Select((reader, i) => new SocketSend(reader.Watch, 0, i == 2 ? bytes.Length : 3))];
            _runner.Loop.SendAll(bytes, all);
            return all;
        });
        Assert.That(sends.Select(send => send.Error), Is.EqualTo(new[] { SocketError.Success, SocketError.WouldBlock,
            SocketError.Success, SocketError.Shutdown, SocketError.Success }));
        Assert.That(sends.Select(send => send.Sent).Where((_, i) => i != 2), Is.EqualTo(new[] { 3, 0, 0, 3 }));
        Assert.That(sends[2].Sent, Is.InRange(1, bytes.Length - 1), "what the socket had room for");
    }

    [Test]
    public void NoneAndOneAreSentToo()
    {
        Watch(1);
        SocketSend[] one = _runner.Ask(() =>
        {
            _runner.Loop.SendAll("x"u8, []);
            SocketSend[] all = [new SocketSend(_readers[0].Watch, 1, 2)];
            _runner.Loop.SendAll("abc"u8, all);
            return all;
        });
        Assert.That(one[0].Sent, Is.EqualTo(2));
        byte[] received = new byte[10];
        Assert.That(_pairs[0].Far.Receive(received), Is.EqualTo(2));
        Assert.That(received[..2], Is.EqualTo("bc"u8.ToArray()));
    }

    [Test]
    public void WrongRangeIsRefusedAndSpoilsNothing()
    {
        Watch(2);
        SocketSend[] Sends(int offset, int length) =>
            [new SocketSend(_readers[0].Watch, 0, 1), new SocketSend(_readers[1].Watch, offset, length)];
        foreach ((int offset, int length) in new[] { (3, 1), (0, 4), (-1, 1), (1, -1), (int.MaxValue, int.MaxValue) })
            Assert.That(() => _runner.Do(() => _runner.Loop.SendAll("abc"u8, Sends(offset, length))),
                Throws.InstanceOf<ArgumentOutOfRangeException>(), $"{offset}, {length}");
        _runner.Do(() => _runner.Loop.SendAll("abc"u8, Sends(1, 2)));
        byte[] received = new byte[10];
        Assert.That(_pairs[1].Far.Receive(received), Is.EqualTo(2));
        Assert.That(received[..2], Is.EqualTo("bc"u8.ToArray()));
    }

    [Test]
    public void SendsAlsoOnceTheLoopHasEnded()
    {
        Watch(2);
        SendSomething();
        _runner.Dispose();
        SendSomething();
        byte[] received = new byte[4];
        for (int count = 0; count < 4;) count += _pairs[1].Far.Receive(received, count, 4 - count, SocketFlags.None);
        Assert.That(received, Is.EqualTo("bcbc"u8.ToArray()));

        void SendSomething()
        {
            void Send() =>
                _runner.Loop.SendAll("abc"u8, [new SocketSend(_readers[0].Watch, 0, 1), new SocketSend(_readers[1].Watch, 1, 2)]);
            if (_runner.Loop.HasEnded) Send();
            else _runner.Do(Send);
        }
    }

    private void Watch(int count, bool receivesAtOnce = true)
    {
        for (int i = 0; i < count; i++) _pairs.Add(new SocketPair());
        _runner.Do(() =>
        {
            foreach (SocketPair pair in _pairs)
            {
                var reader = new Reader(receivesAtOnce);
                reader.Watch = _runner.Loop.Watch(pair.Near, reader);
                _readers.Add(reader);
            }
        });
    }

    private void SendToAll(ReadOnlySpan<byte> bytes)
    {
        foreach (SocketPair pair in _pairs) pair.Far.Send(bytes);
    }

    /// <summary>Does something while the loop looks away, so that it finds all of it in its next poll.</summary>
    private void InOnePoll(Action action)
    {
        using var away = new ManualResetEventSlim();
        using var back = new ManualResetEventSlim();
        _runner.Loop.Post(() =>
        {
            away.Set();
            back.Wait(Wait.Limit);
        });
        Assert.That(away.Wait(Wait.Limit));
        action();
        back.Set();
    }

    private sealed class Reader(bool receivesAtOnce) : ISocketHandler
    {
        private readonly byte[] _buffer = new byte[8192];

        public List<byte> Bytes { get; } = [];

        public ILoopSocket Watch { get; set; } = null!;

        /// <summary>Done before it keeps what it has received.</summary>
        public Action? First { get; set; }

        /// <summary>Whether not to receive this time.</summary>
        public Func<bool>? Skip { get; set; }

        public int Calls { get; private set; }

        public string Outcome { get; private set; } = "";

        public bool ReceivesAtOnce => receivesAtOnce;

        public void OnReadable()
        {
            Calls++;
            if (Skip?.Invoke() == true) return;
            int count = Watch.Receive(_buffer, out SocketError error);
            if (error == SocketError.WouldBlock) return;
            Outcome = error != SocketError.Success ? $"{error}" : count == 0 ? "end" : "bytes";
            if (Outcome != "bytes")
            {
                Watch.Dispose();
                return;
            }
            First?.Invoke();
            Bytes.AddRange(_buffer.AsSpan(0, count));
        }

        public void OnSent(int count, SocketError error)
        {
        }

        public void OnHangup()
        {
        }
    }
}
