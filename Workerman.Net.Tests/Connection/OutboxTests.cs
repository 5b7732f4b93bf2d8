using System.Buffers;
using System.Diagnostics;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// What is sent outside a connection's own read batch: it leaves at the end of the turn, and nothing overtakes it.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class OutboxTests(Type loopType)
{
    [Test]
    public async Task SeveralSendsOfATimerArriveInOrder()
    {
        await using TestServer server = TwoClients((a, b) =>
        {
            a.Send("1");
            a.Send("2");
            b.Send("x");
            a.Send("3");
            b.Send("y");
        });
        using RawClient first = server.Connect();
        using RawClient second = server.Connect();
        Assert.That((first.ReadExactly(3), second.ReadExactly(2)), Is.EqualTo(("123", "xy")));
    }

    [Test]
    public async Task WhatWasSentBeforeTheEndArrives([Values("close", "close with last words", "end", "destroy")] string how)
    {
        await using TestServer server = TwoClients((a, b) =>
        {
            b.Send("before");
            a.Send("1");
            switch (how)
            {
                case "close": a.Close(); break;
                case "close with last words": a.Close("2"); break;
                case "end": a.End(); break;
                default: a.Destroy(); break;
            }
            b.Send(" after");
            a.Send("never");
        });
        using RawClient first = server.Connect();
        using RawClient second = server.Connect();
        Assert.That(first.ReadToEnd(), Is.EqualTo(how == "close with last words" ? "12" : "1"));
        Assert.That(second.ReadExactly(12), Is.EqualTo("before after"));
    }

    /// <summary>More than the outbox holds back.</summary>
    [Test]
    public async Task MuchAtOnceArrivesWhole()
    {
        string piece = new('p', 1000);
        await using TestServer server = TwoClients((a, b) =>
        {
            for (int i = 0; i < 300; i++)
            {
                a.Send(piece);
                b.Send(piece);
            }
            a.Send("end");
            b.Send("end");
        });
        using RawClient first = server.Connect();
        using RawClient second = server.Connect();
        Task<string> other = Task.Run(() => second.ReadExactly(300_003));
        Assert.That(first.ReadExactly(300_003), Does.EndWith("ppend"));
        Assert.That(Wait.For(other), Does.EndWith("ppend"));
    }

    /// <summary>Neither for the end of the turn nor for the next send.</summary>
    [Test]
    public async Task WhatACallbackSentDoesNotWaitForTheNextCallback()
    {
        var arrived = new TaskCompletionSource();
        await using TestServer server = TwoClients((a, b) =>
        {
            // In the next turn both are due at once.
            Timer.Delay(0.001, () =>
            {
                a.Send("x");
                Hold(TimeSpan.FromMilliseconds(5));
            });
            Timer.Delay(0.001, () => b.Send(arrived.Task.Wait(Wait.Limit) ? "seen" : "late"));
            Hold(TimeSpan.FromMilliseconds(5));
        });
        using RawClient first = server.Connect();
        using RawClient second = server.Connect();
        Assert.That(first.ReadExactly(1), Is.EqualTo("x"));
        arrived.SetResult();
        Assert.That(second.ReadExactly(4), Is.EqualTo("seen"));
    }

    /// <summary>
    /// The other's bytes wait in the outbox when its own request comes in the same poll or a later one: they are older than its
    /// answer.
    /// </summary>
    [Test]
    public async Task AnswersDoNotOvertakeWhatOthersSentBefore()
    {
        TcpConnection? first = null;
        int number = 0;
        await using TestServer server = TestServer.Raw(loopType, (connection, bytes) =>
        {
            first!.Send($"{number++},");
            if (bytes.Span.Contains((byte)'q')) first.Send("end");
        }, worker => worker.OnConnect = connection => first ??= connection);
        using RawClient one = server.Connect();
        await Wait.Until(() => Volatile.Read(ref first) is not null, "the first connection");
        using RawClient two = server.Connect();
        for (int i = 0; i < 200; i++)
        {
            one.Send("x");
            two.Send("x");
        }
        one.Send("q");
        string received = one.ReadUntil("end");
        Assert.That(received,
            Is.EqualTo(string.Concat(Enumerable.Range(0, received.Count(c => c == ',')).Select(i => $"{i},")) + "end"));
    }

    /// <summary>An encoder of the application's may send something else while it is at work.</summary>
    [Test]
    public async Task EncoderThatSendsToAnotherConnectionMixesNothingUp()
    {
        TcpConnection? first = null;
        var worker = new Worker<string>("tcp://127.0.0.1:0")
        {
            Name = "test",
            Protocol = () => new Echoing(() => first),
            OnMessage = (_, _) => { },
            OnConnect = connection =>
            {
                if (first is null)
                {
                    first = connection;
                    return;
                }
                connection.Send("mine");
                connection.Send("too");
            },
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient one = server.Connect();
        await Wait.Until(() => Volatile.Read(ref first) is not null, "the first connection");
        using RawClient two = server.Connect();
        Assert.That((two.ReadExactly(9), one.ReadExactly(14)), Is.EqualTo(("<mine><too"[..9], "[saw mine][saw")));
    }

    private static void Hold(TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time) Thread.SpinWait(100);
    }

    /// <summary>Two clients, and what a timer does with their connections once both are there.</summary>
    private TestServer TwoClients(Action<TcpConnection, TcpConnection> act)
    {
        TcpConnection? first = null;
        return TestServer.Raw(loopType, (_, _) => { }, worker => worker.OnConnect = connection =>
        {
            if (first is null) first = connection;
            else Timer.Delay(0, () => act(first, connection));
        });
    }

    private sealed class Echoing(Func<TcpConnection?> other) : IProtocol<string>
    {
        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out string message)
        {
            input = input.Slice(input.End);
            message = "";
            return Verdict.Message;
        }

        public void Encode(string message, IBufferWriter<byte> output)
        {
            output.Write("<"u8);
            output.Write(System.Text.Encoding.ASCII.GetBytes(message));
            other()?.SendRaw($"[saw {message}]");
            output.Write(">"u8);
        }
    }
}
