using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// What a request costs the collector: bytes are counted by the loop's thread, so nothing of the client is among them.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class AllocationTests(Type loopType)
{
    [Test]
    public async Task KeepAliveGetAllocatesLessThanAKibibyte()
    {
        const int Warm = 200;
        const int Counted = 2000;
        var allocated = new TaskCompletionSource<long>();
        int number = 0;
        long before = 0;
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            number++;
            if (number == Warm) before = GC.GetAllocatedBytesForCurrentThread();
            if (number == Warm + Counted) allocated.SetResult(GC.GetAllocatedBytesForCurrentThread() - before);
            connection.Send(request.Path == "/hello" ? "Hello, World!" : "");
        });
        using RawClient client = server.Connect();
        for (int i = 0; i < Warm + Counted; i++)
        {
            client.Send("GET /hello?a=b HTTP/1.1\r\nHost: example.org:8080\r\nUser-Agent: test/1.0\r\nAccept: */*\r\n"
                + "Accept-Encoding: gzip, br\r\n\r\n");
            client.ReadResponse();
        }
        long each = Wait.For(allocated.Task) / Counted;
        TestContext.Out.WriteLine($"{each} bytes a request");
        Assert.That(each, Is.LessThan(1024));
    }
}
