using Workerman.Events;

namespace Workerman.Tests.Support;

/// <summary>
/// Turns of a loop that has nothing else to do, so that a test sees what does not happen without waiting for a time and hoping: a
/// byte goes to a socket of the loop's and is waited for, so whatever was ready before has been told by then, in the way the loop
/// finds out about sockets.
/// </summary>
internal static class LoopTurns
{
    /// <summary>
    /// Lets a loop have turns. What was sent to it before is read in the first, answered in it or in the second, and so on.
    /// </summary>
    /// <param name="loop">A loop that runs, on another thread.</param>
    /// <param name="count">How many.</param>
    public static async Task Pass(IEventLoop loop, int count = 5)
    {
        using var pair = new SocketPair();
        using var told = new SemaphoreSlim(0);
        byte[] buffer = new byte[1];
        ILoopSocket? socket = null;
        var handler = new RecordingHandler
        {
            Readable = () =>
            {
                if (socket!.Receive(buffer, out _) == 1) told.Release();
            },
        };
        Assert.That(loop.Post(() => socket = loop.Watch(pair.Near, handler)), "the loop has stopped");
        for (int i = 0; i < count; i++)
        {
            pair.Far.Send("x"u8);
            Assert.That(await told.WaitAsync(Wait.Limit), "the loop does not tell of a byte that is there");
        }
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Post(() =>
        {
            socket!.Dispose();
            closed.SetResult();
        });
        await closed.Task.WaitAsync(Wait.Limit);
    }

    /// <summary>The same with the loop that a server's connections are on, which is all the same where it has one loop.</summary>
    public static Task Pass(TestServer server) => Pass(server.Main.Connections.First().Loop);
}
