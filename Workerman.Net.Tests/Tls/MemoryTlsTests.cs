using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;
using Workerman.Tls;

namespace Workerman.Tests.Tls;

/// <summary>
/// Encrypted connections without a kernel, a client's and a server's: however their records are cut, whatever the socket takes at
/// a time, and wherever it breaks, both see the same bytes and the same end.
/// </summary>
internal sealed class MemoryTlsTests
{
    /// <summary>As much as is received at once.</summary>
    private const int Whole = 64 * 1024;

    private const byte Alert = 21;

    private static readonly SslProtocols[] Versions = [SslProtocols.Tls12, SslProtocols.Tls13];

    private readonly StringBuilder _toServer = new();
    private readonly StringBuilder _toClient = new();
    private MemoryConnection _server = null!;
    private MemoryConnection _client = null!;

    [TearDown]
    public void Check()
    {
        _server.AssertKeepsToTheContract();
        _client.AssertKeepsToTheContract();
    }

    [Test]
    public void BytesPassBothWaysHoweverTheirRecordsAreCut(
        [ValueSource(nameof(Versions))] SslProtocols version, [Values(1, 2, 5, 6, 700, Whole)] int size)
    {
        Open(version);
        Shuttle(size);
        Assert.That((_server.Events, _client.Events),
            Is.EqualTo((new List<string> { "secured" }, new List<string> { "secured" })));
        _server.Send("from the server");
        _client.Send("from the client");
        _server.Send(new string('s', 40_000));
        Shuttle(size);
        Assert.That($"{_toServer}", Is.EqualTo("from the client"));
        Assert.That($"{_toClient}", Is.EqualTo("from the server" + new string('s', 40_000)));
        Assert.That(_server.Connection.BytesWritten, Is.EqualTo(_server.Socket.Sent.Length));
        Assert.That(_client.Connection.BytesRead, Is.EqualTo(_server.Socket.Sent.Length));
    }

    [Test]
    public void ShortWritesOfCiphertextLoseNothing([ValueSource(nameof(Versions))] SslProtocols version,
        [Values(1, 7, 29, 1000, 16_500)] int piece)
    {
        Open(version);
        Shuttle(Whole);
        _server.Socket.Room = piece - 1;
        string text = string.Concat(Enumerable.Range(0, 400).Select(i => $"{i},"));
        for (int i = 0; i < 3; i++) Assert.That(_server.Send(text), Is.Not.EqualTo(SendResult.Dropped));
        Assert.That((_server.Connection.BufferIsEmpty, _server.Connection.SendBufferQueueSize > 0),
            Is.EqualTo((piece > 5000, piece <= 5000)));
        _server.Loop.TurnUntil(() => _server.Connection.BufferIsEmpty, () => _server.Socket.MakeRoom(piece));
        _server.Socket.MakeRoom();
        Shuttle(Whole);
        Assert.That($"{_toClient}", Is.EqualTo(text + text + text));
        Assert.That(_server.Events.Count(one => one == "drain"), Is.EqualTo(piece > 5000 ? 0 : 1));
        Assert.That(_server.Connection.BytesWritten, Is.EqualTo(_server.Socket.Sent.Length));
    }

    [Test]
    public void FileIsEncryptedAsTheSocketTakesIt([ValueSource(nameof(Versions))] SslProtocols version,
        [Values(3000, 70_000)] int piece)
    {
        using var folder = new TemporaryFolder();
        string content = string.Concat(Enumerable.Range(0, 40_000).Select(i => $"{i},"));
        string path = folder.Write("file", content);
        Open<Request>(version, new HttpProtocol(new HttpOptions()),
            (connection, _) => connection.Send(new Response().WithFile(path)));
        Shuttle(Whole);
        _server.Socket.Room = piece;
        _client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Shuttle(Whole);
        _server.Loop.TurnUntil(() => _server.Connection.BufferIsEmpty, () => _server.Socket.MakeRoom(piece));
        _server.Socket.MakeRoom();
        Shuttle(Whole);
        Assert.That($"{_toClient}", Does.StartWith("HTTP/1.1 200 OK\r\n").And.EndWith("\r\n\r\n" + content));
    }

    /// <summary>
    /// RFC 8446 section 6.1: close_notify, and behind all that was sent; in TLS 1.2 its record says what it is.
    /// </summary>
    [Test]
    public void EndInOrderIsTheLastRecordWhateverTheSocketTakes([Values(1, 7, 1000)] int piece)
    {
        Open(SslProtocols.Tls12);
        Shuttle(Whole);
        _server.Socket.Room = 0;
        _server.Loop.Do(() => _server.Connection.Close("bye"));
        _server.Loop.TurnUntilNothingHappens();
        Assert.That(_server.Socket.IsClosed, Is.False);
        _server.Loop.TurnUntil(() => _server.Socket.IsClosed, () => _server.Socket.MakeRoom(piece));
        Assert.That(RecordsOf(_server.Socket.Sent)[^2..], Is.EqualTo(new byte[] { 23, Alert }));
        Shuttle(Whole);
        Assert.That(($"{_toClient}", _client.Events[^2..]), Is.EqualTo(("bye", new List<string> { "close", "freed" })));
    }

    /// <summary>RFC 8446 section 6.1: close_notify ends one direction, and the other one goes on.</summary>
    [Test]
    public void SideThatHasEndedItsSendingStillReceives([ValueSource(nameof(Versions))] SslProtocols version)
    {
        Open(version);
        Shuttle(Whole);
        _server.Send("all");
        _server.Loop.Do(_server.Connection.EndSending);
        _client.Send("more");
        _client.Send(" and more");
        Assert.That(_client.Socket.HandOverTo(_server.Socket, Whole));
        _server.Loop.TurnUntilNothingHappens();
        Assert.That($"{_toServer}", Is.EqualTo("more and more"));
    }

    [Test]
    public void PeerThatEndsWithinARecordIsClosedAndItsHalfIsNothing([ValueSource(nameof(Versions))] SslProtocols version)
    {
        Open(version);
        Shuttle(Whole);
        int before = _client.Socket.Sent.Length;
        _client.Send("never whole");
        string record = _client.Socket.Sent[before..];
        _server.Socket.Arrive(record[..^1]).ArriveEnd();
        _server.Loop.TurnUntilNothingHappens();
        Assert.That(($"{_toServer}", _server.Socket.IsClosed), Is.EqualTo(("", true)));
        Assert.That(_server.Events.Count(one => one == "close"), Is.EqualTo(1));
    }

    /// <summary>Each send of either side in turn is the one that fails, of the handshake and of what follows.</summary>
    [Test]
    public void ResetAtAnyStepEndsBothOnce([ValueSource(nameof(Versions))] SslProtocols version, [Values] bool ofTheServer,
        [Range(0, 4)] int step)
    {
        Open(version);
        MemoryConnection broken = ofTheServer ? _server : _client;
        MemoryConnection other = ofTheServer ? _client : _server;
        broken.Socket.SendsUntilReset = step;
        Shuttle(Whole);
        for (int i = 0; i < 5; i++)
        {
            broken.Send($"{i}");
            Shuttle(Whole);
        }
        Assert.That(broken.Connection.Status, Is.EqualTo(ConnectionStatus.Closed));
        Assert.That(broken.Events[^1], Is.EqualTo("freed"));
        Assert.That(broken.Events.Distinct(), Is.EqualTo(broken.Events), "each is told once");
        Assert.That(broken.Events, Does.Contain("secured").And.Contain("close").Or.Contains("gone"));
        other.Socket.Break();
        other.Loop.TurnUntilNothingHappens();
        Assert.That((other.Connection.Status, other.Events[^1]), Is.EqualTo((ConnectionStatus.Closed, "freed")));
        Assert.That(other.Events.Distinct(), Is.EqualTo(other.Events));
    }

    /// <summary>Bytes that are no record, a record that was tampered with, and one that is longer than any.</summary>
    [Test]
    public void WhatCameBeforeARefusalIsHandedOnHoweverItArrives([ValueSource(nameof(Versions))] SslProtocols version,
        [Values("garbage", "tampered", "long")] string kind, [Values(1, 7, Whole)] int size)
    {
        Open(version);
        Shuttle(Whole);
        int before = _client.Socket.Sent.Length;
        _client.Send("good");
        string good = _client.Socket.Sent[before..];
        _client.Send("bad");
        string bad = _client.Socket.Sent[(before + good.Length)..];
        if (kind == "tampered") bad = bad[..^1] + (char)(bad[^1] ^ 1);
        else bad = kind == "garbage" ? "GET / HTTP/1.1\r\n\r\n" : "\u0017\u0003\u0003\u0048\u0001";
        foreach (char[] piece in (good + bad).Chunk(size)) _server.Socket.Arrive(new string(piece));
        _server.Loop.TurnUntil(() => _server.Socket.IsClosed, () => { });
        Assert.That($"{_toServer}", Is.EqualTo("good"));
        Assert.That(_server.Events, Is.EqualTo(new[] { "secured", "rejected 0", "gone", "close", "freed" }));
    }

    [Test]
    public void WhatFollowsTheFirstMessageIsJudgedAsIfItCameByItself([Values(1, 7, Whole)] int size)
    {
        Open(SslProtocols.Tls13);
        string hello = _client.Socket.Sent;
        foreach (char[] piece in (hello + "GET / HTTP/1.1").Chunk(size)) _server.Socket.Arrive(new string(piece));
        _server.Loop.TurnUntil(() => _server.Events.Count > 0, () => { });
        Assert.That(_server.Events[0], Is.EqualTo("handshake failed: the peer does not speak TLS"));
    }

    /// <summary>RFC 8446 section 6.2, before there are keys; type, version, length, fatal, description.</summary>
    [TestCase("GET / HTTP/1.1\r\n\r\n", "\u0015\u0003\u0003\0\u0002\u0002\u000a")]
    [TestCase("\u0016\u0003\u0001\0\0", "\u0015\u0003\u0003\0\u0002\u0002\u000a")]
    [TestCase("\u0016\u0003\u0001\u0048\u0001", "\u0015\u0003\u0003\0\u0002\u0002\u0016")]
    public void RefusalSendsItsAlert(string bytes, string alert)
    {
        foreach (int size in new[] { 1, Whole })
        {
            Open(SslProtocols.Tls13);
            foreach (char[] piece in bytes.Chunk(size)) _server.Socket.Arrive(new string(piece));
            _server.Loop.TurnUntilNothingHappens();
            Assert.That(_server.Socket.Sent, Is.EqualTo(alert));
        }
    }

    /// <summary>The longest record there may be is waited for.</summary>
    [Test]
    public void LongestRecordIsNoRefusal()
    {
        Open(SslProtocols.Tls13);
        _server.Socket.Arrive("\u0016\u0003\u0001\u0048\0");
        _server.Loop.TurnUntilNothingHappens();
        Assert.That((_server.Socket.Sent, _server.Events.Count), Is.EqualTo(("", 0)));
    }

    private void Open(SslProtocols version) =>
        Open<byte[]>(version, RawProtocol.Instance, (_, bytes) => _toServer.Append(Encoding.Latin1.GetString(bytes)));

    private void Open<T>(SslProtocols version, ConnectionProtocol protocol, Action<TcpConnection, T> onMessage)
    {
        _toServer.Clear();
        _toClient.Clear();
        var loop = new MemoryLoop();
        var buffers = new ConnectionBuffers(loop);
        var options =
            new SslServerAuthenticationOptions { ServerCertificate = Certificates.Default.Server, EnabledSslProtocols = version };
        _server = MemoryConnection.Open(protocol, onMessage, loop, buffers,
            new TlsFilter(ssl => ssl.AuthenticateAsServerAsync(options), Wait.Limit));
        _client = MemoryConnection.Open<byte[]>(RawProtocol.Instance,
            (_, bytes) => _toClient.Append(Encoding.Latin1.GetString(bytes)), loop, buffers,
            TlsFilter.ForClient(TlsClient.Options(version), Wait.Limit));
        _client.Connection.TlsSocket!.Start(default);
    }

    /// <summary>Hands each side what the other has sent, in pieces of a size, until neither has anything to say.</summary>
    private void Shuttle(int size)
    {
        do
        {
            _server.Loop.TurnUntil(() => !CanReceive(_server) && !CanReceive(_client), () => { });
            _server.Loop.TurnUntilNothingHappens();
        }
        while (_server.Socket.HandOverTo(_client.Socket, size) | _client.Socket.HandOverTo(_server.Socket, size));
    }

    private static bool CanReceive(MemoryConnection connection) =>
        connection.Socket.HasUnread && connection.Socket.ReadEnabled && !connection.Socket.IsClosed;

    /// <summary>The content types of the records (RFC 8446 section 5.1).</summary>
    private static List<byte> RecordsOf(string wire)
    {
        var types = new List<byte>();
        for (int at = 0; at < wire.Length; at += 5 + (wire[at + 3] << 8) + wire[at + 4]) types.Add((byte)wire[at]);
        return types;
    }
}
