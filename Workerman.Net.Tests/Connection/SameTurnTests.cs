using System.Net;
using System.Net.Sockets;
using System.Text;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// Several connections whose bytes are there in the same turn: the loop may have received for all of them before the first
/// callback runs, and may send for all of them at once. What one callback does to the others counts all the same.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class SameTurnTests(Type loopType)
{
    private const int Count = 150;

    private readonly List<TcpConnection> _connections = [];
    private readonly Dictionary<TcpConnection, StringBuilder> _received = [];
    private readonly List<RawClient> _clients = [];
    private readonly ManualResetEventSlim _away = new();
    private readonly ManualResetEventSlim _back = new();
    private Action<TcpConnection>? _first;
    private volatile int _closed;

    [TearDown]
    public void Stop() => _clients.ForEach(client => client.Dispose());

    [Test]
    public async Task ConnectionsThatAreDestroyedByAnotherHearNoMore()
    {
        await using TestServer server = await Start();
        _first = connection => Others(connection).ForEach(other => other.Destroy());
        SendInOneTurn(server, "x");
        await Wait.Until(() => _closed == Count - 1, "the ends");
        Assert.That(Ask(() => _received.Values.Count(text => text.Length > 0)), Is.EqualTo(1));
        int survivor = Ask(() => _connections.FindIndex(connection => _received[connection].Length > 0));
        for (int i = 0; i < Count; i++)
        {
            if (i != survivor) Assert.That(EndOf(_clients[i]), Is.AnyOf("end", "ConnectionReset"));
        }
        _clients[survivor].Send("two");
        TcpConnection last = _connections[survivor];
        await Wait.Until(() => Ask(() => _received[last].Length) >= 4, "what comes alone");
        Assert.That(Ask(() => $"{_received[last]}"), Is.EqualTo("xtwo"));
    }

    [Test]
    public async Task ConnectionsThatArePausedByAnotherHearItWhenTheyResume()
    {
        await using TestServer server = await Start();
        _first = connection => Others(connection).ForEach(other => other.PauseRecv());
        SendInOneTurn(server, "one ");
        foreach (RawClient client in _clients) client.Send("two");
        await Wait.Until(() => Ask(() => _received.Values.Any(text => text.Length > 0)), "the one that comes first");
        TcpConnection first = Ask(() => _connections.First(connection => _received[connection].Length > 0));
        await Wait.Until(() => Ask(() => $"{_received[first]}") == "one two", "what the first has got");
        Assert.That(Ask(() => _received.Values.Count(text => text.Length > 0)), Is.EqualTo(1));
        first.Loop.Post(() => _connections.ForEach(connection => connection.ResumeRecv()));
        await Wait.Until(() => Ask(() => _received.Values.All(text => text.Length == 7)), "the rest");
        Assert.That(_received.Values.Select(text => $"{text}"), Is.All.EqualTo("one two"));
    }

    /// <summary>
    /// What others have received is given to them after a handler that has failed, and their answers are theirs.
    /// </summary>
    [Test]
    public async Task CallbackThatThrowsTakesNobodyWithIt()
    {
        await using TestServer server = await Start(answers: true);
        _first = _ => throw new InvalidOperationException("callback");
        SendInOneTurn(server, "x");
        // Else the one whose callback fails may find both at once.
        await Wait.Until(() => Ask(() => _received.Values.Count(text => text.Length > 0)) == Count - 1,
            "what the others have got");
        for (int i = 0; i < Count; i++) _clients[i].Send("y");
        int answered = 0;
        for (int i = 0; i < Count; i++)
        {
            string text = _clients[i].ReadUntil("y;");
            if (text is "x;y;" or "xy;") answered++;
            else Assert.That(text, Is.EqualTo("y;"));
        }
        Assert.That(answered, Is.EqualTo(Count - 1), "all but the one whose callback has failed");
        Assert.That(server.Log.Text, Does.Contain("callback"));
    }

    /// <summary>
    /// Two halves of a block for each connection leave together until the sockets are full, each at its own time. What a callback
    /// sends meanwhile, and what has to wait, keeps its place.
    /// </summary>
    [Test]
    public async Task FullSocketsKeepTheOrderOfWhatIsSent()
    {
        const int Receivers = 8;
        var expected = new Dictionary<TcpConnection, List<string>>();
        int full = 0;
        void Send(TcpConnection connection, string text)
        {
            // Entered before it is sent: that may call back, and what is sent there comes later.
            List<string> texts = expected[connection];
            int place = texts.Count;
            texts.Add(text);
            if (connection.Send(text) == SendResult.Dropped) texts[place] = "";
        }
        await using TestServer server = TestServer.Raw(loopType, (_, _) => { }, worker =>
        {
            worker.OnConnect = connection =>
            {
                connection.MaxSendBufferSize = 20_000;
                expected[connection] = [];
                _connections.Add(connection);
            };
            worker.OnBufferFull = connection =>
            {
                full++;
                foreach (TcpConnection other in _connections) Send(other, $"[{_connections.IndexOf(connection)} is full]");
            };
        });
        for (int i = 0; i < Receivers; i++) _clients.Add(new RawClient(server.EndPoint, receiveBufferSize: 4096 << (i % 3)));
        await Wait.Until(() => _connections.Count == Receivers, "the connections");
        // Eight of them are less than what leaves before the end of the turn.
        for (int block = 0; Ask(() => full) < Receivers; block++)
        {
            Assert.That(block, Is.LessThan(100_000), "the sockets never fill");
            string dots = new('.', 3500);
            Ask(() =>
            {
                foreach (TcpConnection connection in _connections) Send(connection, $"<{block} {dots}");
                foreach (TcpConnection connection in _connections) Send(connection, $"{dots}>");
                return true;
            });
        }
        Ask(() =>
        {
            // In any case: the last words are not dropped.
            foreach (TcpConnection connection in _connections) connection.MaxSendBufferSize = int.MaxValue;
            foreach (TcpConnection connection in _connections) Send(connection, "end");
            return true;
        });
        string[] texts = await Task.WhenAll(_clients.Select(client => Task.Run(() => client.ReadUntil("end"))));
        string[] wanted = Ask(() => _connections.Select(connection => string.Concat(expected[connection])).ToArray());
        for (int i = 0; i < Receivers; i++) Assert.That(texts, Does.Contain(wanted[i]), $"connection {i} of {full} full ones");
    }

    [Test]
    public async Task NobodyIsToldThatAConnectionIsFullThatIsClosed()
    {
        const int Receivers = 8;
        var told = new List<ConnectionStatus>();
        await using TestServer server = TestServer.Raw(loopType, (_, _) => { }, worker =>
        {
            worker.OnConnect = connection =>
            {
                connection.MaxSendBufferSize = 1;
                _connections.Add(connection);
            };
            worker.OnBufferFull = connection =>
            {
                told.Add(connection.Status);
                Others(connection).ForEach(other => other.Destroy());
            };
        });
        for (int i = 0; i < Receivers; i++) _clients.Add(new RawClient(server.EndPoint, receiveBufferSize: 4096));
        await Wait.Until(() => _connections.Count == Receivers, "the connections");
        string block = new('.', 7000);
        while (Ask(() => told.Count) == 0)
        {
            Ask(() =>
            {
                foreach (TcpConnection connection in _connections) connection.Send(block);
                return true;
            });
        }
        Assert.That(told, Is.EqualTo(new[] { ConnectionStatus.Established }));
    }

    private List<TcpConnection> Others(TcpConnection connection) => [.. _connections.Where(other => other != connection)];

    private async Task<TestServer> Start(bool answers = false)
    {
        TestServer server = TestServer.Raw(loopType, (connection, bytes) =>
        {
            string text = Encoding.ASCII.GetString(bytes.Span);
            if (text == "hold")
            {
                _away.Set();
                _back.Wait(Wait.Limit);
                return;
            }
            if (_first is { } first)
            {
                _first = null;
                first(connection);
            }
            _received[connection].Append(text);
            if (answers) connection.Send(text + ";");
        }, worker =>
        {
            worker.OnConnect = connection =>
            {
                if (_connections.Count == Count) return;
                _received[connection] = new StringBuilder();
                _connections.Add(connection);
            };
            worker.OnClose = connection => _closed += _received.ContainsKey(connection) ? 1 : 0;
        });
        for (int i = 0; i < Count; i++) _clients.Add(server.Connect());
        await Wait.Until(() => _connections.Count == Count, "the connections");
        // So that clients and connections have the same numbers.
        List<int> ports = [.. _clients.Select(client => ((IPEndPoint)client.Socket.LocalEndPoint!).Port)];
        _connections[0].Loop.Post(() => _connections.Sort((a, b) => ports.IndexOf(a.RemotePort) - ports.IndexOf(b.RemotePort)));
        return server;
    }

    /// <summary>Each client sends while the loop is held, so that it finds all of it in its next turn.</summary>
    private void SendInOneTurn(TestServer server, string text)
    {
        using RawClient holder = server.Connect();
        holder.Send("hold");
        Assert.That(_away.Wait(Wait.Limit));
        foreach (RawClient client in _clients) client.Send(text);
        _back.Set();
        // The first may still belong to the turn that was held; before the second there was a poll.
        Ask(() => true);
        Ask(() => true);
    }

    private T Ask<T>(Func<T> question)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _connections[0].Loop.Post(() =>
        {
            try
            {
                answer.SetResult(question());
            }
            catch (Exception e)
            {
                answer.SetException(e);
            }
        });
        return Wait.For(answer.Task);
    }

    private static string EndOf(RawClient client)
    {
        try
        {
            return client.ReadToEnd().Length == 0 ? "end" : "bytes";
        }
        catch (SocketException e)
        {
            return $"{e.SocketErrorCode}";
        }
    }
}
