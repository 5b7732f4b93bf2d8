using System.Collections.Concurrent;
using System.Text;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols;

/// <summary>tcp:// as text: UTF-8 as it comes, with no character cut in two.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class RawTextTests(Type loopType)
{
    [Test]
    public async Task CharactersArriveWholeHoweverTheirBytesAreCut()
    {
        const string Text = "aé€😀\u07FF\uFFFD\U0010FFFFz";
        byte[] bytes = Encoding.UTF8.GetBytes(Text);
        var received = new ConcurrentQueue<string>();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("tcp://127.0.0.1:0")
        {
            OnMessage = (connection, text) =>
            {
                received.Enqueue(text);
                connection.Send(text);
            },
        });
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using RawClient client = server.Connect();
            client.Send(bytes, fragmentation);
            Assert.That(Encoding.Latin1.GetBytes(client.ReadExactly(bytes.Length)), Is.EqualTo(bytes), $"{fragmentation}");
        }
        Assert.That(string.Concat(received), Is.EqualTo(Text + Text + Text));
        Assert.That(received, Has.None.Empty);
    }

    [TestCase(new byte[] { 0xFF, (byte)'a' }, "\uFFFDa")]
    [TestCase(new byte[] { 0x80, 0x80, 0x80, (byte)'a' }, "\uFFFD\uFFFD\uFFFDa")]
    [TestCase(new byte[] { 0xE2, 0x82, (byte)'a' }, "\uFFFDa")]
    public async Task BytesThatAreNoCharacterDoNotHoldTheRestUp(byte[] bytes, string expected)
    {
        await using TestServer server = TestServer.Start(loopType,
            new Worker<string>("tcp://127.0.0.1:0") { OnMessage = (connection, text) => connection.Send(text) });
        using RawClient client = server.Connect();
        client.Send(bytes);
        Assert.That(Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(client.ReadExactly(Encoding.UTF8.GetByteCount(expected)))),
            Is.EqualTo(expected));
    }

    [Test]
    public async Task ArraysAreBytesAsTheyCome()
    {
        await using TestServer server = TestServer.Start(loopType,
            new Worker<byte[]>("tcp://127.0.0.1:0") { OnMessage = (connection, bytes) => connection.Send(bytes) });
        using RawClient client = server.Connect();
        Assert.That(client.Send("\xFF\x00z").ReadExactly(3), Is.EqualTo("\xFF\x00z"));
    }
}
