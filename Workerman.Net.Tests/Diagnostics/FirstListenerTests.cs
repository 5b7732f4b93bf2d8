using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Diagnostics;

/// <summary>
/// What the first listener of the process is told of requests that it has not seen begin. Alone, because the listeners of other
/// fixtures would have been there before.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[NonParallelizable]
internal sealed class FirstListenerTests(Type loopType)
{
    [Test]
    public async Task ListenerThatComesInTheMiddleIsToldOfWholeRequestsOnly()
    {
        string name = MeasuredRequests.NewName();
        TcpConnection? waiting = null;
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/wait") Volatile.Write(ref waiting, connection);
            else connection.Send("ok");
        }, worker => worker.Name = name);
        using RawClient client = server.Connect();
        client.Send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
        await Wait.Until(() => Volatile.Read(ref waiting) is not null, "the request");
        using var measured = new MeasuredRequests(name);
        waiting!.Send("done");
        client.ReadResponse();
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        await Wait.Until(() => measured.Ended.Count > 0, "the second request");
        Assert.That((measured.Active, measured.Begun), Is.EqualTo((0, 1)));
    }
}
