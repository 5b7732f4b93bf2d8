using System.Text;
using Microsoft.Win32.SafeHandles;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Sessions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>A disk that does not answer holds up whoever wants its file, and nobody else.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class SlowDiskTests(Type loopType)
{
    private const int Pieces = 3;
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private const string Other = "GET /other HTTP/1.1\r\nHost: a\r\n\r\n";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public async Task OthersAreServedWhileAFileIsReadAndItArrivesWhole()
    {
        byte[] content = Content(2 * DiskReader.PieceSize + 1);
        using var disk = new SlowDisk();
        await using TestServer server = Serve(content, disk);
        using RawClient client = server.Connect();
        using RawClient other = server.Connect();
        client.Send(Get).ReadUntil("\r\n\r\n");
        await Wait.Until(() => disk.Begun == 1, "the first piece");
        for (int i = 0; i < 10; i++) Assert.That(other.Send(Other).ReadResponse().Body, Is.EqualTo("other"));
        disk.Answer();
        byte[] received = Encoding.Latin1.GetBytes(client.ReadExactly(content.Length));
        Assert.That(received.AsSpan().SequenceEqual(content));
        Assert.That(disk.Begun, Is.GreaterThanOrEqualTo(Pieces));
        Assert.That(client.Send(Other).ReadResponse().Body, Is.EqualTo("other"), "and the connection goes on");
    }

    [Test]
    public async Task OthersAreServedWhileASmallFileIsRead()
    {
        byte[] content = Content(100);
        using var disk = new SlowDisk();
        await using TestServer server = Serve(content, disk);
        using RawClient client = server.Connect();
        using RawClient other = server.Connect();
        client.Send(Get + Other);
        await Wait.Until(() => disk.Begun == 1, "the file");
        for (int i = 0; i < 10; i++) Assert.That(other.Send(Other).ReadResponse().Body, Is.EqualTo("other"));
        disk.Answer();
        Assert.That(client.ReadUntil("\r\n\r\n"), Does.StartWith("HTTP/1.1 200"));
        Assert.That(Encoding.Latin1.GetBytes(client.ReadExactly(content.Length)), Is.EqualTo(content));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("other"));
    }

    [Test]
    [Platform("Linux")]
    public async Task FileOfAConnectionThatEndsMeanwhileIsClosed()
    {
        using var disk = new SlowDisk();
        await using TestServer server = Serve(Content(DiskReader.PieceSize + 1), disk);
        using (RawClient client = server.Connect())
        {
            client.Send(Get).ReadUntil("\r\n\r\n");
            await Wait.Until(() => disk.Begun == 1, "the first piece");
            client.Reset();
        }
        await Wait.Until(() => server.Main.Connections.Count == 0, "the end of the connection");
        disk.Answer();
        await Wait.Until(() => OpenFiles.CountOf(_folder.PathOf("file")) == 0, "the file to be closed");
        using RawClient other = server.Connect();
        Assert.That(other.Send(Other).ReadResponse().Body, Is.EqualTo("other"));
    }

    [Test]
    [Platform("Linux")]
    public void WhatWasReadIsCachedAndWhatWasNotIsNot()
    {
        string path = _folder.WriteSparse("sparse", 4 * DiskReader.PieceSize);
        using SafeFileHandle file = File.OpenHandle(path);
        Assert.That(DiskReader.Default.IsCached(file, DiskReader.PieceSize, DiskReader.PieceSize), Is.False);
        var buffer = new byte[4 * DiskReader.PieceSize];
        Assert.That(RandomAccess.Read(file, buffer, 0), Is.EqualTo(buffer.Length));
        Assert.That(DiskReader.Default.IsCached(file, 0, buffer.Length), Is.True);
        Assert.That(DiskReader.Default.IsCached(file, 1, 1), Is.True, "a part of a page");
        Assert.That(DiskReader.Default.IsCached(file, 4095, 2), Is.True, "over the bound of two");
        Assert.That(DiskReader.Default.IsCached(file, 0, 0), Is.True, "nothing");
        Assert.That(DiskReader.Default.TryRead(file, 4095, buffer.AsSpan(0, 8192)), Is.True);
        Assert.That(DiskReader.Default.TryRead(file, buffer.Length - 1, buffer.AsSpan(0, 2)), Is.False, "beyond the end");
    }

    [Test]
    public async Task SessionFilesAreReadAndWrittenElsewhereIfThatIsAwaited()
    {
        var handler = new FileSessionHandler(_folder.PathOf("sessions"));
        string id = SessionIds.Create();
        using var gate = new ManualResetEventSlim();
        Task<byte[]?> update = handler.UpdateAsync(id, _ =>
        {
            gate.Wait(Wait.Limit);
            return "data"u8.ToArray();
        }, TimeSpan.FromMinutes(1)).AsTask();
        Assert.That(update.IsCompleted, Is.False);
        gate.Set();
        await update.WaitAsync(Wait.Limit);
        Assert.That(await handler.ReadAsync(id, TimeSpan.FromMinutes(1)), Is.EqualTo("data"u8.ToArray()));
        Assert.That(await handler.UpdateTimestampAsync(id, TimeSpan.FromMinutes(1)), Is.True);
        await handler.WriteAsync(id, "more"u8.ToArray(), TimeSpan.FromMinutes(1));
        Assert.That(handler.Read(id, TimeSpan.FromMinutes(1)), Is.EqualTo("more"u8.ToArray()));
        Assert.That(async () => await handler.ReadAsync("no id", TimeSpan.FromMinutes(1)), Throws.ArgumentException);
    }

    private static byte[] Content(int length)
    {
        byte[] content = new byte[length];
        new Random(1).NextBytes(content);
        return content;
    }

    private TestServer Serve(byte[] content, DiskReader disk)
    {
        string path = _folder.PathOf("file");
        File.WriteAllBytes(path, content);
        return TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/other") connection.Send("other");
            else connection.Send(new Response().WithFile(path));
        }, worker => worker.OnWorkerStart = _ => ConnectionBuffers.Of(EventLoop.Current!).Disk = disk);
    }

    /// <summary>A disk that has nothing in memory, and answers when it is told to.</summary>
    private sealed class SlowDisk : DiskReader, IDisposable
    {
        private readonly ManualResetEventSlim _answers = new();
        private int _begun;

        public int Begun => Volatile.Read(ref _begun);

        public override bool IsCached(SafeFileHandle file, long offset, long count) => false;

        public override bool TryRead(SafeFileHandle file, long offset, Span<byte> bytes) => false;

        public void Answer() => _answers.Set();

        public void Dispose() => _answers.Set();

        protected override void Read(SafeFileHandle file, long offset, long count)
        {
            Interlocked.Increment(ref _begun);
            _answers.Wait(Wait.Limit);
            base.Read(file, offset, count);
        }
    }
}
